"""What a MySQL connection's two directions know of each other, and how packets are read.

MySQL's "Client/Server Protocol", MariaDB's "Clients & Utilities: Protocol": a packet is a
length of three bytes, little-endian, a sequence number and a payload. A payload that fills a
packet (16 MiB less one) goes on in the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chaostui.protocol import Negotiation, Request
from chaostui.protocols.framing import Desync

if TYPE_CHECKING:
    from chaostui.protocols.mysql_errors import Error

FULL = 0xFFFFFF
"""The length of a packet that is not the last of its payload."""

# Capabilities, and three of MariaDB's, which come in a field of their own.
COMPRESS, PROTOCOL_41, TLS, ZSTD = 1 << 5, 1 << 9, 1 << 11, 1 << 26
NOT_MARIADB, DEPRECATE_EOF, OPTIONAL_METADATA, ATTRIBUTES = 1, 1 << 24, 1 << 25, 1 << 27
CACHE_METADATA = 1 << 4

IN_TRANSACTION, MORE_RESULTS, CURSOR = 1, 8, 0x40
"""Flags of the server's status."""

GREETING, LOGIN, AUTHENTICATION, COMMANDS = range(4)
"""Phases: who speaks next, until commands and results take turns."""

PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET, EXECUTE_BULK = 0x16, 0x17, 0x18, 0x19, 0x1A, 0xFA
"""Commands on prepared statements."""

LOGINS = frozenset({"LOGIN", "AUTHENTICATION", "SET", "USE", "PING"})
"""Commands that open a session: the login, and what drivers send right after it."""

MAX_STATEMENTS = 1000
"""Prepared statements whose text is remembered, for names."""


class Command(Request):
    """A command, and how far its reply has come."""

    reads: Reader
    """What reads the next packet of its reply."""
    code = 0
    """What it is, by its first byte; 0: none of the commands."""
    statement = b""
    """The id of the prepared statement whose long data it uses up; empty: it does not."""
    sequence = 0
    """The number of its last packet."""
    began = 0
    """The number of its first packet."""
    left = 0
    """Packets of a list (column definitions) still to come."""
    raw = b""
    """A step of the login, or what never fails, so that it can be passed on after all."""
    opens = False
    """It belongs to the login, or to the settings that drivers make right after it."""
    instead: Error | None = None
    """The error that the client shall see at the reply's end."""


class Session:
    """What both directions of a connection must know."""

    __slots__ = ("asked", "capabilities", "extended", "infile", "long", "mariadb", "opaque",
                 "opening", "phase", "shift", "statements", "status", "tls")  # fmt: skip

    def __init__(self, tls: Negotiation = "") -> None:
        self.tls = tls
        """What comes of a wish for TLS; compression is offered only where TLS passes through."""
        self.asked = b""
        """Such a wish that was passed on, until the login follows."""
        self.shift = 0
        """By how much the client's numbers are higher than the server's, during the login."""
        self.phase = GREETING
        self.opening = True
        """Nothing was asked yet but what opens a session."""
        self.mariadb = True
        self.capabilities = 0
        """Those of the server at first, then what both sides have."""
        self.extended = 0
        """The same of MariaDB's own."""
        self.status = 0
        """The server's status by its latest OK or EOF packet."""
        self.infile = False
        """The server has asked for a file (LOAD DATA LOCAL INFILE)."""
        self.opaque = ""
        """Why the bytes from here on cannot be read."""
        self.long: set[bytes] = set()
        """Ids of statements for which the server holds long data."""
        self.statements: dict[bytes, tuple[str, str, str]] = {}
        """Names, commands and texts of prepared statements by their ids."""

    def can(self, capability: int) -> bool:
        """Whether both sides have a capability."""
        return bool(self.capabilities & capability)

    def greeted(self, payload: bytes) -> bytes:
        """Read the server's greeting (Protocol::HandshakeV10); return what the client shall see."""
        version, _, rest = payload[1:].partition(b"\0")
        if payload[:1] != b"\n" or len(rest) < 31:
            raise Desync("no greeting of MySQL's protocol 10")
        self.mariadb = b"MariaDB" in version
        self.capabilities = rest[13] | rest[14] << 8 | rest[18] << 16 | rest[19] << 24
        if not self.can(NOT_MARIADB):
            self.extended = int.from_bytes(rest[27:31], "little")
        self.phase = LOGIN
        if not self.tls:
            return payload
        self.capabilities &= ~(COMPRESS | ZSTD)
        if self.tls == "refuse":
            self.capabilities &= ~TLS
        elif self.tls == "grant":
            self.capabilities |= TLS
        flags = self.capabilities.to_bytes(4, "little")
        shown = rest[:13] + flags[:2] + rest[15:18] + flags[2:] + rest[20:]
        return payload[: -len(rest)] + shown

    @property
    def logged_in(self) -> bool:
        """Whether commands may come."""
        return self.phase == COMMANDS

    def logging_in(self, payload: bytes) -> None:
        """Read the client's answer (Protocol::HandshakeResponse41), or its wish for TLS."""
        capabilities = int.from_bytes(payload[:4], "little")
        if len(payload) < 32 or not capabilities & PROTOCOL_41:
            raise Desync("no login of MySQL 4.1 or later")
        self.capabilities &= capabilities
        self.extended &= int.from_bytes(payload[28:32], "little")
        if self.can(TLS) and len(payload) == 32:
            self.opaque = "TLS"
        self.phase = AUTHENTICATION

    def remember(self, statement: bytes, name: tuple[str, str, str]) -> None:
        """Take note of the text of a prepared statement."""
        if len(self.statements) < MAX_STATEMENTS:
            self.statements[statement] = name

    def ended(self, command: Command, status: int) -> bool:
        """Take a result's end into account; return whether no other result follows."""
        self.status = status
        command.reads = Results.first
        return not status & MORE_RESULTS


OK, FILE, EOF, ERR = 0x00, 0xFB, 0xFE, 0xFF


class Results:
    """Readers, one for each place in a reply.

    Each takes a packet's first bytes and its payload's length, and says whether the packet
    ends the reply.
    """

    @staticmethod
    def first(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read what a result begins with: OK, an error, a wish for a file, a column count."""
        kind = payload[0]
        if kind == ERR:
            return not progress(payload, size)
        if kind == OK and size >= 7:
            return session.ended(command, ok_status(payload))
        if kind == EOF and size < 9:
            return session.ended(command, eof_status(payload))
        if kind == FILE:
            session.infile = True
            return False
        command.left = columns(session, payload)
        command.reads = Results.definitions if command.left else after_definitions(session)
        return False

    @staticmethod
    def definitions(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read a column's definition."""
        if payload[0] == ERR:
            return not progress(payload, size)
        command.left -= 1
        if not command.left:
            command.reads = after_definitions(session)
        return False

    @staticmethod
    def definitions_end(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read the EOF packet before the rows; where a cursor was opened none follow."""
        if payload[0] == ERR:
            return not progress(payload, size)
        if payload[0] != EOF:
            raise Desync("no EOF packet after the column definitions")
        command.reads = Results.rows
        return bool(eof_status(payload) & CURSOR)

    @staticmethod
    def rows(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read a row, or what comes after the last."""
        kind = payload[0]
        if kind == ERR:
            return not progress(payload, size)
        if kind != EOF or size >= (FULL if session.can(DEPRECATE_EOF) else 9):
            return False
        status = ok_status if session.can(DEPRECATE_EOF) else eof_status
        return session.ended(command, status(payload))

    @staticmethod
    def prepared(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read the answer to a prepare: an id, then definitions of parameters and columns."""
        if payload[0] != OK or size < 12:
            return True
        session.remember(payload[1:5], (command.name, command.command, command.key))
        counts = [int.from_bytes(payload[at : at + 2], "little") for at in (5, 7)]
        if session.can(OPTIONAL_METADATA) and payload[12:13] == b"\0":
            counts = []
        ends = 0 if session.can(DEPRECATE_EOF) else sum(1 for count in counts if count)
        command.left = sum(counts) + ends
        command.reads = Results.listed
        return not command.left

    @staticmethod
    def listed(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read one of a known number of packets."""
        command.left -= 1
        return not command.left

    @staticmethod
    def single(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read an answer of one packet."""
        return True

    @staticmethod
    def login(session: Session, command: Command, payload: bytes, size: int) -> bool:
        """Read an answer to a step of the login: then it is the client's turn.

        Only after ``01 03``, a password known from the cache of caching_sha2_password, the
        server goes on by itself.
        """
        kind = payload[0]
        if kind in (OK, ERR):
            # After an error too: a user who could not be changed stays who it was.
            session.phase = COMMANDS
        if kind == OK:
            session.status = ok_status(payload)
            if session.can(COMPRESS) or session.can(ZSTD):
                session.opaque = "compression"
        return size != 2 or payload[:2] != b"\x01\x03"


Reader = Callable[[Session, Command, bytes, int], bool]


def after_definitions(session: Session) -> Reader:
    """What reads the packet after the last column definition."""
    return Results.rows if session.can(DEPRECATE_EOF) else Results.definitions_end


def columns(session: Session, payload: bytes) -> int:
    """How many column definitions a column count announces; 0 where the client has them."""
    if session.extended & CACHE_METADATA:
        count, at = number(payload, 0)
        return count if payload[at : at + 1] != b"\0" else 0
    if session.can(OPTIONAL_METADATA):
        return number(payload, 1)[0] if payload[0] else 0
    return number(payload, 0)[0]


def progress(payload: bytes, size: int) -> bool:
    """Whether an error packet is none but MariaDB's progress report."""
    return size > 3 and payload[1:3] == b"\xff\xff"


def number(payload: bytes, at: int) -> tuple[int, int]:
    """Read a length-encoded integer; return it and where it ends."""
    lead = payload[at] if at < len(payload) else 0
    width = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(lead, 0)
    if not width:
        return lead, at + 1
    return int.from_bytes(payload[at + 1 : at + 1 + width], "little"), at + 1 + width


def ok_status(payload: bytes) -> int:
    """The server's status in an OK packet, after two length-encoded integers."""
    at = number(payload, number(payload, 1)[1])[1]
    return int.from_bytes(payload[at : at + 2], "little")


def eof_status(payload: bytes) -> int:
    """The server's status in an EOF packet, after the count of warnings."""
    return int.from_bytes(payload[3:5], "little")
