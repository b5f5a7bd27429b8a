"""Frozen pictures of the engine, for fronts: what the HTTP API answers as JSON.

Times are seconds, sizes bytes, weights percent.
"""

from __future__ import annotations

from typing import Any

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all views."""


class Quantiles(View, frozen=True, kw_only=True):
    """A distribution of seconds, exact to 3.1 %: of a window, beside sums of all time."""

    count: int = 0
    """Values in the window."""
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    total_count: int = 0
    """Values since the start."""
    total_seconds: float = 0.0
    """Their sum."""


class HandlerTimes(View, frozen=True, kw_only=True):
    """Times of the last ``EngineView.window`` seconds that have to do with one handler."""

    latency: Quantiles = Quantiles()
    """Reply times of the exchanges that were given this handler."""
    delay: Quantiles = Quantiles()
    """How long bytes were really held that it held, alone or with others."""


class StatsView(View, frozen=True, kw_only=True):
    """Counters of a proxy since it was made, times of the last ``EngineView.window`` seconds."""

    connections: int = 0
    open: int = 0
    refused: int = 0
    """Clients that got no backend: refused, unreachable, timed out."""
    exchanges: int = 0
    upstream: int = 0
    downstream: int = 0
    hits: dict[str, int] = {}
    """Faults that really hit, by handler."""
    handler_failures: int = 0
    desyncs: int = 0
    """Connections whose bytes made no sense in their protocol, and are not read since."""
    opaque: int = 0
    """Those that are not read as they should not be: TLS, MONITOR, replication, an upgrade."""
    not_reached: int = 0
    """Draws of faults that could not act: the connection is encrypted, and passes."""
    latency: Quantiles = Quantiles()
    """From a request's first byte to its reply's first byte, faults included."""
    latency_whole: Quantiles = Quantiles()
    """The same since the proxy was made; live frames leave it out."""
    delay: Quantiles = Quantiles()
    """How long bytes were really held back."""
    delay_error: Quantiles = Quantiles()
    """How much later than asked held bytes left."""
    by_handler: dict[str, HandlerTimes] = {}
    """Times by handler, of those that have any; ``normal`` is what no handler was drawn for."""


class ChainView(View, frozen=True, kw_only=True):
    """One chain entry with all its options and its hits."""

    name: str
    handler: str
    direction: str
    probability: float
    options: dict[str, Any]
    hits: int = 0


class FaultView(View, frozen=True, kw_only=True):
    """A fault that lies over the proxy's own mix until it ends or its session does."""

    id: str
    session: str
    owner: str = ""
    """Whose it is: the session's owner, or who put in force what ends by itself."""
    behavior: str
    options: dict[str, dict[str, Any]] = {}
    ends_in: float | None = None


class HandlerView(View, frozen=True, kw_only=True):
    """A handler of the mix: its weight in force, all its options, its hits."""

    name: str
    weight: float
    options: dict[str, Any]
    hits: int = 0
    ends_in: float | None = None
    """Seconds until its ``duration`` is over; None: no end."""


class NotReached(View, frozen=True, kw_only=True):
    """Open connections that pass although faults are on: they are encrypted or compressed."""

    connections: int
    handlers: tuple[str, ...]
    """Those that need to read requests: ``errors``, and all that match on them."""
    why: str
    """What keeps one of these connections from being read: ``TLS, SNI shop``."""
    remedy: dict[str, str] = {}
    """Settings of the proxy that let new connections be read; empty: there are none."""


class ProxyView(View, frozen=True, kw_only=True):
    """One proxy as it is now."""

    name: str
    listen: str
    """The bound address; as configured while the proxy is disabled."""
    backend: str
    protocol: str
    enabled: bool
    draw: str
    tls: str = "passthrough"
    """``passthrough``, ``refuse`` or ``terminate``."""
    tls_cert: str = ""
    tls_key: str = ""
    backend_tls: str = "off"
    """``off``, ``on`` or ``verify``."""
    backend_tls_ca: str = ""
    backend_tls_cert: str = ""
    backend_tls_key: str = ""
    behavior: str
    """The mix in force, ``20:delay,5:errors``; empty: all normal."""
    base: str
    """The proxy's own mix, which returns when all faults of sessions have ended."""
    base_options: dict[str, dict[str, Any]] = {}
    """Options that came with ``base`` and go with it, by handler."""
    bypass: bool = False
    """Mix, chain and pins are kept but not applied."""
    frozen: bool = False
    """Nothing is accepted, passed or closed until it is thawed."""
    door: str = "accept"
    """How clients that connect are met now: ``accept``, ``refuse`` or ``stall``."""
    pins: dict[str, int] = {}
    """How many live connections have a handler of their own, by that handler."""
    mix: tuple[HandlerView, ...] = ()
    chain: tuple[ChainView, ...] = ()
    faults: tuple[FaultView, ...] = ()
    not_reached: NotReached | None = None
    """Connections that faults in force cannot reach; None: there are none."""
    last_error: str = ""
    stats: StatsView = StatsView()


class ConnectionView(View, frozen=True, kw_only=True):
    """One connection as it is now."""

    id: int
    proxy: str
    client: str
    backend: str
    state: str
    """``dialling``, ``open``, ``half-closed``, ``closing`` or ``closed``."""
    handler: str
    """The handler its current exchange was given."""
    pinned: str = ""
    age: float = 0.0
    idle: float = 0.0
    reply: float = 0.0
    """How long its latest reply took to begin; 0: none came."""
    upstream: int = 0
    downstream: int = 0
    exchanges: int = 0
    hits: int = 0
    held: int = 0
    request: str = ""
    """The name of its latest request, where the protocol tells."""
    opaque: str = ""
    not_reached: tuple[str, ...] = ()
    """Handlers in force that cannot act on it, as it is encrypted or compressed."""


class SessionView(View, frozen=True, kw_only=True):
    """An owner of faults: they end when it does."""

    id: str
    owner: str
    lease: float
    expires_in: float
    faults: tuple[str, ...] = ()


class HaltView(View, frozen=True, kw_only=True):
    """Whether everything is halted, by whom and since when (epoch seconds)."""

    halted: bool = False
    by: str = ""
    at: float = 0.0


class EngineView(View, frozen=True, kw_only=True):
    """The engine as a whole."""

    version: str
    pid: int
    seed: int
    profile: str = ""
    """The file it was started with, where there was one."""
    uptime: float
    revision: int
    """Grows by one with each change, whoever made it."""
    halt: HaltView = HaltView()
    proxies: tuple[ProxyView, ...] = ()
    sessions: tuple[SessionView, ...] = ()
    events: int = 0
    """The newest event's number."""
    events_dropped: int = 0
    window: float = 10.0
    """Seconds that the percentiles of ``StatsView`` look back."""
    loop_lag: float = 0.0
    """The longest the loop was late in the last second, in seconds."""
    failures: dict[str, int] = {}
    """How often a periodic job of the engine's own has raised, by job; each goes on."""
    max_connections: int = 0
    held: int = 0
    """Bytes held back on all connections together, and what keeping them costs."""
    max_held: int = 0
    """How many of these there may be before those who hold most stop reading."""
    rss: int = 0
    unauthenticated: bool = False
    """Reachable from other hosts without a token."""
