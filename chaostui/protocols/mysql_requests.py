"""Cut what a MySQL client sends into commands."""

from __future__ import annotations

from typing import NamedTuple

from chaostui.protocols.framing import Desync, Handover
from chaostui.protocols.lengths import MORE, LengthCutter
from chaostui.protocols.mysql_errors import NEVER_FAIL
from chaostui.protocols.mysql_packets import (
    ATTRIBUTES,
    AUTHENTICATION,
    CLOSE,
    COMMANDS,
    EXECUTE,
    EXECUTE_BULK,
    FULL,
    GREETING,
    LOGIN,
    LOGINS,
    LONG_DATA,
    MAX_STATEMENTS,
    PREPARE,
    RESET,
    Command,
    Reader,
    Results,
    Session,
)
from chaostui.protocols.sql import HEAD, summary

PEEK = HEAD + 3
"""How much of a command is looked at: its code, the count of its attributes, its text."""
PEEK_LOGIN = 4096
QUOTES = b"'\""
"""What strings stand in."""


class Code(NamedTuple):
    """A command: what people call it, and what reads its reply (None: it gets none)."""

    word: str
    reads: Reader | None = Results.first
    opaque: str = ""
    """Why nothing can be read after it."""


QUIT, INIT_DB, QUERY, CHANGE_USER, FETCH = 0x01, 0x02, 0x03, 0x11, 0x1C
NAMED = (INIT_DB, 0x04, 0x05, 0x06, CHANGE_USER)
"""Commands whose argument is a name: of a schema, a table, a user."""
BY_ID = (EXECUTE, LONG_DATA, CLOSE, RESET, FETCH, EXECUTE_BULK)
"""Commands whose argument begins with the id of a statement."""

CODES = {
    QUIT: Code("QUIT", None),
    INIT_DB: Code("USE"),
    QUERY: Code("QUERY"),
    0x04: Code("FIELD LIST", Results.rows),
    0x05: Code("CREATE DATABASE"),
    0x06: Code("DROP DATABASE"),
    0x07: Code("REFRESH"),
    0x08: Code("SHUTDOWN"),
    0x09: Code("STATISTICS", Results.single),
    0x0A: Code("PROCESSLIST"),
    0x0C: Code("KILL"),
    0x0D: Code("DEBUG"),
    0x0E: Code("PING"),
    CHANGE_USER: Code("CHANGE USER", Results.login),
    0x12: Code("BINLOG DUMP", opaque="replication"),
    0x13: Code("TABLE DUMP", opaque="replication"),
    0x15: Code("REGISTER REPLICA"),
    PREPARE: Code("PREPARE", Results.prepared),
    EXECUTE: Code("EXECUTE"),
    LONG_DATA: Code("LONG DATA", None),
    CLOSE: Code("CLOSE", None),
    RESET: Code("RESET"),
    0x1B: Code("SET OPTION"),
    FETCH: Code("FETCH", Results.rows),
    0x1E: Code("BINLOG DUMP", opaque="replication"),
    0x1F: Code("RESET CONNECTION"),
    0x20: Code("CLONE", opaque="clone"),
    EXECUTE_BULK: Code("EXECUTE"),
}


class Requests(LengthCutter):
    """The bytes from the client."""

    session: Session
    command: Command
    split = False
    """The payload goes on in the next packet."""

    def head(self, data: bytes, at: int) -> int:
        session = self.session
        if session.opaque:
            raise Handover(session.opaque)
        there = len(data) - at
        if there < 4:
            return MORE
        size = int.from_bytes(data[at : at + 3], "little")
        sequence = data[at + 3]
        if session.phase != COMMANDS:
            return self.handshake(data, at, size)
        if self.split or session.infile:
            return self.go_on(size, sequence)
        if sequence or not size:
            raise Desync("no command of MySQL's begins like this")
        if there < 4 + min(size, PEEK):
            return MORE
        self.begin(data[at : at + 4 + min(size, PEEK)], size)
        self.split = size == FULL
        self.closes = not self.split
        return 4 + size

    def go_on(self, size: int, sequence: int) -> int:
        """Go on with a payload of several packets, or with the packets of a file."""
        if not self.opened:
            self.enter(Command("LOCAL INFILE data", "LOCAL INFILE"), None)
            self.command.began = sequence
        self.command.sequence = sequence
        if self.split:
            self.split = size == FULL
            self.closes = not self.split
        else:
            self.closes = not size
            self.session.infile = bool(size)
        return 4 + size

    def begin(self, seen: bytes, size: int) -> None:
        """Begin a command."""
        payload = seen[4:]
        code = CODES.get(payload[0])
        if code is None:
            raise Desync(f"no known command 0x{payload[0]:02x}")
        if code.reads is None:
            # Whole as it is, so that it can be passed on although the command is hit.
            tag = seen if size <= PEEK else b""
            if payload[0] == LONG_DATA and len(self.session.long) < MAX_STATEMENTS:
                self.session.long.add(payload[1:5])
            self.enter(Command(*self.describe(payload, code), tag=tag), None)
            return
        command = Command(*self.describe(payload, code))
        command.code = payload[0]
        command.raw = seen if code.word in NEVER_FAIL else b""
        self.note(command, payload[1:5])
        self.enter(command, code.reads)
        self.session.opaque = code.opaque
        if payload[0] == CHANGE_USER:
            self.session.phase = AUTHENTICATION

    def note(self, command: Command, number: bytes) -> None:
        """Take note of long data that the command uses up, or forgets."""
        if command.code in (EXECUTE, RESET, EXECUTE_BULK) and number in self.session.long:
            self.session.long.discard(number)
            command.statement = number

    def enter(self, command: Command, reads: Reader | None) -> None:
        """Begin a command's message; ``reads`` reads its reply, if one is due."""
        self.command = command
        command.opens = self.session.opening = self.session.opening and command.command in LOGINS
        if reads is None:
            self.open(command, replied=False)
        else:
            command.reads = reads
            self.ask(command)

    def describe(self, payload: bytes, code: Code) -> tuple[str, str, str]:
        """Name a command: its text, its command word, its key."""
        kind, argument = payload[0], payload[1:]
        if kind in (QUERY, PREPARE):
            if kind == QUERY and self.session.can(ATTRIBUTES):
                if argument[:2] != b"\0\1":
                    return code.word, code.word, ""
                argument = argument[2:]
            return summary(argument[:HEAD], QUOTES)
        if kind in BY_ID:
            return self.statement(code, argument[:4])
        if kind in NAMED:
            key = argument.partition(b"\0")[0][:60].decode(errors="replace")
            return f"{code.word} {key}", code.word, key
        return code.word, code.word, ""

    def statement(self, code: Code, number: bytes) -> tuple[str, str, str]:
        """Name a command on a prepared statement: an EXECUTE by the statement's own text."""
        statements = self.session.statements
        known = statements.pop(number, None) if code is CODES[CLOSE] else statements.get(number)
        if known is not None and code.word == "EXECUTE":
            return known
        return f"{code.word} {int.from_bytes(number, 'little')}", code.word, ""

    def handshake(self, data: bytes, at: int, size: int) -> int:
        """Read a packet of the login."""
        session = self.session
        if session.phase == GREETING:
            raise Desync("the client has spoken before the server's greeting")
        if len(data) - at < 4 + min(size, PEEK_LOGIN):
            return MORE
        seen = data[at : at + 4 + min(size, PEEK_LOGIN)]
        name = "AUTHENTICATION"
        if session.phase == LOGIN:
            session.logging_in(seen[4:])
            user = seen[36:].partition(b"\0")[0]
            name = f"LOGIN {user[:60].decode(errors='replace')}".rstrip()
        whole = seen if size <= PEEK_LOGIN else b""
        tls = bool(session.opaque)
        command = Command(name, name.partition(" ")[0], tag=whole if tls else b"")
        command.raw, command.sequence = whole, data[at + 3]
        self.enter(command, None if tls else Results.login)
        self.closes = True
        return 4 + size
