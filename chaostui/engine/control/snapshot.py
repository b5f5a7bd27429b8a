"""Takes frozen pictures of the engine."""

from __future__ import annotations

import time
from collections import Counter

from chaostui.engine.control import reach
from chaostui.engine.control.proxy import Proxy
from chaostui.engine.faults.compile import handler_class, read_options
from chaostui.engine.faults.overlays import Layer
from chaostui.engine.faults.plan import Armed, ArmedEntry
from chaostui.engine.relay.connection import Connection
from chaostui.options import values
from chaostui.wire.views import (
    ChainView,
    ConnectionView,
    FaultView,
    HandlerView,
    ProxyView,
    Quantiles,
    StatsView,
)

FRESH = 0.45
"""Seconds that percentiles in live frames may be old: to make them takes longer than the rest."""

Carried = dict[str, tuple[int, int]]
"""Bytes upstream and downstream, by proxy."""


def carried(proxy: Proxy) -> tuple[int, int]:
    """Bytes up and down, those of live connections included: 0.5 us a connection."""
    stats, live = proxy.stats, proxy.connections.values()
    return (
        stats.upstream + sum([connection.up.received for connection in live]),
        stats.downstream + sum([connection.down.received for connection in live]),
    )


def stats_view(proxy: Proxy, counted: Carried | None = None) -> StatsView:
    """Counters of a proxy; ``counted`` are bytes that need no counting any more."""
    stats = proxy.stats
    upstream, downstream = (counted or {}).get(proxy.name) or carried(proxy)
    times = stats.times(time.monotonic(), old=0.0 if counted is None else FRESH)
    return StatsView(
        connections=stats.connections,
        open=len(proxy.connections),
        refused=stats.refused,
        exchanges=stats.exchanges,
        upstream=upstream,
        downstream=downstream,
        hits=dict(stats.hits),
        handler_failures=stats.handler_failures,
        desyncs=stats.desyncs,
        opaque=stats.opaque,
        not_reached=stats.not_reached,
        latency=times.latency,
        latency_whole=stats.latency_whole() if counted is None else Quantiles(),
        delay=times.delay,
        delay_error=times.delay_error,
        by_handler=dict(times.by_handler),
    )


def handler_view(proxy: Proxy, name: str) -> HandlerView:
    """A handler as it stands on a proxy, switched on or not; SettingsError if unknown."""
    kind = handler_class(proxy.core.catalog, name)
    armed = proxy.armed(kind.name)
    if armed is not None:
        return _armed_view(proxy, armed)
    options = read_options(kind, proxy.options.get(kind.name, {}), proxy.protocol, kind.name)
    hits = proxy.stats.hits.get(kind.name, 0)
    return HandlerView(name=kind.name, weight=0.0, options=values(options), hits=hits)


def _armed_view(proxy: Proxy, armed: Armed) -> HandlerView:
    ends = armed.ends_at
    return HandlerView(
        name=armed.name,
        weight=armed.weight,
        options=values(armed.options),
        hits=proxy.stats.hits.get(armed.name, 0),
        ends_in=None if ends is None else max(ends - time.monotonic(), 0.0),
    )


def chain_view(entry: ArmedEntry) -> ChainView:
    """One chain entry."""
    both = len(entry.directions) == 2
    return ChainView(
        name=entry.name,
        handler=entry.armed.name,
        direction="both" if both else entry.directions[0],
        probability=entry.probability,
        options=values(entry.armed.options),
        hits=entry.armed.hits,
    )


def fault_view(layer: Layer) -> FaultView:
    """One fault that lies over a proxy's own mix."""
    ends = layer.ends_at
    return FaultView(
        id=layer.id,
        session=layer.session,
        owner=layer.owner,
        behavior=str(layer.mix),
        options=layer.options,
        ends_in=None if ends is None else max(ends - time.monotonic(), 0.0),
    )


def proxy_view(proxy: Proxy, counted: Carried | None = None) -> ProxyView:
    """One proxy as it is now; ``counted`` are bytes that need no counting any more."""
    names = [proxy.core.canonical(name) for name, _ in proxy.layers.top.mix.weights]
    settings = proxy.settings
    return ProxyView(
        name=proxy.name,
        listen=proxy.listen,
        backend=str(settings.backend),
        protocol=settings.protocol,
        enabled=settings.enabled,
        draw=settings.draw,
        tls=settings.tls,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
        backend_tls=settings.backend_tls,
        backend_tls_ca=settings.backend_tls_ca,
        backend_tls_cert=settings.backend_tls_cert,
        backend_tls_key=settings.backend_tls_key,
        behavior=str(proxy.layers.top.mix),
        base=str(proxy.layers.base.mix),
        base_options=proxy.layers.base.options,
        bypass=proxy.bypass,
        frozen=proxy.freezer.on,
        door=proxy.listener.state if proxy.listener is not None else "accept",
        pins=Counter([armed.name for armed in proxy.pins.values()]),
        mix=tuple(
            HandlerView(name=name, weight=weight, options={})
            if name == "normal"
            else handler_view(proxy, name)
            for name, (_, weight) in zip(names, proxy.layers.top.mix.weights, strict=True)
        ),
        chain=tuple(chain_view(entry) for entry in proxy.entries()),
        faults=tuple(fault_view(layer) for layer in proxy.layers.over),
        not_reached=reach.view(proxy),
        last_error=proxy.last_error,
        stats=stats_view(proxy, counted),
    )


def connection_view(connection: Connection) -> ConnectionView:
    """A connection as it is now."""
    now = time.monotonic()
    pinned = connection.proxy.pins.get(connection)
    return ConnectionView(
        id=connection.id,
        proxy=connection.proxy.name,
        client=connection.client_name,
        backend=connection.backend_name,
        state=connection.state,
        handler=connection.handler_name,
        pinned=pinned.name if pinned else "",
        age=now - connection.opened,
        idle=connection.look(now),
        reply=connection.reply,
        upstream=connection.up.received,
        downstream=connection.down.received,
        exchanges=connection.number,
        hits=connection.hits,
        held=connection.up.held + connection.down.held,
        request=connection.request,
        opaque=connection.opaque,
        not_reached=reach.missed(connection),
    )
