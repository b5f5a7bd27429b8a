"""Worker threads for users' plain functions; none of them keeps a process from ending."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Job(NamedTuple):
    """A call to make, and where its outcome goes."""

    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Threads:
    """Makes calls in up to ``most`` threads; further ones wait their turn.

    ``concurrent.futures`` joins its threads when the process ends, so that one user's
    ``sleep(3600)`` would hold up every stop for an hour.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0

    async def run(self, call: Callable[[], Any]) -> None:
        """Make a call in a thread; raises what it raises. Cancelled, it goes on by itself."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._jobs.put(Job(call, loop, done))
        if not self._idle.acquire(blocking=False) and self._started < self._most:
            self._started += 1
            name = f"chaostui-handler-{self._started}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        await done

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            error: BaseException | None = None
            try:
                job.call()
            except BaseException as raised:  # noqa: BLE001  (a user's code may raise anything)
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                job.loop.call_soon_threadsafe(_tell, job.done, error)
            del job, error
            self._idle.release()


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
