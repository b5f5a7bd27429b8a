"""Shares the loop out among those who have much to do at once.

Each step of the loop does so much of this work and no more; who has not finished waits in a
queue for a turn in one of the next steps, and what comes from sockets is served in between.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")

STEP = 0.004
"""Seconds that all turns of one step of the loop take together, about."""


class Worker(Protocol):
    """Who does work in turns."""

    def go_on(self) -> None:
        """Work until all is done or ``Rounds.spent``; then ask for a further turn."""


class Each(Generic[T]):
    """Does something to each of many, in turns."""

    def __init__(self, rounds: Rounds, items: Iterable[T], do: Callable[[T], object]) -> None:
        self._rounds = rounds
        self._items = deque(items)
        self._do = do

    def go_on(self) -> None:
        """Do it to one after the other."""
        while self._items:
            if self._rounds.spent():
                self._rounds.wait(self)
                return
            self._do(self._items.popleft())


class Rounds:
    """The turns of an engine."""

    def __init__(self) -> None:
        self._queue: dict[Worker, None] = {}
        self._until: float | None = None
        """When the turns of this step are over; None: none has begun."""

    def spent(self) -> bool:
        """Whether this step has done enough: what is left shall ``wait``."""
        now = time.monotonic()
        if self._until is None:
            self._begin(now)
            return False
        return now > self._until

    def wait(self, worker: Worker) -> None:
        """Give ``worker`` a turn, after those that wait already; once, however often it asks."""
        self._queue[worker] = None
        if self._until is None:
            self._begin(time.monotonic())

    def each(self, items: Iterable[T], do: Callable[[T], object]) -> None:
        """Do something to each of many: at once, where they are few."""
        Each(self, items, do).go_on()

    def forget(self, worker: Worker) -> None:
        """It has nothing to do any more."""
        self._queue.pop(worker, None)

    def _begin(self, now: float) -> None:
        self._until = now + STEP
        asyncio.get_running_loop().call_soon(self._next_step)

    def _next_step(self) -> None:
        self._until = None
        for worker in tuple(self._queue):
            if self.spent():
                return
            if self._queue.pop(worker, self) is None:
                worker.go_on()
