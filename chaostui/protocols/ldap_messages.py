"""Cut LDAP's two directions into operations and their results.

RFC 4511 section 5.1: a message is a BER SEQUENCE of definite length; in it a message id, then
the operation, told by its tag. Replies carry the id of their request and may come in any
order, those of several searches mixed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import NamedTuple

from chaostui.protocol import Frame, Request
from chaostui.protocols.framing import Desync, Handover
from chaostui.protocols.lengths import MAX_WAITING, MORE, SWITCH, LengthCutter

PEEK = 256
"""How much of a message is looked at."""
NAME = 60
"""How many characters of an entry's name a request's name shows."""
SEQUENCE = 0x30

UNBIND, ABANDON, EXTENDED = 0x42, 0x50, 0x77
BIND, DELETE = 0x60, 0x4A
WORDS = {
    BIND: "BIND", UNBIND: "UNBIND", 0x63: "SEARCH", 0x66: "MODIFY", 0x68: "ADD",
    DELETE: "DELETE", 0x6C: "RENAME", 0x6E: "COMPARE", ABANDON: "ABANDON", EXTENDED: "EXTENDED",
}  # fmt: skip
"""Operations by their tags (RFC 4511 sections 4.2 to 4.12)."""
RESULTS = {BIND: 0x61, 0x63: 0x65, 0x66: 0x67, 0x68: 0x69, DELETE: 0x6B, 0x6C: 0x6D,
           0x6E: 0x6F, EXTENDED: 0x78}  # fmt: skip
"""The tags of their results."""
BOUND = (b"\0", b"\x0e")
"""Results of a bind that worked, or goes on: success, saslBindInProgress."""
PARTS = frozenset({0x64, 0x73, 0x79})
"""SearchResultEntry, SearchResultReference, IntermediateResponse: a result comes after them."""

STARTTLS = b"1.3.6.1.4.1.1466.20037"
NAMES = {
    STARTTLS: "STARTTLS",
    b"1.3.6.1.4.1.4203.1.11.1": "PASSWORD MODIFY",
    b"1.3.6.1.4.1.4203.1.11.3": "WHO AM I",
    b"1.3.6.1.1.8": "CANCEL",
}
"""Extended operations (RFC 4511, 3062, 4532, 3909)."""


class Operation(Request):
    """A request, and what its result must carry."""

    id = b"\0"
    """The message id, as it was written."""
    result = 0
    """The tag of its result."""
    begun = False
    """A part of its reply was given out."""
    instead: bytes | None = None
    """The server was asked for something else in its place; this is what the client shall see."""


class Session:
    """What both directions of a connection must know."""

    __slots__ = ("abandoned", "bound", "opaque")

    def __init__(self) -> None:
        self.abandoned: list[Operation] = []
        """Operations whose results will never come, which the other direction must tell."""
        self.bound = False
        """The server knows the client by a bind, or is about to."""
        self.opaque = ""
        """Why the bytes from here on cannot be read."""


class Message(NamedTuple):
    """The begin of a message."""

    size: int
    seen: bytes
    """Its first bytes, all of it or ``PEEK`` of them."""
    id: bytes
    tag: int
    """The operation's."""
    start: int
    """Where in ``seen`` the operation's contents begin."""
    body: bytes
    """What is seen of them."""


def length(data: bytes, at: int) -> tuple[int, int] | None:
    """Read the length of the element at ``at``: where its contents begin, and their size.

    None: more bytes are needed. Raises Desync for an indefinite length, or one over 32 bits.
    """
    if len(data) - at < 2:
        return None
    size = data[at + 1]
    if size < 0x80:
        return at + 2, size
    count = size & 0x7F
    if not 1 <= count <= 4:
        raise Desync("an LDAP message's length is definite and fits in four bytes")
    start = at + 2 + count
    return (start, int.from_bytes(data[at + 2 : start])) if start <= len(data) else None


def contents(seen: bytes, at: int) -> bytes:
    """What is seen of the contents of the element at ``at``."""
    found = length(seen, at)
    return seen[found[0] : found[0] + found[1]] if found else b""


def read(data: bytes, at: int) -> Message | None:
    """Read the begin of the message at ``at``; None: more bytes are needed. Raises Desync."""
    if data[at] != SEQUENCE:
        raise Desync(f"no LDAP message begins with 0x{data[at]:02x}")
    outer = length(data, at)
    if outer is None:
        return None
    size = outer[0] + outer[1] - at
    if len(data) - at < min(size, PEEK):
        return None
    seen = data[at : at + min(size, PEEK)]
    start = outer[0] - at
    width = seen[start + 1] if seen[start : start + 1] == b"\x02" and outer[1] >= 5 else 0
    tag_at = start + 2 + width
    inner = length(seen, tag_at) if 1 <= width <= 4 else None
    if inner is None:
        raise Desync("no message id, or no operation after it, in an LDAP message")
    body = seen[inner[0] : inner[0] + inner[1]]
    return Message(size, seen, seen[start + 2 : tag_at], seen[tag_at], inner[0], body)


def secret(data: bytes) -> int:
    """Where in a bind, or a change of a password, the secrets begin."""
    message = read(data, 0) if data else None
    if message is None:
        return 0
    name = 0
    if message.tag == BIND:
        name = 2 + (message.body[1] if len(message.body) > 1 else 0)
    found = length(message.body, name)
    return message.start + sum(found or (name,))


def describe(message: Message) -> tuple[str, str, str]:
    """Name an operation: in full, by its word, by the entry it is about (its key)."""
    word, body = WORDS[message.tag], message.body
    if message.tag in (UNBIND, ABANDON):
        return word, word, ""
    if message.tag == EXTENDED:
        oid = contents(body, 0)
        name = NAMES.get(oid) or f"{word} {oid[:40].decode(errors='replace')}"
        return name, name if oid in NAMES else word, ""
    entry = body
    if message.tag == BIND:
        entry = contents(body, 2 + (body[1] if len(body) > 1 else 0))
    elif message.tag != DELETE:
        entry = contents(body, 0)
    key = entry.decode(errors="replace")
    return f"{word} {key[:NAME]}".rstrip(), word, key


class Packets(LengthCutter):
    """What both directions share: the session, and reading messages."""

    session: Session

    def head(self, data: bytes, at: int) -> int:
        if self.session.opaque:
            raise Handover(self.session.opaque)
        message = read(data, at)
        if message is None:
            return MORE
        return self.message(message)

    @abstractmethod
    def message(self, message: Message) -> int:
        """Take a message into account; return its size, or ``SWITCH``."""


class Requests(Packets):
    """The bytes from the client."""

    def message(self, message: Message) -> int:
        if message.tag not in WORDS:
            raise Desync(f"no LDAP request has the tag 0x{message.tag:02x}")
        name, word, key = describe(message)
        self.closes = True
        if message.tag not in RESULTS:
            whole = message.seen if message.size == len(message.seen) else b""
            self.open(Operation(name, word, key, whole), replied=False)
            if message.tag == ABANDON:
                self.abandon(message.body)
            return message.size
        operation = Operation(name, word, key)
        operation.id, operation.result = message.id, RESULTS[message.tag]
        self.ask(operation)
        return message.size

    def abandon(self, id: bytes) -> None:
        """Forget an operation that gets no result any more."""
        for operation in self.waiting:
            if isinstance(operation, Operation) and operation.id == id:
                if len(self.session.abandoned) >= MAX_WAITING:
                    raise Desync(f"more than {MAX_WAITING} operations were abandoned")
                forget(self.waiting, operation)
                self.session.abandoned.append(operation)
                return


def forget(waiting: deque[Request], operation: Operation) -> None:
    """Take an operation off the list; equal ones stay."""
    for at, other in enumerate(waiting):
        if other is operation:
            del waiting[at]
            return


class Replies(Packets):
    """The bytes from the backend."""

    def feed(self, data: bytes) -> list[Frame]:
        abandoned, self.session.abandoned = self.session.abandoned, []
        ends = [Frame(b"", first=False, request=operation) for operation in abandoned]
        # All that was seen of the open reply was given out.
        self.opened = self.left > 0
        return ends + super().feed(data)

    def message(self, message: Message) -> int:
        operation = self.asked(message.id)
        if self.opened and self.request is not operation:
            return SWITCH
        self.open(operation, replied=True, aside=operation is None)
        self.begun = operation is not None and operation.begun
        self.closes = operation is None or message.tag not in PARTS
        if operation is None or not self.closes:
            return message.size
        forget(self.waiting, operation)
        if operation.command == WORDS[BIND]:
            self.session.bound = message.body[2:3] in BOUND and operation.instead is None
        if operation.name == NAMES[STARTTLS] and message.body[2:3] == b"\0":
            self.session.opaque = "TLS"
        return message.size

    def frame(self, data: bytes) -> Frame:
        operation = self.request
        if isinstance(operation, Operation):
            operation.begun = True
            if operation.instead is not None:
                data = operation.instead if self.done else b""
        return super().frame(data)

    def asked(self, id: bytes) -> Operation | None:
        """The operation that has this message id; None: what is said was not asked for."""
        for operation in self.waiting:
            if isinstance(operation, Operation) and operation.id == id:
                return operation
        return None
