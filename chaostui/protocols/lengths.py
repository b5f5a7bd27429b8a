"""Cut a stream whose messages begin with their length.

Only heads are held back, a few hundred bytes of them (a login's few kilobytes): bodies pass
as they come, and nothing is ever sized by a length that a peer declares.
"""

from __future__ import annotations

from abc import abstractmethod

from chaostui.protocol import Frame, Request
from chaostui.protocols.framing import Cutter, Desync

MORE = 0
"""What ``head`` returns when it must see more bytes to tell."""
END = -1
"""What ``head`` returns when the open message has ended before the bytes it was asked about."""
SWITCH = -2
"""What ``head`` returns when they belong to another message, and the open one goes on later."""

MAX_WAITING = 100_000
"""Requests whose replies a connection may owe."""


class LengthCutter(Cutter):
    """One direction of a connection, read packet by packet.

    A packet is what has a length of its own on the wire; one or many make a message.
    """

    left = 0
    """Bytes of the current packet that are still to come."""
    opened = False
    """A packet of the current message was seen."""
    start = 0
    """Where in the bytes at hand the next frame begins."""
    closes = False
    """The message ends with the current packet."""

    @abstractmethod
    def head(self, data: bytes, at: int) -> int:
        """Read the head of the packet at ``at``; return the packet's size in bytes.

        Opens a message (``open``) where one begins, and says in ``closes`` whether it ends with
        this packet. May also return ``MORE``, ``END`` or ``SWITCH``; then it is asked again. May
        take several complete packets in one go where no message ends before the last. Raises
        Desync.
        """

    def open(self, request: Request | None, replied: bool, aside: bool = False) -> None:
        """Begin a message."""
        self.request = request
        self.replied = replied
        self.aside = aside
        self.opened = True

    def ask(self, request: Request) -> None:
        """Begin a request that the backend will answer."""
        if len(self.waiting) >= MAX_WAITING:
            raise Desync(f"more than {MAX_WAITING} requests wait for their replies")
        self.open(request, replied=True)
        self.waiting.append(request)

    def feed(self, data: bytes) -> list[Frame]:
        if self.held:
            self.held += data
            data = self.flush()
        frames: list[Frame] = []
        self.start = 0
        try:
            passed = self.packets(data, frames)
        except Desync as desync:
            self.lose(desync)
            frames.append(Frame(data[self.start :], messages=0))
            return frames
        if self.start < passed:
            self.done = False
            frames.append(self.frame(data[self.start : passed]))
        if passed < len(data):
            self.held += data[passed:]
        return frames

    def packets(self, data: bytes, frames: list[Frame]) -> int:
        """Walk over the packets, adding a frame where a message ends.

        Returns up to where the bytes may pass; what is after it must be held back.
        """
        at = 0
        size = len(data)
        while at < size:
            if not self.left:
                self.left = self.head(data, at)
                if self.left == MORE:
                    break
                if self.left < 0:
                    frames.append(self.close(data, at, done=self.left == END))
                    self.left = 0
                    continue
            if self.left > size - at:
                self.left -= size - at
                return size
            at += self.left
            self.left = 0
            if self.closes:
                frames.append(self.close(data, at))
        return at

    def close(self, data: bytes, at: int, done: bool = True) -> Frame:
        """Make the last frame, for now or for good, of the current message; it ends at ``at``."""
        start, self.start = self.start, at
        self.done = done
        self.opened = False
        return self.frame(data[start:at])
