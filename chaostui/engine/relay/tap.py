"""The payload of a connection that somebody looks at: off until asked for, bounded, redacted."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import msgspec

from chaostui.handler import Direction

BUDGET = 262_144
"""Bytes kept for a reader; older ones are forgotten."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as they came, before any handler: ``offset`` counts from the first one seen."""

    direction: Direction
    offset: int
    at: float
    bytes: bytes


class Payload:
    """What passes on one connection, for one reader."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._kept = 0
        self._offsets: dict[Direction, int] = {"upstream": 0, "downstream": 0}
        self._more = asyncio.Event()
        self.closed = False
        """The connection is gone."""

    def add(self, direction: Direction, data: bytes) -> None:
        """Keep bytes; what is over the budget is forgotten, and shows as a gap in offsets."""
        offset = self._offsets[direction]
        self._offsets[direction] = offset + len(data)
        lost = max(len(data) - BUDGET, 0)
        chunk = Chunk(direction=direction, offset=offset + lost, at=time.time(), bytes=data[lost:])
        self._chunks.append(chunk)
        self._kept += len(chunk.bytes)
        while self._kept > BUDGET:
            self._kept -= len(self._chunks.popleft().bytes)
        self._more.set()

    def close(self) -> None:
        """Tell the reader that nothing more will come."""
        self.closed = True
        self._more.set()

    async def take(self) -> list[Chunk]:
        """What came since the last call, at least one chunk; nothing once it is all over."""
        while not self._chunks and not self.closed:
            self._more.clear()
            await self._more.wait()
        taken = list(self._chunks)
        self._chunks.clear()
        self._kept = 0
        return taken
