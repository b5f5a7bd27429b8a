"""Names the code that keeps the loop from running: a user's handler that sleeps, mostly."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Protocol

from chaostui.safe_text import safe_text

log = logging.getLogger("chaostui.loop")

BLOCKED = 1.0
"""Seconds without a tick after which the loop is called blocked."""
LOOK = 0.2
"""Seconds between two looks."""
OURS = str(Path(__file__).parent.parent)


class Clock(Protocol):
    """Who ticks."""

    now: float
    """When that was last, on the monotonic clock."""


class Watchdog:
    """A thread beside the loop, which can still look when the loop cannot."""

    def __init__(self, core: Clock) -> None:
        self._core = core
        self._loop = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaostui watchdog", daemon=True)

    def start(self) -> None:
        """Watch until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait the moment that this takes."""
        self._over.set()
        self._thread.join(LOOK)

    def _run(self) -> None:
        before = told = 0.0
        while not self._over.wait(LOOK):
            ticked = self._core.now
            late = time.monotonic() - ticked
            # A process that was stopped is late too, but only at one look.
            if late >= BLOCKED and ticked == before != told:
                told = ticked
                frame = sys._current_frames().get(self._loop)  # noqa: SLF001  (documented)
                if frame is not None:
                    log.warning("%s has blocked the loop for %.1f s", safe_text(where(frame)), late)
            before = ticked


def where(frame: FrameType) -> str:
    """The code that runs, as ``name at file:line``: where a user's own was called, if it was."""
    frames = [frame]
    while frame.f_back is not None:
        frame = frame.f_back
        frames.append(frame)
    ours = [at for at, each in enumerate(frames) if each.f_code.co_filename.startswith(OURS)]
    found = frames[max(ours[0] - 1, 0)] if ours else frames[0]
    code = found.f_code
    return f"{code.co_qualname} at {code.co_filename}:{found.f_lineno}"
