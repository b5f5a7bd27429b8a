"""Worker threads for users' plain functions; none of them keeps a process from ending."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("chaostui.handler")

MOST_ABANDONED = 4096
"""Threads whose call nobody waits for any more and that are not counted; more of them are."""


@dataclass(eq=False)
class Job:
    """A call to make, and where its outcome goes."""

    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    begun: bool = False
    over: bool = False
    abandoned: bool = False


class Threads:
    """Makes calls in up to ``most`` threads; further ones wait their turn.

    A call that is cancelled goes on, perhaps for ever, and counts no more: another takes its
    place. ``concurrent.futures`` joins its threads when the process ends, so that one user's
    ``sleep(3600)`` would hold up every stop for an hour.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0
        """Threads without a job; negative: jobs without a thread."""
        self._started = 0
        self._abandoned = 0
        self._told = False

    async def run(self, call: Callable[[], Any]) -> None:
        """Make a call in a thread; raises what it raises. Cancelled, it goes on by itself."""
        loop = asyncio.get_running_loop()
        job = Job(call, loop, loop.create_future())
        with self._lock:
            self._free -= 1
            self._jobs.put(job)
            self._start()
        try:
            await job.done
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    def _start(self) -> None:
        """Start a thread if a job waits for one and it may be."""
        if self._free >= 0:
            return
        if self._started - min(self._abandoned, MOST_ABANDONED) >= self._most:
            if not self._told:
                self._told = True
                log.warning("%d calls are under way in threads: further ones wait", self._most)
            return
        self._free += 1
        self._started += 1
        name = f"chaostui-handler-{self._started}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _abandon(self, job: Job) -> None:
        with self._lock:
            job.abandoned = True
            if job.begun and not job.over:
                self._abandoned += 1
                self._start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            with self._lock:
                # Whoever cancels need not have had a turn of the loop to tell of it.
                job.begun = not job.done.cancelled()
            if job.begun:
                self._call(job)
            with self._lock:
                job.over = True
                self._abandoned -= job.begun and job.abandoned
                self._free += 1
            del job

    def _call(self, job: Job) -> None:
        error: BaseException | None = None
        try:
            job.call()
        except BaseException as raised:  # noqa: BLE001  (a user's code may raise anything)
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            job.loop.call_soon_threadsafe(_tell, job.done, error)


def _tell(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(None)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        done.set_exception(error)
    else:
        # What would end a thread, or the loop itself, ends this one call.
        done.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))
