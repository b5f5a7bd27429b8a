"""Puts a new plan in force on the live connections of a proxy, in turns where they are many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chaostui.engine.relay import redraw

if TYPE_CHECKING:
    from chaostui.engine.control.proxy import Proxy
    from chaostui.engine.faults.plan import Armed
    from chaostui.engine.relay.connection import Connection


class Replanning:
    """Which connections do not obey the newest plan yet, and the options that changed for them."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._behind: dict[Connection, frozenset[Armed]] = {}
        self._done = asyncio.Event()

    def start(self, changed: frozenset[Armed]) -> None:
        """There is a new plan, in which ``changed`` have new options."""
        behind = self._behind
        for connection in self._proxy.connections.values():
            behind[connection] = behind.get(connection, changed) | changed
        self.go_on()

    def go_on(self) -> None:
        """Let one after the other obey, as long as this step of the loop has time."""
        proxy = self._proxy
        rounds = proxy.core.rounds
        while self._behind:
            if rounds.spent():
                rounds.wait(self)
                return
            connection = next(iter(self._behind))
            changed = self._behind.pop(connection)
            connection.pinned = proxy.pin_in_force(connection)
            redraw.replan(connection, proxy.plan, changed)
        self._done.set()

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._behind.pop(connection, None)

    async def done(self) -> None:
        """Return when all obey."""
        while self._behind:
            self._done.clear()
            await self._done.wait()
