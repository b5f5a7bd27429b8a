"""The call of a connection's backend, which owns its socket until the backend's side has it.

A socket between ``connect`` and the two sides that are joined belongs to nobody else. A loop
that is told to give a connection up may have made it already: uvloop then closes the socket and
tells no protocol. So a call that is given up is deaf from that moment on, and what still comes
of it is closed here.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from chaostui.engine.tls import upgrade
from chaostui.errors import ChaosError

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection
    from chaostui.events import CloseReason


class Dialling(asyncio.Protocol):
    """One call of a backend. It ends once: joined, failed, too late or given up."""

    __slots__ = ("_backend", "_connection", "_since", "_task")

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        """Whom to tell; None: the call is over."""
        self._backend: asyncio.Protocol | None = None
        """Who has the socket now, until the loop is done with it."""
        self._since = time.monotonic()
        connection.proxy.dialling.add(self)
        connection.proxy.core.files.calls += 1
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(connection.proxy.dial(self._itself))
        # A task that is cancelled before its first step runs nothing but this.
        self._task.add_done_callback(self._ended)

    def _itself(self) -> Dialling:
        return self

    def _over(self) -> Connection | None:
        """The call is over; return whom to tell of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.proxy.dialling.discard(self)
            connection.proxy.core.files.calls -= 1
        return connection

    def give_up(self) -> None:
        """Nobody wants the backend any more: whatever comes of the call is closed."""
        if self._over() is not None:
            self._task.cancel()

    def look(self, now: float) -> None:
        """Give the backend up if it has not answered within the proxy's connect timeout."""
        connection = self._connection
        if connection is None:
            return
        limit = connection.proxy.settings.connect_timeout
        if now - self._since > limit:
            self.give_up()
            problem = f"connect timeout after {limit:g} s"
            connection.dialled(now - self._since, problem, "connect timeout")

    # -- what asyncio tells -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = self._over()
        if connection is None or not connection.client.writable:
            cast("asyncio.Transport", transport).abort()
            return
        self._backend = backend = upgrade.backend_protocol(connection)
        transport.set_protocol(backend)
        connection.dialled(time.monotonic() - self._since)
        backend.connection_made(transport)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The loop is done with it: without a socket, or with one that it has handed over."""
        error = None if task.cancelled() else task.exception()
        backend, self._backend = self._backend, None
        if backend is not None:
            if task.cancelled():
                # The loop has closed the socket and told nobody.
                backend.connection_lost(None)
            return
        connection = self._over()
        if connection is not None:
            problem, reason = explained(error)
            connection.dialled(time.monotonic() - self._since, problem, reason)


def explained(error: BaseException | None) -> tuple[str, CloseReason]:
    """Why a call has failed, in one line, and what that makes of its connection."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused", "backend refused"
    if isinstance(error, (OSError, ChaosError)):
        return str(error), "backend unreachable"
    told = "the call was cancelled" if error is None else f"{type(error).__name__}: {error}"
    return told, "backend unreachable"
