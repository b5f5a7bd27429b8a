"""RESP2 and RESP3: where commands and replies end (Redis serialization protocol).

Pub/sub in RESP2 delivers messages as ordinary arrays, so on a connection that has subscribed
they are told from replies by their first word.
"""

from __future__ import annotations

import functools
import re
from collections import deque

from chaostui.protocol import Frame, Request
from chaostui.protocols import redis_runs
from chaostui.protocols.framing import Cutter, Desync, Handover
from chaostui.protocols.redis_commands import (
    DELIVERIES,
    REPLICATION,
    SECRET,
    SECRET_REPLIES,
    STATEFUL,
    STREAMED,
    SUBSCRIPTIONS,
    UNUSUAL,
)

CRLF = b"\r\n"
NUMBER_LINE = 24
"""Bytes within which a line with a length ends."""
LONGEST_NAME = 64
LONGEST_KEY = 512
SHOWN_KEY = 64

ARRAY, BULK, PUSH, ATTRIBUTE, ERROR = b"*$>|-"
SIMPLE = frozenset(b"+-:_#,(")
BULKS = frozenset(b"$=!")
VALUES = {ARRAY: 1, PUSH: 1, ord("~"): 1, ord("%"): 2, ATTRIBUTE: 2}
"""Types that hold other values: so many for each one that they announce."""

CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
USUAL = re.compile(
    rb"\*([2-9]|[1-9][0-9]{1,6})\r\n\$([0-9]{1,2})\r\n([A-Za-z]+)\r\n\$([0-9]{1,2})\r\n"
)
WORD = re.compile(rb"[*>][0-9]+\r\n\$[0-9]+\r\n([a-z]*)\r\n")
PART_OF_WORD = re.compile(
    rb"[*>](?:\Z|[1-9][0-9]*(?:\Z|\r(?:\Z|\n(?:\Z|\$(?:\Z|[0-9]+(?:\Z|\r(?:\Z|\n[a-z]*\r?\Z)))))))"
)

QUEUED, EXEC = b"queued", b"exec"
"""Tags of the commands in a transaction, and of the one that runs it."""
PRIMED = b"primed"
"""Of a command of which the one before it has said something: ASKING, CLIENT REPLY SKIP."""
REPLY = b"CLIENT REPLY "
"""What those of CLIENT REPLY begin with."""


class Guarded(Request):
    """A request whose reply is not shown."""


@functools.lru_cache(maxsize=512)
def command_name(name: bytes) -> str:
    """The command in capitals."""
    return name.decode("utf-8", "backslashreplace").upper()


def number(data: bytes, pos: int, mark: int) -> tuple[int, int]:
    """Read ``<mark><number>CRLF``: the number, and where it ends (0: more is needed)."""
    end = data.find(CRLF, pos, pos + NUMBER_LINE)
    if data[pos] != mark or (end < 0 and len(data) - pos >= NUMBER_LINE):
        raise Desync(f"no length where {chr(mark)} should announce one")
    if end < 0:
        return 0, 0
    try:
        return int(data[pos + 1 : end]), end + 2
    except ValueError:
        raise Desync("a length that is no number") from None


class Commands(Cutter):
    """What the client sends: arrays of bulk strings, or lines of words.

    A command is held back until its name and the first 512 bytes of its key are there.
    """

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.inside = False
        self.left = 0
        """Bytes to come of the current argument, its CRLF included."""
        self.owed = 0
        """Arguments to come after it."""
        self.muted = False
        """CLIENT REPLY OFF."""
        self.skipping = False
        """CLIENT REPLY SKIP: the next command gets no reply."""
        self.primed = False
        """The last command was about the next one."""
        self.queueing = False
        """MULTI: commands wait for EXEC."""
        self.streamed = False
        """The server may speak on its own."""
        self.guarded = False
        """One of the commands that wait for EXEC has a reply that is not shown."""

    def advance(self, data: bytes, pos: int) -> int:
        if self.inside:
            return self.arguments(data, pos)
        if data[pos] != ARRAY:
            return self.line(data, pos)
        return self.arguments(data, self.usual(data, pos) or self.array(data, pos) or pos)

    def take_run(self, data: bytes, pos: int) -> Frame | None:
        if self.inside or data[pos] != ARRAY or self.muted or self.primed or self.queueing:
            return None
        commands, end = redis_runs.commands(UNUSUAL).split(data, pos)
        if not commands:
            return None
        _ = self.usual(commands[-1], 0) or self.array(commands[-1], 0)
        self.inside, self.left, self.owed = False, 0, 0
        request = self.waiting[-1]
        self.waiting.extend([request] * (len(commands) - 1))
        return Frame(data[pos:end], request=request, messages=len(commands))

    def ready(self, start: int) -> bool:
        # Of an array little is held back, of a line all.
        return self.inside or self.held[0] == ARRAY or self.held.find(b"\n", start) >= 0

    def line(self, data: bytes, pos: int) -> int:
        """Take an inline command."""
        end = data.find(b"\n", pos) + 1
        if CONTROL.search(data, pos, end or len(data)):
            raise Desync("neither an array nor a line of text")
        if not end:
            return pos
        words = data[pos:end].split()
        self.begin(words, len(words))
        self.done = True
        return end

    def usual(self, data: bytes, pos: int) -> int:
        """Do what ``array`` does for most commands, in half the time; 0 for the others."""
        head = USUAL.match(data, pos)
        if head is None:
            return 0
        announced, length, name, size = head.groups()
        pos = head.end()
        self.left = int(size) + 2
        words = [name, data[pos : pos + self.left - 2]]
        if len(words[1]) + 2 != self.left or len(name) != int(length) or self.wants(words):
            return 0
        self.begin(words, int(announced))
        self.inside = True
        self.owed = int(announced) - 2
        return pos

    def array(self, data: bytes, pos: int) -> int:
        """Read as much of a command as its name takes; 0 when more of it is needed."""
        announced, pos = number(data, pos, ARRAY)
        words: list[bytes] = []
        length = -2
        while pos and len(words) < announced and self.wants(words):
            pos += length + 2
            if pos >= len(data):
                return 0
            length, pos = number(data, pos, BULK)
            if length < 0:
                raise Desync("a negative length")
            if len(data) - pos < min(length, LONGEST_KEY):
                return 0
            words.append(data[pos : pos + min(length, LONGEST_KEY)])
        if pos:
            self.begin(words, announced)
            self.inside = True
            self.left = length + 2
            self.owed = announced - len(words)
        return pos

    @staticmethod
    def wants(words: list[bytes]) -> bool:
        """Say whether the name of a command takes more than these of its words."""
        return len(words) < 2 or (len(words) == 2 and command_name(words[0]) == "CLIENT")

    def arguments(self, data: bytes, pos: int) -> int:
        """Pass what is there of the arguments."""
        size = len(data)
        self.done = False
        while self.inside:
            if pos + self.left > size:
                self.left -= size - pos
                return size
            pos += self.left
            self.left = 0
            if self.owed <= 0:
                self.inside = False
                self.done = True
            elif pos == size:
                return pos
            else:
                length, end = number(data, pos, BULK)
                if not end:
                    return pos
                if length < 0:
                    raise Desync("a negative length")
                self.left = length + 2
                self.owed -= 1
                pos = end
        return pos

    def begin(self, words: list[bytes], announced: int) -> None:
        """Name the command, and say whether it will be answered."""
        name = command_name(words[0][:LONGEST_NAME]) if words else ""
        key = ""
        if len(words) > 1 and name not in SECRET:
            key = words[1].decode("utf-8", "backslashreplace")
        tag = QUEUED if self.queueing else PRIMED if self.primed else b""
        self.replied = bool(words) and not self.muted and not self.skipping
        self.skipping = self.primed = False
        kind = Request
        if name in UNUSUAL:
            secret = key.upper() in SECRET_REPLIES.get(name, ())
            kind = Guarded if secret or (self.guarded and name == "EXEC") else Request
            tag = self.remember(name, words, announced) or tag
            self.guarded = self.queueing and (self.guarded or secret)
            self.streamed = self.streamed or name in STREAMED
        shown = key if len(key) <= SHOWN_KEY else f"{key[:SHOWN_KEY]}…"
        self.request = kind(f"{name} {shown}" if key else name, name, key, tag)
        if self.replied:
            self.waiting.append(self.request)

    def remember(self, name: str, words: list[bytes], announced: int) -> bytes:
        """Keep what a command changes for those after it; return its tag."""
        if name in SUBSCRIPTIONS:
            return b"%d" % max(announced - 1, 1)
        tag = EXEC if name == "EXEC" and self.queueing else b""
        if name == "MULTI":
            self.queueing = True
        elif name == "CLIENT":
            return self.set_client([word.upper() for word in words[1:]])
        elif name == "ASKING":
            self.primed = not self.queueing
        elif name in STATEFUL:
            self.queueing = False
            if name == "RESET":
                self.muted, self.replied = False, True
        return tag

    def set_client(self, words: list[bytes]) -> bytes:
        """Take CLIENT REPLY ON, OFF or SKIP, and what else says something of the next command."""
        if self.queueing:
            return QUEUED
        self.primed = words[:1] == [b"CACHING"]
        if words == [b"REPLY", b"ON"]:
            self.muted, self.replied = False, True
        elif words == [b"REPLY", b"OFF"]:
            self.muted, self.replied = True, False
        elif words == [b"REPLY", b"SKIP"] and not self.muted:
            self.skipping, self.replied, self.primed = True, False, True
        else:
            return b""
        return REPLY + words[1]


class Replies(Cutter):
    """What the backend sends: values of any type and depth."""

    limit = 1_048_576

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.inside = False
        self.left = 0
        """Bytes to come of a bulk string, its CRLF included."""
        self.owed = 0
        """Values to come after it."""
        self.subscribed = False
        self.pushes = False
        """Deliveries come as pushes (RESP3), so every array is a reply."""
        self.replaced: list[tuple[Request, bytes]] = []
        """Requests whose replies the client shall not see, and what it shall see."""

    def ready(self, start: int) -> bool:
        return self.held.find(b"\n", start) >= 0

    def advance(self, data: bytes, pos: int) -> int:
        if not self.inside and not self.begin(data, pos):
            return pos
        start = pos
        pos = self.values(data, pos)
        self.done = not self.inside
        if self.done and not self.aside:
            self.answered(failed=data[start] == ERROR)
        return pos

    def feed(self, data: bytes) -> list[Frame]:
        usual = self.runs and self.waiting and not (self.inside or self.held or self.replaced)
        if usual and redis_runs.replies().one.fullmatch(data):
            self.waiting.popleft()
            return [Frame(data)]
        return super().feed(data)

    def take_run(self, data: bytes, pos: int) -> Frame | None:
        if self.inside or data[pos] in VALUES or not self.waiting or self.replaced:
            return None
        values, end = redis_runs.replies().split(data, pos)
        count = len(values)
        left = len(self.waiting) - count
        if not values or left < 0:
            return None
        if left:
            for _ in range(count):
                self.waiting.popleft()
        else:
            self.waiting.clear()
        return Frame(data[pos:end], messages=count)

    def begin(self, data: bytes, pos: int) -> bool:
        """Find out whether a reply begins here; False when that takes more bytes."""
        kind = data[pos]
        request = self.waiting[0] if self.waiting else None
        self.aside, self.push = request is None, False
        self.request = request if type(request) is Guarded else None
        self.owed = 1
        if request is not None and request.command in REPLICATION and kind != ERROR:
            raise Handover("replication")
        if kind == PUSH:
            self.pushes = self.aside = self.push = True
        elif kind != ARRAY or self.pushes or not self.delivers(request):
            self.inside = True
            return True
        word = WORD.match(data, pos)
        if word is not None:
            self.classify(word[1].decode().upper(), request)
        elif len(data) - pos < LONGEST_NAME and PART_OF_WORD.match(data, pos):
            return False
        self.inside = True
        return True

    def delivers(self, request: Request | None) -> bool:
        """Say whether an array may be a delivery."""
        return self.subscribed or (request is not None and request.command in SUBSCRIPTIONS)

    def classify(self, word: str, request: Request | None) -> None:
        """Tell deliveries, and confirmations of a subscription, from other replies."""
        if word in SUBSCRIPTIONS:
            self.subscribed = True
            self.aside = request is None or request.command != word
            if request is not None and not self.aside:
                self.owed = int(request.tag)
        elif word in DELIVERIES:
            self.aside = self.push = True

    def values(self, data: bytes, pos: int) -> int:
        """Pass what is there of the current reply's values."""
        size = len(data)
        while True:
            if pos + self.left > size:
                self.left -= size - pos
                return size
            pos += self.left
            self.left = 0
            if not self.owed:
                self.inside = False
                return pos
            end = data.find(CRLF, pos) + 2
            if end < 2:
                return pos
            self.value(data, pos, end)
            pos = end

    def value(self, data: bytes, pos: int, end: int) -> None:
        """Take the line at ``pos`` that a value begins with."""
        kind = data[pos]
        if kind in SIMPLE:
            self.owed -= 1
            return
        try:
            length = int(data[pos + 1 : end]) if end - pos <= NUMBER_LINE else -2
        except ValueError:
            length = -2
        if length < -1 or (kind not in BULKS and kind not in VALUES):
            raise Desync("not a value of RESP")
        if kind in BULKS:
            self.owed -= 1
            self.left = length + 2 if length >= 0 else 0
        else:
            self.owed += max(length, 0) * VALUES[kind] - (kind != ATTRIBUTE)

    def answered(self, *, failed: bool) -> None:
        """The oldest request has its reply."""
        request = self.waiting.popleft()
        if request.command == "MONITOR" and not failed:
            self.lost = "MONITOR"
        elif request.command == "RESET":
            self.subscribed = self.pushes = False
        for at, (asked, reply) in enumerate(self.replaced):
            if asked is request:
                self.instead = reply
                del self.replaced[at]
                break
