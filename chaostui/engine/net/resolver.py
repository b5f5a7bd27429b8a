"""Looks names of hosts up, apart from everything else.

The loop's own look-ups share four threads, so that some names whose server does not answer
hold up every other one. Here each name is asked for once, for all who wait for it, in a thread
of its own, and the answer is good for a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
Found = list[AddressInfo] | OSError

MEMORY = 1.0
"""Seconds for which an answer is good, also the one that there is no such name."""

MOST = 256
"""Names that are looked up at the same time; further ones wait."""

REMEMBERED = 1_000
"""Names whose answers are kept at most."""


class Known(NamedTuple):
    """An answer, and when it is forgotten on the monotonic clock."""

    until: float
    found: Found


class Waiting(NamedTuple):
    """Who waits for an answer, and the loop it runs on."""

    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Found]


def _system(host: str) -> list[AddressInfo]:
    """Ask the system as every program does: hosts file, DNS and whatever else it is told."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [(int(f), int(t), p, str(c), tuple(a)) for f, t, p, c, a in found]


class Resolver:
    """Looks names up by ``look_up``, which may block; loops of several threads may share it.

    ``look_up(host)`` returns addresses with port 0, or raises.
    """

    def __init__(self, look_up: Callable[[str], list[AddressInfo]] = _system) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}
        self._waiting: dict[str, list[Waiting]] = {}
        """Who waits, by the name that is looked up for them."""
        self._queue: deque[str] = deque()
        """Names that wait for a thread."""
        self._threads = 0

    async def resolve(self, host: str, within: float | None = None) -> list[AddressInfo]:
        """The addresses behind a name, with port 0.

        Raises OSError with one line when there are none, or none are known ``within`` seconds;
        None leaves the time limit to the caller.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(loop, loop.create_future())
        with self._lock:
            known = self._known.get(host)
            if known is not None and known.until > time.monotonic():
                return _given(host, known.found)
            self._ask(host, waiting)
        try:
            async with asyncio.timeout(within):
                return _given(host, await waiting.answer)
        except TimeoutError:
            raise OSError(f"cannot resolve {host}: no answer within {within:g} s") from None

    def _ask(self, host: str, waiting: Waiting) -> None:
        """Let somebody wait for a name; the first one has it looked up."""
        if host in self._waiting:
            self._waiting[host].append(waiting)
            return
        self._waiting[host] = [waiting]
        self._queue.append(host)
        if self._threads < MOST:
            # The process does not wait for it at its end, as it does for a pool's threads.
            thread = threading.Thread(target=self._work, name="chaostui-resolver", daemon=True)
            try:
                thread.start()
                self._threads += 1
            except RuntimeError as error:
                # This process has no more threads: those that run do it, where there are any.
                if not self._threads:
                    self._queue.clear()
                    self._waiting.clear()
                    raise OSError(f"cannot resolve {host}: {error}") from None

    def _work(self) -> None:
        """Look names up until none waits."""
        while True:
            with self._lock:
                if not self._queue:
                    self._threads -= 1
                    return
                host = self._queue.popleft()
            found: Found
            try:
                found = self._look_up(host)
            except Exception as error:  # noqa: BLE001 - UnicodeError and the like are answers too
                found = OSError(getattr(error, "strerror", None) or str(error))
            with self._lock:
                self._remember(host, found)
                waiting = self._waiting.pop(host)
            for loop, answer in waiting:
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(_tell, answer, found)

    def _remember(self, host: str, found: Found) -> None:
        now = time.monotonic()
        if len(self._known) >= REMEMBERED:
            self._known = {name: one for name, one in self._known.items() if one.until > now}
        if len(self._known) < REMEMBERED:
            self._known[host] = Known(now + MEMORY, found)


def _given(host: str, found: Found) -> list[AddressInfo]:
    if isinstance(found, OSError):
        raise OSError(f"cannot resolve {host}: {found}")
    return found


def _tell(answer: asyncio.Future[Found], found: Found) -> None:
    if not answer.done():
        answer.set_result(found)


SYSTEM = Resolver()
"""The system's names, for all engines of this process."""
