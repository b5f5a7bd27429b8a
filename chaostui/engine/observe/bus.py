"""The events of an engine, in a ring: bounded, never blocking, its losses counted."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, TypeVar

from chaostui.events import AnyEvent, Event

E = TypeVar("E", bound=Event)

RING = 16_384
WAKE_INTERVAL = 0.02
"""Seconds between two wake-ups of readers: a burst of events wakes them once."""


class Bus:
    """Takes events from the engine and keeps the newest for readers, who pull."""

    def __init__(self, size: int = RING) -> None:
        self._ring: deque[AnyEvent] = deque(maxlen=size)
        self._waiters: list[asyncio.Future[None]] = []
        self._waking = False
        self.newest = 0
        self.exchanges_wanted = 0
        """Readers who want an event for each exchange, not just for those a fault hit."""

    @property
    def dropped(self) -> int:
        """Events that have left the ring."""
        return self.newest - len(self._ring)

    def publish(self, kind: type[E], /, **fields: Any) -> E:
        """Make an event of ``kind``, number and stamp it, keep it."""
        self.newest += 1
        event = kind(seq=self.newest, at=time.time(), **fields)
        self._ring.append(event)  # type: ignore[arg-type]
        if self._waiters and not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_later(WAKE_INTERVAL, self._wake)
        return event

    def since(self, seq: int, limit: int | None = None) -> tuple[list[AnyEvent], int]:
        """The events after number ``seq``, oldest first, and how many of them were lost.

        With ``limit`` only the newest so many; those before count as lost.
        """
        fresh = max(self.newest - seq, 0)
        kept = min(fresh, len(self._ring), fresh if limit is None else limit)
        ring = self._ring
        return [ring[i] for i in range(len(ring) - kept, len(ring))], fresh - kept

    async def wait(self, seq: int) -> None:
        """Return when there is an event newer than ``seq``."""
        while self.newest <= seq:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def _wake(self) -> None:
        self._waking = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
