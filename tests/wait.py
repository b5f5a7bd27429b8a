"""Waiting for a condition, with a deadline: what tests do instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SLACK = 0.5
"""Seconds that a busy machine may add before something is called late."""

SOON = 3.0
"""Seconds that what waits for nothing may take on a busy machine: any time-out is of more."""

STEP = 0.005
"""Seconds between two looks at a condition."""


def until(condition: Callable[[], object], within: float = 5.0, what: str = "") -> None:
    """Return as soon as ``condition()`` is true; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition}")
        time.sleep(STEP)


async def eventually(condition: Callable[[], object], within: float = 5.0, what: str = "") -> None:
    """Do what ``until`` does, and let the loop run meanwhile."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition}")
        await asyncio.sleep(STEP)
