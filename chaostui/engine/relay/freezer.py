"""Freezes a proxy: nothing new comes in, nothing passes, nothing ends, until it is thawed.

Clients that connect wait in the kernel's backlog. Sockets are not read, what a fault holds stays
held, and timers of handlers, idle and half-close timeouts stand still; bytes that were
written already still arrive. Only what others end is ended: a peer that resets, an operator who
resets a connection, closes the proxy or stops the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from chaostui.engine.pace.pauses import FROZEN

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection
    from chaostui.engine.relay.owner import Owner


class Freezer:
    """Whether a proxy is frozen, and what waits until it is not."""

    def __init__(self, proxy: Owner, met: Callable[[], None]) -> None:
        """``met`` lets clients who connect wait, or come in."""
        self._proxy = proxy
        self._met = met
        self.on = False
        """Whether the proxy is frozen: from then on nothing is written."""
        self._behind: dict[Connection, None] = {}
        """Connections whose sockets are still read though they must not be, or not yet again."""
        self._waiting: dict[Connection, list[Callable[[], None]]] = {}
        self._done = asyncio.Event()

    async def put(self, on: bool) -> bool:
        """Freeze or thaw, and return when every connection obeys; False: it was so already."""
        changed = self.turn(on)
        while self._behind:
            self._done.clear()
            await self._done.wait()
        return changed

    def turn(self, on: bool) -> bool:
        """Freeze or thaw, in turns where connections are many; False: it was so already."""
        if on == self.on:
            return False
        self.on = on
        self._met()
        self._behind.update(dict.fromkeys(self._proxy.connections.values()))
        self.go_on()
        return True

    def go_on(self) -> None:
        """Let one connection after the other obey, as long as this step of the loop has time."""
        rounds = self._proxy.core.rounds
        while self._behind:
            if rounds.spent():
                rounds.wait(self)
                return
            connection = next(iter(self._behind))
            del self._behind[connection]
            if self.on:
                self.stop(connection)
            else:
                self._thaw(connection)
        self._done.set()

    def stop(self, connection: Connection) -> None:
        """Read a connection's sockets no more."""
        connection.client.pause(FROZEN)
        connection.backend.pause(FROZEN)

    def _thaw(self, connection: Connection) -> None:
        now = self._proxy.core.now
        # The time in which it was frozen is no time in which it was idle.
        connection.seen = (connection.up.received + connection.down.received, now)
        for do in self._waiting.pop(connection, ()):
            do()
            if connection.closed:
                return
        for link in (connection.up, connection.down):
            link.drained(thawed=True)
        connection.client.resume(FROZEN)
        connection.backend.resume(FROZEN)

    def defers(self, connection: Connection, do: Callable[[], None]) -> bool:
        """Whether something must wait until the proxy is thawed; it is done then, in order."""
        if not self.on:
            return False
        self._waiting.setdefault(connection, []).append(do)
        return True

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._behind.pop(connection, None)
        self._waiting.pop(connection, None)
