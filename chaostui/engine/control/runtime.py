"""What all proxies of an engine share: clockwork, limits, and who may be dialled."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from typing import Any

from chaostui.catalog import Catalog
from chaostui.engine.control.backlogs import Backlogs
from chaostui.engine.control.proxy import Proxy
from chaostui.engine.net.addresses import OwnAddresses
from chaostui.engine.net.files import Files, connection_limit
from chaostui.engine.net.resolver import SYSTEM, Resolver
from chaostui.engine.net.watch import Watch
from chaostui.engine.observe.bus import Bus
from chaostui.engine.observe.memory import Memory
from chaostui.engine.observe.watchdog import Watchdog
from chaostui.engine.pace.budget import Budget
from chaostui.engine.pace.jobs import Jobs
from chaostui.engine.pace.rounds import Rounds
from chaostui.settings import Address, Mix, Profile

log = logging.getLogger("chaostui.engine")

TICK = 0.1
ENDING = "ending what is over"
AT_ONCE = 4
"""Clients accepted in a round, while what that takes is a small part of the files there are."""
LAG_WARNING = 0.1
"""Seconds: a loop that is later than this says so in the log."""


class Core:
    """The parts of an engine below its one door."""

    resolver: Resolver = SYSTEM
    """Looks the names of backends up."""

    def __init__(self, catalog: Catalog, seed: int | None) -> None:
        self.catalog = catalog
        self.seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        self.bus = Bus()
        self.jobs = Jobs()
        self.watch = Watch(self.jobs)
        self.rounds, self.budget = Rounds(), Budget(Profile().max_held)
        self._memory = Memory()
        self.proxies: dict[str, Proxy] = {}
        self.handler_settings: dict[str, dict[str, Any]] = {}
        self.halted = self.allow_link_local = False
        self.own = OwnAddresses()
        self.max_connections = connection_limit()
        self.files = Files()
        self.backlogs = Backlogs(self)
        self.leaving: set[Proxy] = set()
        """Proxies that were removed while connections of theirs still close."""
        self.open = 0
        self.now = time.monotonic()
        """The monotonic clock at the last tick: near enough where a tenth of a second is."""
        self.lag = 0.0
        self.ended: list[tuple[Proxy, str]] = []
        """What has ended by itself and the supervisor has not written down yet."""
        self.on_end: Any = None
        self._last_id = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: dict[Proxy, asyncio.TimerHandle] = {}
        self._ticker: asyncio.TimerHandle | None = None
        self._last_closed = asyncio.Event()
        self._lags: list[float] = []
        self._watchdog: Watchdog | None = None

    # -- clockwork --------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to tick."""
        loop = asyncio.get_running_loop()
        self.watch.start(loop)
        self._tick(time.monotonic())
        self._watchdog = Watchdog(self)
        self._watchdog.start()

    def stop(self) -> None:
        """End; nothing is left running."""
        self.watch.close(asyncio.get_running_loop())
        self.backlogs.close()
        if self._watchdog is not None:
            self._watchdog.stop()
        self.jobs.stop()
        for timer in (self._ticker, *self._ends.values()):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()

    def _tick(self, due: float) -> None:
        self.now = now = time.monotonic()
        self._lags = [*self._lags[-9:], max(now - due, 0.0)]
        self.lag = max(self._lags)
        if now - due > LAG_WARNING:
            log.warning("the event loop was %.0f ms late", (now - due) * 1000)
        self._ticker = asyncio.get_running_loop().call_later(TICK, self._tick, now + TICK)
        self.jobs.do("watching paused sockets", self.watch.arm)
        for proxy in (*self.proxies.values(), *self.leaving):
            self.jobs.do("sweeping a proxy", proxy.sweep, now)
        self.jobs.do("looking at the file limit", self.files.look)
        self.jobs.do("letting clients in", self.backlogs.look)
        self.jobs.do("giving memory back", self._memory.look, now)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in the background; it ends with the engine at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task of the engine failed", exc_info=task.exception())

    def schedule_ends(self, proxy: Proxy) -> None:
        """See to it that what ends by itself on ``proxy`` does."""
        timer = self._ends.pop(proxy, None)
        if timer is not None:
            timer.cancel()
        end = proxy.next_end()
        if end is not None and proxy.name in self.proxies:
            delay = max(end - time.monotonic(), 0.0) + 0.001
            self._ends[proxy] = asyncio.get_running_loop().call_later(delay, self._end, proxy)

    def _end(self, proxy: Proxy) -> None:
        self._ends.pop(proxy, None)
        self.jobs.until_done(ENDING, self._expire, proxy)

    def _expire(self, proxy: Proxy) -> None:
        told = proxy.expire(time.monotonic())
        if not told:
            self.schedule_ends(proxy)
            return
        self.jobs.until_done(ENDING, proxy.replan)
        if self.on_end is not None:
            self.on_end(proxy, told)

    # -- names ------------------------------------------------------------------------------

    def next_id(self) -> int:
        """The next connection's id, from 1, across all proxies."""
        self._last_id += 1
        return self._last_id

    def canonical(self, name: str) -> str:
        """A handler's own name for one of its aliases; unknown names as they are."""
        kind = self.catalog.handlers.get(name)
        return kind.name if kind is not None else name

    def canonical_mix(self, mix: Mix) -> Mix:
        """The same mix in handlers' own names."""
        return Mix(tuple((self.canonical(name), weight) for name, weight in mix.weights))

    # -- limits -----------------------------------------------------------------------------

    def accepts_at_once(self, limit: int) -> int:
        """Clients that a proxy accepts in a round of the loop: each takes a file descriptor.

        One where there is a ``limit``: it is exact only if each is counted before the next.
        """
        few = 20 * AT_ONCE * len(self.proxies) <= self.max_connections
        return AT_ONCE if few and not limit else 1

    def opened(self, proxy: Proxy, fd: int) -> None:
        """A client was accepted: at a limit, further ones wait in the backlog."""
        self.open += 1
        self.backlogs.opened(proxy, fd)

    async def all_closed(self) -> None:
        """Return when no connection is open."""
        while self.open:
            self._last_closed.clear()
            await self._last_closed.wait()

    def closed(self, proxy: Proxy) -> None:
        """A connection is gone: there is room for a waiting client."""
        self.open -= 1
        if not self.open:
            self._last_closed.set()
        if not proxy.connections:
            self.leaving.discard(proxy)
        self.backlogs.closed(proxy)

    # -- who may be dialled -----------------------------------------------------------------

    def why_not_dial(self, ip: str, port: int) -> str:
        """Say why a backend's address must not be dialled, or ``""``.

        ``ip`` is spelled as ``numeric`` or the resolver does.
        """
        if not self.allow_link_local and Address(ip, port).link_local:
            return f"{ip} is link-local, where cloud metadata lives (use --allow-upstream)"
        if self.own.reaches(ip, port):
            return f"{Address(ip, port)} is an address of chaostui's own"
        return ""
