"""What both backends share: one connection, on which requests are answered in order."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import NamedTuple, cast

LONGEST = 65_536
"""Bytes of a request; a client that sends more is cut off."""


DIGITS = 9
"""Of a number that a backend can read."""


def number(text: str | bytes) -> int | None:
    """Read a whole number from 0; None: it is none."""
    return int(text) if text.isdigit() and text.isascii() and len(text) <= DIGITS else None


class Answer(NamedTuple):
    """A reply, the seconds that making it takes, and whether the connection ends with it."""

    data: bytes
    after: float = 0.0
    last: bool = False


class Backend(asyncio.Protocol):
    """One client's connection to a backend."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._working: asyncio.TimerHandle | None = None

    @abstractmethod
    def take(self, received: bytearray) -> Answer | None:
        """Take one whole request out of ``received`` and answer it; None: there is none yet."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where replies go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        self._received += data
        self._serve()
        if len(self._received) > LONGEST and self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._transport = None
        if self._working is not None:
            self._working.cancel()

    def _serve(self) -> None:
        while self._working is None and (answer := self.take(self._received)) is not None:
            if answer.after:
                loop = asyncio.get_running_loop()
                self._working = loop.call_later(answer.after, self._done, answer)
            else:
                self._send(answer)

    def _done(self, answer: Answer) -> None:
        self._working = None
        self._send(answer)
        self._serve()

    def _send(self, answer: Answer) -> None:
        if self._transport is not None:
            self._transport.write(answer.data)
            if answer.last:
                self._transport.close()
