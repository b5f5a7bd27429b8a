"""HTTP/1.1 messages: where each ends (RFC 9112 s6)."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import deque

import httptools

from chaostui.protocol import Frame, Request
from chaostui.protocols.framing import Cutter, Desync
from chaostui.protocols.http_heads import (
    CRLF,
    NOTHING,
    REQUEST_LINE,
    VERSION,
    WHOLE_LINE,
    Expecting,
    Head,
    head_end,
    read_reply,
    read_reply_once,
    read_request,
    read_request_once,
)

SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
EMPTY_LINES = re.compile(rb"(?:\r?\n){0,4}(?:\r?\Z|(?=[^\r\n]))")
HEX = b"0123456789abcdefABCDEF"
LONGEST_LINE = 8192
LONGEST_LAST = 2048
"""Bytes of a head, or of a whole message, that is remembered."""


class Messages(Cutter):
    """One direction: a head, then a body that is sized, chunked, or lasts until the end."""

    limit = 262_144

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.inside = False
        """The head of the current message was read."""
        self.left = 0
        """Bytes to come of a sized body, or of a chunk with its CRLF."""
        self.chunked = False
        self.trailers = False
        self.endless = False
        self.last = b""
        """The last head: most clients and servers say the same again and again."""
        self.known = NOTHING
        """What it says."""
        self.asks = False
        """Nothing came yet of the current request's body, which may wait to be asked for."""
        self.whole = b""
        """The last bytes, if they were a whole message and nothing more."""

    @abstractmethod
    def likely(self, part: bytes) -> bool:
        """Say whether ``part`` may be the beginning of a head."""

    @abstractmethod
    def read(self, head: bytes) -> Head:
        """Read a head."""

    @abstractmethod
    def remembered(self, head: bytes) -> Head:
        """The same of a head that other connections may have had."""

    @abstractmethod
    def open(self, head: Head) -> None:
        """Begin a message."""

    def close(self) -> None:
        """The current message is complete."""

    def advance(self, data: bytes, pos: int) -> int:
        if not self.inside:
            end = self.head_end(data, pos)
            if end < 0:
                return pos
            self.begin(data if end - pos == len(data) else data[pos:end])
            pos = end
            self.asks = self.known.expects and end == len(data)
        if self.chunked:
            end = self.chunks(data, pos)
        elif self.endless:
            end = len(data)
            self.done = False
        else:
            end = self.sized(len(data), pos)
        self.inside = not self.done
        if self.done:
            self.close()
        return end

    def head_end(self, data: bytes, pos: int) -> int:
        """Where the head that begins at ``pos`` ends; -1 when more of it is needed."""
        start = pos
        if data[pos] in CRLF:
            # Empty lines before a head belong to it (s2.2).
            lines = EMPTY_LINES.match(data, pos)
            if lines is None:
                raise Desync("too many empty lines")
            start = lines.end()
        end = head_end(data, start)
        if end >= 0:
            return end
        part = data[start:]
        if part and (CONTROL.search(part) or not self.likely(part)):
            raise Desync("not HTTP/1.1")
        return -1

    def ready(self, start: int) -> bool:
        if self.inside or CONTROL.search(self.held, start):
            return True
        start = max(start - 2, 0)
        return self.held.find(b"\n\r\n", start) >= 0 or self.held.find(b"\n\n", start) >= 0

    def feed(self, data: bytes) -> list[Frame]:
        if data == self.whole != b"" and not self.inside and not self.held and self.repeats():
            self.begun, self.done = False, True
            return [self.frame(data)]
        between = not self.inside and not self.held
        frames = super().feed(data)
        short = between and len(frames) == 1 and len(data) <= LONGEST_LAST
        self.whole = data if short and frames[0].first and frames[0].last else b""
        return frames

    @abstractmethod
    def repeats(self) -> bool:
        """Take the last message once more, if the same bytes mean the same now."""

    def begin(self, head: bytes) -> None:
        """Begin the message that ``head`` opens."""
        if head != self.last:
            short = len(head) <= LONGEST_LAST
            try:
                self.known = self.remembered(head) if short else self.read(head)
            except (httptools.HttpParserError, ValueError) as error:
                raise Desync(f"not HTTP/1.1: {error}") from None
            self.last = head if short else b""
        self.open(self.known)

    def body(self, head: Head) -> None:
        """Expect the body that ``head`` announces."""
        self.left = head.length
        self.chunked = head.chunked
        self.endless = head.endless
        self.trailers = False

    def sized(self, size: int, pos: int) -> int:
        """Pass what is there of a body of known size."""
        taken = min(self.left, size - pos)
        self.left -= taken
        self.done = not self.left
        return pos + taken

    def chunks(self, data: bytes, pos: int) -> int:
        """Pass what is there of a chunked body (s7.1)."""
        size = len(data)
        self.done = False
        while pos < size and not self.done:
            if self.trailers:
                end = self.trailer(data, pos)
            elif self.left:
                end = min(pos + self.left, size)
                self.left -= end - pos
                if not self.left and not data.endswith(CRLF[pos - end :], pos, end):
                    raise Desync("a chunk does not end where it should")
            else:
                end = self.size_line(data, pos)
            if end == pos:
                break
            pos = end
        return pos

    def size_line(self, data: bytes, pos: int) -> int:
        """Read the line before a chunk; returns ``pos`` when more of it is needed."""
        line = SIZE_LINE.match(data, pos)
        if line is None:
            if data[pos] not in HEX or self.line_end(data, pos):
                raise Desync("not the size of a chunk")
            return pos
        self.left = int(line[1], 16)
        if self.left:
            self.left += len(CRLF)
        else:
            self.trailers = True
        return line.end()

    def trailer(self, data: bytes, pos: int) -> int:
        """Pass a line after the last chunk; an empty one ends the message."""
        end = self.line_end(data, pos)
        self.done = end > 0 and data[pos:end] in (CRLF, b"\n")
        return end or pos

    def line_end(self, data: bytes, pos: int) -> int:
        """Where the line that begins at ``pos`` ends; 0 when more of it is needed."""
        end = data.find(b"\n", pos) + 1
        if not end and len(data) - pos > LONGEST_LINE:
            raise Desync(f"a line of a chunked body is over {LONGEST_LINE} bytes")
        return end


class Requests(Messages):
    """What the client sends."""

    def feed(self, data: bytes) -> list[Frame]:
        closed = self.refused(data) if self.asks else []
        self.asks = False
        frames = super().feed(data)
        if self.asks:
            frames[-1] = frames[-1]._replace(waits=True)
        return closed + frames if closed else frames

    def refused(self, data: bytes) -> list[Frame]:
        """End a request whose body was not asked for, and will not come (RFC 9110 s10.1.1)."""
        asked = self.request
        if not (isinstance(asked, Expecting) and asked.refused and WHOLE_LINE.match(data)):
            return []
        self.inside = self.begun = False
        return [Frame(b"", first=False, last=True, request=asked)]

    def likely(self, part: bytes) -> bool:
        return REQUEST_LINE.match(part) is not None

    def read(self, head: bytes) -> Head:
        return read_request(head)

    def remembered(self, head: bytes) -> Head:
        return read_request_once(head)

    def open(self, head: Head) -> None:
        self.body(head)
        self.endless = False
        self.ask(head)

    def ask(self, head: Head) -> None:
        """Wait for the reply."""
        assert head.request is not None
        # Where requests are told from each other, each is an object of its own.
        kind = Expecting if head.expects else Request
        once = self.runs and not head.expects
        self.request = head.request if once else kind(*head.request)
        self.waiting.append(self.request)

    def repeats(self) -> bool:
        self.ask(self.known)
        return True


class Replies(Messages):
    """What the backend sends."""

    def likely(self, part: bytes) -> bool:
        return VERSION.startswith(part[: len(VERSION)])

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.command = ""
        """What the last reply has answered."""

    def read(self, head: bytes) -> Head:
        return read_reply(head)

    def remembered(self, head: bytes) -> Head:
        return read_reply_once(head)

    def repeats(self) -> bool:
        # A reply to HEAD is shorter than its fields say.
        if not self.waiting or self.aside or self.waiting[0].command != self.command:
            return False
        self.waiting.popleft()
        return True

    def open(self, head: Head) -> None:
        status = head.status
        command = self.command = self.waiting[0].command if self.waiting else ""
        self.aside = not self.waiting or (status < 200 and status != 101)
        asked = self.waiting[0] if self.waiting else None
        if isinstance(asked, Expecting):
            asked.refused = status >= 200
        if status == 101:
            self.lost = "upgraded"
        elif command == "CONNECT" and 200 <= status < 300:
            self.lost = "CONNECT"
        empty = self.lost or status < 200 or status in (204, 304) or command == "HEAD"
        self.body(NOTHING if empty else head)

    def close(self) -> None:
        if self.waiting and not self.aside:
            self.waiting.popleft()
