"""What a proxy looks at with each tick: calls, ends and silences that take too long."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from chaostui.actions import Close
from chaostui.engine.net.dial import keep_alive
from chaostui.engine.relay import departure

if TYPE_CHECKING:
    from chaostui.engine.control.proxy import Proxy
    from chaostui.engine.relay.connection import Connection

LOOKS = 50
"""Clients of which the kernel is asked in one tick whether they are gone: each takes 30 us."""
PROBES = 16
"""Connections that begin to be probed in one tick: each takes 70 us."""
SETTLED = 5.0
"""Seconds after which a connection is probed for a peer that has silently gone; most are over."""


def sweep(proxy: Proxy, now: float) -> None:
    """End connections that were called, half-closed or idle for too long, or whose client left."""
    if proxy.freezer.on:
        return
    jobs, settings = proxy.core.jobs, proxy.settings
    jobs.each("giving calls up", lambda each: each.look(now), tuple(proxy.dialling))
    _keep_alive(proxy, now)
    _look_for_departed(proxy)

    def end_half_closed(connection: Connection) -> None:
        quiet = min(connection.look(now), now - connection.half_closed_at)
        if quiet >= settings.half_close_timeout:
            connection.end("half-close timeout", Close())

    def end_idle(connection: Connection) -> None:
        if connection.look(now) >= settings.idle_timeout:
            connection.end("idle timeout", Close())

    jobs.each("ending idle connections", end_half_closed, tuple(proxy.half_closed))
    if settings.idle_timeout:
        jobs.each("ending idle connections", end_idle, tuple(proxy.connections.values()))


def _keep_alive(proxy: Proxy, now: float) -> None:
    """Probe the backends of connections that live on, a few at a time."""
    for oldest in tuple(islice(proxy.young, PROBES)):
        if now - oldest.opened < SETTLED:
            break
        del proxy.young[oldest]
        proxy.core.jobs.do("probing a backend", keep_alive, oldest.backend.transport)


def _look_for_departed(proxy: Proxy) -> None:
    """Look at some of the clients whose FIN has come while a fault holds what they asked."""
    departing = proxy.departing
    for connection in tuple(islice(departing, LOOKS)):
        del departing[connection]
        if not (connection.closed or connection.up.ended):
            departing[connection] = None  # behind the others
            proxy.core.jobs.do("looking for clients that left", departure.look, connection)
