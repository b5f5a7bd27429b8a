"""What arrived on a side for a user's code: read as a stream, given back as the frames it was."""

from __future__ import annotations

import asyncio
from collections import deque

from chaostui.engine.faults.exchange import Exchange
from chaostui.protocol import Frame

Piece = tuple[Frame, Exchange | None]


class Inbox:
    """Bytes that arrived on one side and the user's code has not read."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._at = 0
        """Bytes of the first piece that were read."""
        self.size = 0
        self.ended = False
        """What is there is the last that the user's code gets."""
        self.taken = 0
        self._news = asyncio.Event()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to read yet."""
        return not self.size and not self.ended

    def exchanges(self) -> set[Exchange]:
        """Those whose bytes are here."""
        return {exchange for _, exchange in self._pieces if exchange is not None}

    def put(self, frame: Frame, exchange: Exchange | None) -> None:
        """Add bytes that arrived."""
        self._pieces.append((frame, exchange))
        self.size += len(frame.data)
        self._news.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._news.set()

    async def news(self) -> None:
        """Return when something has come, or the end."""
        self._news.clear()
        await self._news.wait()

    async def get(self, limit: int) -> bytes:
        """Up to ``limit`` bytes, at least one unless the side has ended."""
        while self.empty:
            await self.news()
        read: list[bytes] = []
        left = limit
        while left > 0 and self._pieces:
            data = self._pieces[0][0].data[self._at : self._at + left]
            read.append(data)
            left -= len(data)
            self._at += len(data)
            if self._at == len(self._pieces[0][0].data):
                self._pieces.popleft()
                self._at = 0
        self.size -= limit - left
        self.taken += limit - left
        return b"".join(read)

    def clear(self) -> list[Piece]:
        """Give back what was not read."""
        pieces = list(self._pieces)
        if self._at:
            frame, exchange = pieces[0]
            pieces[0] = frame._replace(data=frame.data[self._at :], first=False), exchange
        self._pieces.clear()
        self.size = self._at = 0
        return pieces
