"""What an engine does again and again: a job that raises stops neither itself nor another."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from chaostui.safe_text import safe_text

log = logging.getLogger("chaostui.engine")

T = TypeVar("T")

AGAIN = 1.0
"""Seconds after which a job that has raised and is still owed is tried again."""


class Jobs:
    """Does jobs, and keeps what they raise: named once in the log, counted each time."""

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        """How often each job has raised."""
        self._owed: set[asyncio.TimerHandle] = set()
        self._told: set[tuple[str, type]] = set()

    def do(self, what: str, job: Callable[..., object], *args: object) -> bool:
        """Do one; return whether it was done."""
        try:
            job(*args)
        except Exception as error:  # noqa: BLE001  (whatever it is, the clock must go on)
            self.failed(what, error)
            return False
        return True

    def until_done(self, what: str, job: Callable[..., object], *args: object) -> None:
        """Do one that is owed: when it raises it is tried again a second later."""
        if not self.do(what, job, *args):
            loop = asyncio.get_running_loop()
            self._owed = {timer for timer in self._owed if timer.when() > loop.time()}
            self._owed.add(loop.call_later(AGAIN, self.until_done, what, job, *args))

    def stop(self) -> None:
        """Forget what is owed: the engine ends."""
        for timer in self._owed:
            timer.cancel()
        self._owed.clear()

    def each(self, what: str, job: Callable[[T], object], items: Iterable[T]) -> None:
        """Do one for each of ``items``: what it raises for one is no matter to the others."""
        for item in items:
            try:
                job(item)
            except Exception as error:  # noqa: BLE001
                self.failed(what, error)

    def caught(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a loop's exception handler is told: a callback has raised, or a lost task."""
        what = str(context.get("message", "a callback")).partition("\n")[0]
        self.failed(what, context.get("exception"))

    def failed(self, what: str, error: BaseException | None) -> None:
        """A job has raised."""
        self.failures[what] += 1
        kind = (what, type(error))
        if kind not in self._told:
            self._told.add(kind)
            text = safe_text(f"{what} failed, and goes on: {error!r}", 500)
            log.error("%s", text, exc_info=error)
