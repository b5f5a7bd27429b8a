"""What a PostgreSQL connection's two directions know of each other, and the types of messages.

PostgreSQL's "Frontend/Backend Protocol": a message is a type, an Int32 length that counts
itself but not the type, and a body. A connection's first messages have no type.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

from chaostui.protocol import Negotiation, Request
from chaostui.protocols.sql import HEAD, summary

HEADER = struct.Struct(">Bi")
AUTHENTICATION = struct.Struct(">i")

MAX_START = 10_000
"""The longest startup packet a server takes (its MAX_STARTUP_PACKET_LENGTH)."""
VERSION_3 = 3
CANCEL, SSL, GSS = 80877102, 80877103, 80877104

QUERY, PARSE, BIND, DESCRIBE, EXECUTE, CLOSE, SYNC, FLUSH = b"QPBDECSH"
CALL, PASSWORD, TERMINATE, COPY_DATA, COPY_DONE, COPY_FAIL = b"FpXdcf"

NAMES = 128
"""How many bytes of a body can hold the names of a statement and a portal (63 each)."""
PEEK = {
    QUERY: HEAD, PARSE: NAMES + HEAD, BIND: NAMES, DESCRIBE: NAMES, CLOSE: NAMES,
    EXECUTE: NAMES, SYNC: 0, FLUSH: 0, CALL: 0, PASSWORD: 4096, TERMINATE: 0,
    COPY_DATA: 0, COPY_DONE: 0, COPY_FAIL: 0,
}  # fmt: skip
"""What a client can send, and how much of the body is looked at."""

LOGINS = frozenset({"CONNECT", "PASSWORD", "SET"})
"""Commands that open a session: the login, and what drivers send right after it."""

MAX_STATEMENTS = 1000
"""Prepared statements whose text is remembered, for names."""


class Unit(Request):
    """What is answered as a whole.

    A Query, or extended messages up to Sync (answered up to ReadyForQuery) or up to Flush
    (answered by one message for each of them).
    """

    kind = 0
    """The type of its first message; 0: the connection's start."""
    whole = True
    """It does not go on where a Flush has ended the one before."""
    synced = False
    """It was complete, and the backend will say ReadyForQuery."""
    sent = 0
    """Messages in it that are answered by one each."""
    answered = 0
    unnamed = False
    """It gives the statement without a name a text."""
    swaps: Mapping[int, bytes] = MappingProxyType({})
    """What the client sees in place of the messages of these types; empty: nothing."""
    raw = b""
    """A step of the login, so that it can be passed on after all."""
    opens = False
    """It belongs to the login, or to the settings that drivers make right after it."""
    owed: int | None = None
    """How many of these answers end its reply; None: ReadyForQuery does."""

    @property
    def over(self) -> bool:
        """Whether all was answered that is owed up to a Flush."""
        return self.owed is not None and self.answered >= self.owed


FAILED = 1 << 30
"""Answers enough for any unit: after an error the server skips what is left of it."""


class Session:
    """What both directions of a connection must know."""

    __slots__ = ("asked", "asking", "connect", "eats_sync", "opaque", "opening", "ready",
                 "starting", "statements", "status", "tls", "within")  # fmt: skip

    def __init__(self, tls: Negotiation = "") -> None:
        self.tls = tls
        """What comes of a request for TLS."""
        self.asked = b""
        """One that was passed on for the backend to decide."""
        self.opening = True
        """Nothing was asked yet but what opens a session."""
        self.starting = True
        """The client has not sent its StartupMessage yet."""
        self.connect: Unit | None = None
        """The start of the connection, once it has asked for encryption."""
        self.asking = 0
        """Requests for encryption that the backend has not answered yet, by one byte each."""
        self.ready = False
        """The login is over."""
        self.status = b"I"
        """Idle, in a Transaction, or in one that has failEd, by the latest ReadyForQuery."""
        self.within = False
        """A Flush has ended the latest unit: the next one goes on where it was."""
        self.eats_sync = False
        """The backend reads COPY data and drops the Sync before it: one more must come."""
        self.opaque = ""
        """Why the bytes from here on cannot be read."""
        self.statements: dict[bytes, tuple[str, str, str]] = {}

    def remember(self, body: bytes) -> None:
        """Take note of the text that a Parse gives a statement."""
        name, _, text = body.partition(b"\0")
        if len(self.statements) < MAX_STATEMENTS or name in self.statements:
            self.statements[name] = summary(text.partition(b"\0")[0][:HEAD])

    def describe(self, kind: int, body: bytes) -> tuple[str, str, str]:
        """Name a unit, and its command, by its first message."""
        if kind == QUERY:
            return summary(body.partition(b"\0")[0])
        if kind == PARSE:
            return self._statement("PARSE", body.partition(b"\0")[0])
        if kind == BIND:
            return self._statement("BIND", body.partition(b"\0")[2].partition(b"\0")[0])
        if kind == DESCRIBE and body[:1] == b"S":
            return self._statement("DESCRIBE", body[1:].partition(b"\0")[0])
        if kind == EXECUTE:
            return self._named("EXECUTE", body.partition(b"\0")[0])
        if kind in (DESCRIBE, CLOSE):
            return self._named(WORDS[kind], body[1:].partition(b"\0")[0])
        return WORDS[kind], WORDS[kind], ""

    def _statement(self, word: str, name: bytes) -> tuple[str, str, str]:
        return self.statements.get(name) or self._named(word, name)

    def _named(self, word: str, name: bytes) -> tuple[str, str, str]:
        return f"{word} {name[:60].decode(errors='replace')}".rstrip(), word, ""


WORDS = {
    DESCRIBE: "DESCRIBE", CLOSE: "CLOSE", SYNC: "SYNC", FLUSH: "FLUSH",
    CALL: "CALL", PASSWORD: "PASSWORD", TERMINATE: "TERMINATE",
    COPY_DATA: "COPY data", COPY_DONE: "COPY data", COPY_FAIL: "COPY data",
}  # fmt: skip
