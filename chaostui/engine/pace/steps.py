"""Cuts long work into short steps, so that the traffic has its turn in between."""

from __future__ import annotations

import asyncio
import time

LONGEST = 0.004
"""Seconds of work after which the loop gets its turn."""

FULL_READ = 256_000
"""Bytes that fill uvloop's buffer. libuv reads on after such a read, up to 32 times, before it
looks at anybody else's socket: several milliseconds for each stream that carries bulk."""


class Steps:
    """The steps of one piece of work; its worker awaits ``rest`` wherever it may be left."""

    __slots__ = ("_length", "_until")

    def __init__(self, length: float = 1.0) -> None:
        """``length`` is that of a step, in ``LONGEST``: more for work that others wait for."""
        self._length = length
        self._until = time.monotonic() + length * LONGEST

    async def rest(self) -> None:
        """Let the loop have its turn, if the step has been long enough."""
        if time.monotonic() >= self._until:
            await asyncio.sleep(0)
            self._until = time.monotonic() + self._length * LONGEST
