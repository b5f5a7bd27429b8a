"""memcached: where commands and replies end (doc/protocol.txt, classic, meta and binary).

Quiet commands (``q`` of a meta command, binary operations such as GETKQ) are answered only where
there is something to say. So a reply that is made here can only follow them when it is known
that they have said all: the server is asked for nothing (``mn``, NOOP) in the place of the
command, and the error takes the place of its answer.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple, cast

from chaostui.protocol import Frame, Request
from chaostui.protocols import memcached_binary as binary
from chaostui.protocols.framing import Cutter, Desync

CRLF = 2
SHOWN_KEY = 64

STORAGE = {b"set": 4, b"add": 4, b"replace": 4, b"append": 4, b"prepend": 4, b"cas": 4, b"ms": 2}
"""Commands that bring a value, and which of their words is its length."""
MAY_BE_SILENT = frozenset([*STORAGE, b"delete", b"incr", b"decr", b"touch", b"flush_all"]) | {
    b"verbosity",
    b"cache_memlimit",
}
META = frozenset([b"mg", b"ms", b"md", b"ma"])
AFTER_TIME = frozenset([b"gat", b"gats"])
"""Commands whose key is their third word."""
ENDS = frozenset([b"quit", b"shutdown"])
"""Commands that the server answers with its FIN."""

VALUES = {b"VALUE": 3, b"CONFIG": 3, b"VA": 1}
"""Reply lines with a value after them, and which of their words is its length."""
LISTS = frozenset([b"VALUE", b"CONFIG", b"STAT", b"ITEM", b"PREFIX", b"key", b"mg"])
"""Reply lines after which another one follows."""

COMMAND = re.compile(rb"([A-Za-z_]{0,32})(?:[ \r\n]|\Z)")
REPLY = re.compile(rb"[A-Za-z0-9_]{1,32}(?:[ \r\n=]|\Z)")


TOLD = frozenset([b"VA", b"HD", b"EN", b"NS", b"EX", b"NF"])
"""What only meta commands are answered with."""
MOST_QUIET = 10_000
"""Quiet commands that are remembered by what their answers carry."""


class Command(Request):
    """A command, and its place in the stream."""

    number = 0
    """Its place among the client's commands from the first quiet one on; 0: before that."""
    quiet = False
    """It is answered only where there is something to say."""
    behind = False
    """Quiet commands come before it that may still be answered."""
    instead: bytes | None = None
    """The server was asked for nothing in its place; this is what the client shall see."""


class Fence(NamedTuple):
    """What was asked in the place of a quiet command, and what the client shall see."""

    number: int
    instead: bytes


class Session:
    """What both directions of a connection must know of its quiet commands."""

    __slots__ = ("fences", "marks", "quiet")

    def __init__(self) -> None:
        self.quiet = False
        """There was one: until then every reply answers the oldest command."""
        self.marks: deque[tuple[int, bytes]] = deque(maxlen=MOST_QUIET)
        """Their numbers, and what tells the answers to them."""
        self.fences: deque[Fence] = deque()
        """What was asked in the place of some, in the order of the stream."""


class Login(Command):
    """A connection's first request, where it is a ``set``: its value may be ``user password``.

    A server that wants a login takes it so (``-Y``, doc/protocol.txt "Authentication").
    """


def length(words: list[bytes], at: int) -> int:
    """The length that stands in ``words``, of a value and its CRLF; 0 when none does."""
    if len(words) <= at or not words[at].isdigit() or len(words[at]) > 20:
        return 0
    return int(words[at]) + CRLF


class Commands(Cutter):
    """What the client sends."""

    limit = 1_048_576

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.inside = False
        self.left = 0
        """Bytes to come of the current command's value."""
        self.fresh = True
        """No command has come yet."""
        self.number = 0
        self.unresolved = False
        """Quiet commands came since the last one that is answered in any case."""
        self.session = Session()

    def ready(self, start: int) -> bool:
        return self.held[0] == binary.REQUEST or self.held.find(b"\n", start) >= 0

    def advance(self, data: bytes, pos: int) -> int:
        if not self.inside:
            first = data[pos] == binary.REQUEST
            at = self.packet(data, pos) if first else self.line(data, pos)
            if not at:
                return pos
            pos = at
        end = min(pos + self.left, len(data))
        self.left -= end - pos
        self.done = not self.left
        self.inside = not self.done
        return end

    def line(self, data: bytes, pos: int) -> int:
        """Read a command line; return where it ends (0: more is needed)."""
        end = data.find(b"\n", pos) + 1
        command = COMMAND.match(data, pos)
        if command is None:
            raise Desync("not a command of memcached")
        if not end:
            return 0
        word = command[1]
        words = data[pos:end].split() if word else [word]
        at = 2 if word in AFTER_TIME else 1
        key = words[at] if len(words) > at else b""
        self.left = length(words, STORAGE[word]) if word in STORAGE else 0
        silent = word in ENDS or (word in MAY_BE_SILENT and words[-1] == b"noreply")
        flags = words[3 if word == b"ms" else 2 :] if word in META else []
        quiet = b"q" in flags
        self.begin(word.decode(), key, b"", replied=not (silent or quiet), quiet=quiet)
        if quiet:
            marks = [b"k" + key if flag == b"k" else flag for flag in flags if flag[:1] in b"kO"]
            self.session.marks.extend((self.number, mark) for mark in marks[-1:])
        return end

    def packet(self, data: bytes, pos: int) -> int:
        """Read a binary packet up to its key; return where its body begins (0: as above)."""
        head = binary.header(data, pos)
        if head is None:
            return 0
        if head.key + head.extras > head.body:
            raise Desync("a packet shorter than its key")
        start = pos + binary.SIZE
        key = start + head.extras
        end = key + min(head.key, binary.LONGEST_KEY)
        if len(data) < end:
            return 0
        self.left = head.body
        tag = bytes([head.opcode]) + head.opaque
        name = binary.OPCODES.get(head.opcode, f"opcode {head.opcode}")
        quiet = head.opcode in binary.QUIET
        self.begin(name, data[key:end], tag, replied=not quiet, quiet=quiet)
        return start

    def begin(self, command: str, key: bytes, tag: bytes, *, replied: bool, quiet: bool) -> None:
        """Name the command."""
        text = key.decode("utf-8", "backslashreplace")
        shown = text if len(text) <= SHOWN_KEY else f"{text[:SHOWN_KEY]}…"
        kind = Login if self.fresh and command == "set" and not tag else Command
        self.fresh = False
        self.request = asked = kind(f"{command} {shown}" if key else command, command, text, tag)
        self.replied = replied
        if quiet or self.number:
            self.count(asked, quiet=quiet)
        if replied:
            self.waiting.append(asked)

    def count(self, asked: Command, *, quiet: bool) -> None:
        """Remember where a command stands, as quiet ones may be about it."""
        self.number += 1
        asked.number = self.number
        asked.quiet = quiet
        if quiet:
            self.unresolved = self.session.quiet = True
        elif self.replied:
            asked.behind, self.unresolved = self.unresolved, False


class Replies(Cutter):
    """What the backend sends."""

    limit = 1_048_576

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.inside = False
        self.left = 0
        """Bytes to come of a value, its CRLF included."""
        self.more = False
        """Another line or packet follows that value."""
        self.session = Session()
        self.hidden: bytes | None = None
        """What takes the place of the current reply."""

    def ready(self, start: int) -> bool:
        return self.held[0] == binary.RESPONSE or self.held.find(b"\n", start) >= 0

    def advance(self, data: bytes, pos: int) -> int:
        size = len(data)
        self.done = False
        while pos < size and not self.done:
            if self.left:
                end = min(pos + self.left, size)
                self.left -= end - pos
            elif data[pos] == binary.RESPONSE:
                end = self.packet(data, pos)
            else:
                end = self.line(data, pos)
            if not end:
                break
            pos = end
            self.inside = self.left > 0 or self.more
            self.done = not self.inside
        if self.done and not self.aside:
            self.waiting.popleft()
        return pos

    def frame(self, data: bytes) -> Frame:
        if self.hidden is not None:
            data = self.hidden if self.done else b""
            self.hidden = None if self.done else self.hidden
        return super().frame(data)

    def oldest(self) -> Command | None:
        """The command whose reply is due next."""
        return cast("Command", self.waiting[0]) if self.waiting else None

    def answer(self, asked: Command | Fence | None) -> None:
        """Take the reply that begins for that to ``asked``; None: to a quiet command."""
        self.aside = not isinstance(asked, Command)
        self.hidden = None
        if asked is None:
            return
        self.hidden = asked.instead
        if isinstance(asked, Fence):
            self.session.fences.popleft()
        marks = self.session.marks
        while marks and marks[0][0] < asked.number:
            marks.popleft()

    def fence(self) -> Fence | None:
        """The fence whose answer comes before the next reply that is due."""
        asked = self.oldest()
        if not self.session.fences or (
            asked is not None and asked.number < self.session.fences[0].number
        ):
            return None
        return self.session.fences[0]

    def packet(self, data: bytes, pos: int) -> int:
        """Read the header of a binary packet; return where it ends (0: more is needed)."""
        head = binary.header(data, pos)
        if head is None:
            return 0
        if not self.inside:
            self.aside = not self.waiting
            if self.session.quiet:
                quiet = head.opcode in binary.QUIET
                self.answer(None if quiet else self.fence() or self.oldest())
        self.left = head.body
        self.more = head.opcode == binary.STAT and head.status == 0 and head.key > 0
        return pos + binary.SIZE

    def line(self, data: bytes, pos: int) -> int:
        """Read a line; return where it ends (0: more is needed)."""
        end = data.find(b"\n", pos) + 1
        if not REPLY.match(data, pos):
            raise Desync("not a reply of memcached")
        if not end:
            return 0
        words = data[pos:end].split()
        word = words[0].partition(b"=")[0]
        if not self.inside:
            self.aside = not self.waiting
            if self.session.quiet:
                self.answer(self.asked(word, words))
            if not self.aside and self.waiting[0].command == "watch" and word == b"OK":
                self.lost = "watch"
        self.more = word in LISTS
        if word in VALUES:
            self.left = length(words, VALUES[word])
            if not self.left:
                raise Desync("a value without a length")
        return end

    def asked(self, word: bytes, words: list[bytes]) -> Command | Fence | None:
        """What a reply answers that begins with ``words``; None: a quiet command, or nothing."""
        asked, fence = self.oldest(), self.fence()
        if fence is not None:
            return fence if word == b"MN" else None
        if asked is None:
            return None
        if asked.command == "mn" or asked.instead is not None:
            return asked if word == b"MN" else None
        if word in TOLD and (asked.command[:1] != "m" or self.tells(words, asked.number)):
            return None
        return asked

    def tells(self, words: list[bytes], before: int) -> bool:
        """Say whether a reply carries what tells a quiet command that came ``before``."""
        marks = self.session.marks
        for at, (number, mark) in enumerate(marks):
            if number > before:
                return False
            if mark in words:
                for _ in range(at + 1):
                    marks.popleft()
                return True
        return False
