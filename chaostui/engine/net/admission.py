"""How a proxy meets those who connect: it lets them in, refuses them, or leaves them waiting."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any, Protocol

from chaostui.engine.faults.plan import Armed
from chaostui.events import Injected, Warned
from chaostui.handler import Door

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from chaostui.engine.faults.dice import Dice
    from chaostui.engine.faults.plan import Plan
    from chaostui.engine.net.listener import Listener
    from chaostui.engine.observe.bus import Bus
    from chaostui.engine.observe.stats import Stats
    from chaostui.engine.pace.jobs import Jobs
    from chaostui.events import CloseReason

WINDOW = 1.0
"""Seconds for which the dice decide, where a handler acts only a part of the time."""

LATE = 0.001
"""Seconds by which a look may come late, so that it never comes too early."""

WHAT = {"refuse": "clients are refused", "stall": "clients cannot connect"}


class Frozen(Protocol):
    """Whether all stands still."""

    on: bool


class Owner(Protocol):
    """The proxy whose clients are met."""

    listener: Listener | None
    plan: Plan
    dice: Dice
    bus: Bus
    stats: Stats

    @property
    def name(self) -> str:
        """The proxy's name."""

    @property
    def freezer(self) -> Frozen:
        """Whether nobody is met now."""

    @property
    def jobs(self) -> Jobs:
        """Who does what is owed."""

    def new_client(self) -> asyncio.Protocol:
        """The protocol object for a client that is being accepted."""

    async def accept(self) -> None:
        """Accept clients, if it listens."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background."""

    def hang_up(self, reason: CloseReason) -> None:
        """Close every connection."""


class Doorkeeper:
    """Puts in force on a proxy's listener what the handlers of its plan say."""

    def __init__(self, proxy: Owner) -> None:
        self._proxy = proxy
        self._since = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._acting: Armed | None = None

    def look(self) -> None:
        """Act by the plan and the clock; called with each new plan and when time has passed."""
        self.rest()
        if self._proxy.freezer.on:
            return
        listener = self._proxy.listener
        if listener is None:
            self._acting = None
            return
        armed, door, seconds = self._decide(time.monotonic())
        before, self._acting = self._acting, armed
        other = listener.state != door.state
        waiting = listener.meet(door.state)
        if other:
            self._proxy.spawn(self._let_in(listener, waiting))
        if armed is not None and armed is not before:
            self._tell(armed, door)
        if other and door.state == "accept":
            proxy = self._proxy
            proxy.bus.publish(Warned, proxy=proxy.name, message="clients can connect again")
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(seconds, 0.0) + LATE, self._look)

    def frozen_or_thawed(self) -> None:
        """Let those who connect wait in the backlog, or let them in again."""
        proxy = self._proxy
        if not proxy.freezer.on:
            self.look()
            proxy.spawn(proxy.accept())
        elif proxy.listener is not None:
            proxy.listener.pause()

    async def _let_in(self, listener: Listener, waiting: list[socket.socket]) -> None:
        """Accept those who wait already, then all others."""
        await listener.let_in(self._proxy.new_client, waiting)
        await self._proxy.accept()

    def _look(self) -> None:
        """Time has passed."""
        self._proxy.jobs.until_done("refusing clients in turns", self.look)

    def rest(self) -> None:
        """Look no more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _decide(self, now: float) -> tuple[Armed | None, Door, float | None]:
        """Which handler keeps clients out, how, and after how many seconds to look again."""
        soonest: float | None = None
        for entry in self._proxy.plan.doors:
            armed, seconds = entry.armed, None
            door = armed.kind.door(armed.options, now - armed.since)
            if entry.probability < 1:
                window, passed = divmod(now - self._since, WINDOW)
                seconds = WINDOW - passed
                if self._proxy.dice.roll(0, int(window), f"door {entry.name}") >= entry.probability:
                    door = Door()
            for each in (seconds, door.seconds):
                if each is not None:
                    soonest = each if soonest is None else min(soonest, each)
            if door.state != "accept":
                return armed, door, soonest
        return None, Door(), soonest

    def _tell(self, armed: Armed, door: Door) -> None:
        proxy = self._proxy
        armed.hits += 1
        proxy.stats.hits[armed.name] += 1
        what = WHAT[door.state] + (", connections cut" if door.cut else "")
        proxy.bus.publish(Injected, proxy=proxy.name, exchange=0, handler=armed.name, what=what)
        if door.cut:
            proxy.hang_up("fault")
