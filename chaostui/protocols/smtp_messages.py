"""SMTP: where commands, mail and replies end (RFC 5321 s2.3.8, s4.1.1.4, s4.2; RFC 3030, 4954)."""

from __future__ import annotations

import re
from collections import deque

from chaostui.protocol import Frame, Request
from chaostui.protocols.framing import Cutter, Desync, Handover

CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
REPLY = re.compile(rb"(?:[2-5](?:[0-9](?:[0-9](?:[ \r\n-]|\Z)|\Z)|\Z))")
PATH = re.compile(rb"<([^<>\r\n]*)>")
HYPHEN = ord("-")
END_OF_MAIL = b"\r\n.\r\n"
LONGEST_KEY = 120

WITH_NAME = frozenset(["HELO", "EHLO", "LHLO", "VRFY", "EXPN", "ETRN", "AUTH"])
"""Commands whose first argument says what they are about."""
WITH_PATH = frozenset(["MAIL", "RCPT"])
COMMANDS = (
    WITH_NAME
    | WITH_PATH
    | {*("DATA", "BDAT", "RSET", "NOOP", "QUIT", "HELP", "STARTTLS", "XCLIENT", "XFORWARD")}
)
"""What can be shown: a line that is none of these may be a password."""
MESSAGE = "message"
"""The command of the mail itself, which follows a granted DATA."""

INSIDE = b"inside"
"""The tag of what the backend waits for after 334 or 354."""


class Command(Request):
    """A command, or the mail itself."""

    line = b""
    """As it came."""
    instead = b""
    """What the client sees in place of the reply to what the backend was sent for it."""


class Commands(Cutter):
    """What the client sends: lines, and mail."""

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.left = 0
        """Bytes to come of a BDAT chunk."""
        self.mail = False
        """354 came: until its end all is mail."""
        self.tail = b""
        """The last bytes of the mail, which may begin its end."""
        self.answering = False
        """334 came: the next line is an answer to AUTH."""

    def ready(self, start: int) -> bool:
        return self.held.find(b"\n", start) >= 0

    def advance(self, data: bytes, pos: int) -> int:
        if self.mail:
            return self.content(data, pos)
        if not self.left:
            end = data.find(b"\n", pos) + 1
            if CONTROL.search(data, pos, end or len(data)):
                raise Desync("not a line of text")
            if not end:
                return pos
            self.command(data[pos:end])
            pos = end
        end = min(pos + self.left, len(data))
        self.left -= end - pos
        self.done = not self.left
        return end

    def command(self, line: bytes) -> None:
        """Take a command, or an answer to AUTH."""
        if self.answering:
            self.answering = False
            self.begin(Command("AUTH …", "AUTH", "", INSIDE))
            return
        verb, _, rest = line.strip().partition(b" ")
        command = verb.decode("ascii", "replace").upper()
        if command not in COMMANDS:
            self.begin(Command("unknown command"))
            return
        if command == "LHLO":
            raise Handover("LMTP")
        words = rest.split()
        if command == "BDAT" and words and words[0].isdigit() and len(words[0]) <= 20:
            self.left = int(words[0])
        path = PATH.search(rest) if command in WITH_PATH else None
        key = b""
        if path is not None:
            key = path[1]
        elif command in WITH_NAME and words:
            key = words[0]
        text = key[:LONGEST_KEY].decode("utf-8", "backslashreplace")
        made = Command(f"{command} {text}" if text else command, command, text)
        made.line = line
        self.begin(made)

    def content(self, data: bytes, pos: int) -> int:
        """Pass what is there of the mail, and find its end."""
        if not self.begun:
            self.begin(Command(MESSAGE, MESSAGE, "", INSIDE))
            self.tail = END_OF_MAIL[:2]
        base = pos - len(self.tail)
        found = (self.tail + data[pos : pos + 4]).find(END_OF_MAIL)
        if found < 0:
            base, found = 0, data.find(END_OF_MAIL, pos)
        self.done = found >= 0
        if not self.done:
            self.tail = (self.tail + data[max(pos, len(data) - 4) :])[-4:]
            return len(data)
        self.mail = False
        return base + found + len(END_OF_MAIL)

    def begin(self, request: Request) -> None:
        """A command, or the mail, begins."""
        self.request = request
        self.waiting.append(request)


class Replies(Cutter):
    """What the backend sends: lines, of which the last has no hyphen after its code."""

    commands: Commands

    def __init__(self, waiting: deque[Request]) -> None:
        super().__init__(waiting)
        self.inside = False
        """The reply goes on after a line with a hyphen."""
        self.greeted = False
        """The banner, which answers nothing, was read."""

    def ready(self, start: int) -> bool:
        return self.held.find(b"\n", start) >= 0

    def advance(self, data: bytes, pos: int) -> int:
        self.done = False
        while pos < len(data) and not self.done:
            if not REPLY.match(data, pos):
                raise Desync("not a reply of SMTP")
            end = data.find(b"\n", pos) + 1
            if not end:
                break
            if not self.inside:
                self.aside = not self.greeted or not self.waiting
            self.inside = data[pos + 3] == HYPHEN
            if not self.inside:
                self.close(data[pos : pos + 3])
            pos = end
        return pos

    def frame(self, data: bytes) -> Frame:
        # Of a reply that the client shall not see, lines may come one by one.
        hidden = not (self.done or self.aside) and promised(self.waiting[0])
        return super().frame(b"" if hidden else data)

    def close(self, code: bytes) -> None:
        """Take the last line of a reply."""
        self.done = self.greeted = True
        if self.aside:
            return
        asked = self.waiting.popleft()
        self.instead = promised(asked)
        command = asked.command
        if command == MESSAGE and self.commands.mail:
            raise Desync("a reply before the end of the mail")
        if (command, code) == ("DATA", b"354"):
            self.commands.mail = True
        elif (command, code) == ("AUTH", b"334"):
            self.commands.answering = True
        elif (command, code) == ("STARTTLS", b"220"):
            self.lost = "STARTTLS"


def promised(request: Request) -> bytes:
    """What takes the place of the reply to ``request``; empty: nothing does."""
    return request.instead if isinstance(request, Command) else b""
