"""memcached: where commands and replies end (doc/protocol.txt, classic, meta and binary)."""

from __future__ import annotations

import re
from collections import deque

from chaostui.protocol import Request
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


class Login(Request):
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
        if word in META:
            silent = b"q" in words[3 if word == b"ms" else 2 :]
        self.begin(word.decode(), key, b"", replied=not silent)
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
        self.begin(name, data[key:end], tag, replied=head.opcode not in binary.QUIET)
        return start

    def begin(self, command: str, key: bytes, tag: bytes, *, replied: bool) -> None:
        """Name the command."""
        text = key.decode("utf-8", "backslashreplace")
        shown = text if len(text) <= SHOWN_KEY else f"{text[:SHOWN_KEY]}…"
        kind = Login if self.fresh and command == "set" and not tag else Request
        self.fresh = False
        self.request = kind(f"{command} {shown}" if key else command, command, text, tag)
        self.replied = replied
        if replied:
            self.waiting.append(self.request)


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

    def packet(self, data: bytes, pos: int) -> int:
        """Read the header of a binary packet; return where it ends (0: more is needed)."""
        head = binary.header(data, pos)
        if head is None:
            return 0
        if not self.inside:
            self.aside = not self.waiting or head.opcode in binary.QUIET
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
            self.begin(word)
        self.more = word in LISTS
        if word in VALUES:
            self.left = length(words, VALUES[word])
            if not self.left:
                raise Desync("a value without a length")
        return end

    def begin(self, word: bytes) -> None:
        """Find out whether a reply that begins with ``word`` answers a request."""
        command = self.waiting[0].command if self.waiting else ""
        # What comes before MN belongs to quiet commands, which owe no reply.
        self.aside = not self.waiting or (command == "mn" and word != b"MN")
        if command == "watch" and word == b"OK":
            self.lost = "watch"
