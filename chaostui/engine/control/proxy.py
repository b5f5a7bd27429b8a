"""One proxy: its listener, its plan and its connections."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chaostui.engine.control import reach
from chaostui.engine.control.replanning import Replanning
from chaostui.engine.control.sweep import sweep
from chaostui.engine.faults.compile import Compiled, compile_plan, entry_name
from chaostui.engine.faults.dice import Dice
from chaostui.engine.faults.overlays import Layers, RawOptions, merged_options
from chaostui.engine.faults.plan import Armed, ArmedEntry, Plan
from chaostui.engine.net.admission import Doorkeeper
from chaostui.engine.net.dial import dial, numeric
from chaostui.engine.net.listener import Listener
from chaostui.engine.observe.stats import Stats
from chaostui.engine.pace.jobs import Jobs
from chaostui.engine.relay import redraw
from chaostui.engine.relay.connection import Connection
from chaostui.engine.relay.dialling import Dialling
from chaostui.engine.relay.exchanges.contract import Exchanges
from chaostui.engine.relay.exchanges.framed import Framed
from chaostui.engine.relay.exchanges.starttls import StartTls
from chaostui.engine.relay.exchanges.turns import Turns
from chaostui.engine.relay.freezer import Freezer
from chaostui.engine.tls.certificates import Tls
from chaostui.engine.tls.upgrade import client_protocol
from chaostui.errors import NotAllowed
from chaostui.events import CloseReason, Warned
from chaostui.protocol import Negotiation, Protocol
from chaostui.safe_text import safe_text
from chaostui.settings import Mix, ProxySettings

if TYPE_CHECKING:
    from chaostui.engine.control.runtime import Core

log = logging.getLogger("chaostui.proxy")
WARN_INTERVAL = 10.0
"""Seconds between two log lines about the same trouble of a proxy."""


class Proxy:
    """A listener and its backend."""

    bypass = False  # nothing acts then, though mix, chain and pins are kept

    def __init__(self, core: Core, settings: ProxySettings, tls: Tls | None = None) -> None:
        self.core = core
        self._spare_dice = random.Random(0)
        self.bus = core.bus
        self.watch = core.watch
        self.settings = settings
        self.stats = Stats()
        self.dice = Dice(core.seed, settings.name)
        self.layers = Layers(core.canonical_mix(settings.behavior))
        self.plan = Plan()
        self.replanning = Replanning(self)
        self.listener: Listener | None = None
        self.door = Doorkeeper(self)
        self.freezer = Freezer(self, self.door.frozen_or_thawed)
        self.connections: dict[int, Connection] = {}
        self.half_closed: set[Connection] = set()
        self.departing: dict[Connection, None] = {}
        """Those whose client has sent its FIN while a fault holds what it asked."""
        self.sealed: dict[Connection, None] = {}
        """Those whose bytes only the peers can read, oldest first."""
        self.pins: dict[Connection, Armed] = {}
        """Connections that have a handler of their own, bypass or not."""
        self.last_error = ""
        self._compiled = Compiled()
        self.young: dict[Connection, None] = {}
        """Those that were not probed yet for a peer that has silently gone."""
        self._ordinal = 0
        self._warned = 0.0
        self.dialling: set[Dialling] = set()
        """The calls of backends that have not been answered yet."""
        self._read_settings(tls)

    @property
    def name(self) -> str:
        """The proxy's name."""
        return self.settings.name

    @property
    def jobs(self) -> Jobs:
        """Who does what is owed, and contains what it raises."""
        return self.core.jobs

    def __repr__(self) -> str:
        state = "enabled" if self.listener is not None else "disabled"
        return (
            f"<Proxy {self.name} {self.listen} → {self.settings.backend} {state}"
            f" [{self.layers.top.mix or 'normal'}] {len(self.connections)} open>"
        )

    @property
    def listen(self) -> str:
        """The bound address; as configured while the proxy is disabled."""
        return str(self.listener.bound if self.listener is not None else self.settings.listen)

    def profile(self) -> ProxySettings:
        """The settings that would make it what it is now, faults of sessions left out."""
        base = self.layers.base
        options = merged_options(self.core.canonical, self.settings.handler, base.options)
        return replace(self.settings, behavior=base.mix.trimmed(), handler=options)

    # -- protocol ---------------------------------------------------------------------------

    def _read_settings(self, tls: Tls | None) -> None:
        self.tls = tls
        """How TLS is ended here; None: it is not."""
        backend = self.settings.backend
        self.backend_name = str(backend)
        self.slow = self.settings.slow_reply or math.inf
        """From how long on a reply is told of as slow, in seconds."""
        ip = numeric(backend.host)
        self._target = (ip, backend.port) if ip else None
        """Where to dial, when nothing has to be resolved."""
        self._protocol = self.core.catalog.protocols[self.settings.protocol]
        self._negotiation = self._tls_asked()
        self._protocol_options = dict(self.settings.protocol_options)
        self.exchanges: Callable[[Connection], Exchanges] = Turns
        """What finds the exchanges of its connections."""
        if self._protocol.framed:
            self.exchanges = StartTls if self._negotiation else Framed
        self._stateless: Protocol | None = None
        if not self._protocol.framed:
            self._stateless = self.new_protocol()

    def _tls_asked(self) -> Negotiation:
        """What comes of it when a client asks for TLS in the protocol's words."""
        if not self._protocol.negotiates_tls or self.settings.tls == "passthrough":
            return ""
        if self.tls is None:
            return "refuse"
        return "grant" if self.tls.backend is None else "ask"

    @property
    def protocol(self) -> type[Protocol]:
        """The class of the protocol it speaks."""
        return self._protocol

    def new_protocol(self) -> Protocol:
        """A protocol's instance for a connection; one for all where it knows no frames."""
        if self._stateless is not None:
            return self._stateless
        return self._protocol(
            self.backend_name,
            self._spare_dice,
            tls=self._negotiation,
            **self._protocol_options,
        )

    # -- plan -------------------------------------------------------------------------------

    @property
    def options(self) -> RawOptions:
        """The raw options in force, by handler: the profile's, the proxy's, the fault's."""
        core, own = self.core, self.settings.handler
        return merged_options(core.canonical, core.handler_settings, own, self.layers.top.options)

    def compile(self) -> Compiled:
        """Make the plan for what the settings say now; SettingsError when an option is wrong."""
        return compile_plan(
            self.core.catalog,
            self._protocol,
            self.layers.top.mix,
            self.options,
            self.settings.chain,
            self._compiled.plan,
        )

    def replan(self) -> None:
        """Put in force what the settings say now; live connections obey at once."""
        self.install(self.compile())

    def install(self, compiled: Compiled) -> None:
        """Put a compiled plan in force."""
        self._compiled = compiled
        changed = compiled.apply()
        self.plan = Plan() if self.passing else compiled.plan
        self.replanning.start(changed)
        self.core.schedule_ends(self)
        self.door.look()

    @property
    def passing(self) -> bool:
        """Whether nothing acts, whatever is switched on."""
        return self.bypass or self.core.halted

    def pin(self, connection: Connection, armed: Armed | None) -> None:
        """Give a connection a handler of its own; None frees it, and what was held goes on."""
        if armed is None:
            self.pins.pop(connection, None)
        else:
            self.pins[connection] = armed
        connection.pinned = self.pin_in_force(connection)
        redraw.replan(connection, self.plan, frozenset())

    def pin_in_force(self, connection: Connection) -> Armed | None:
        return None if self.passing else self.pins.get(connection)

    def armed(self, name: str) -> Armed | None:
        """The handler of the mix of that name, when it is switched on, bypass or not."""
        return self._compiled.mix.get(name)

    def entries(self) -> tuple[ArmedEntry, ...]:
        """The chain, bypass or not."""
        return tuple(self._compiled.chain)

    def next_end(self) -> float | None:
        """When the first of what is switched on ends by itself, on the monotonic clock."""
        armed = [*self._compiled.mix.values(), *(entry.armed for entry in self._compiled.chain)]
        ends = [a.ends_at for a in armed] + [layer.ends_at for layer in self.layers.over]
        return min((end for end in ends if end is not None), default=None)

    def expire(self, now: float) -> list[str]:
        """Take away what has reached its end; say what it was. ``replan`` puts that in force."""
        over = [layer for layer in self.layers.over if layer.ends_at and layer.ends_at <= now]
        told = [f"{layer.mix or 'normal'}" for layer in over if self.layers.remove(layer)]
        for armed in [a for a in self._compiled.mix.values() if a.ends_at and a.ends_at <= now]:
            top = self.layers.top
            kept = [(n, w) for n, w in top.mix.weights if self.core.canonical(n) != armed.name]
            top.mix = Mix(tuple(kept))
            told.append(armed.name)
        ended = [e for e in self._compiled.chain if e.armed.ends_at and e.armed.ends_at <= now]
        if ended:
            names = {entry.name for entry in ended}
            chain = tuple(c for c in self.settings.chain if (c.name or entry_name(c)) not in names)
            self.settings = replace(self.settings, chain=chain)
            told += names
        return told

    # -- listening --------------------------------------------------------------------------

    async def open(self, listener: Listener) -> None:
        """Accept clients on ``listener``, which is the proxy's from now on."""
        self.listener = listener
        self.core.own.add(listener.names)
        self.door.look()
        await self.accept()

    async def accept(self) -> None:
        """Accept clients, if it listens and is at no limit."""
        frozen = self.freezer.on
        if not frozen and self.listener is not None and self.core.backlogs.may_accept(self):
            self.listener.at_once = self.core.accepts_at_once(self.settings.max_connections)
            await self.listener.accept(self.new_client)

    def change(self, settings: ProxySettings, tls: Tls | None = None) -> None:
        """Take new settings; ``replan`` puts the faults among them in force."""
        if settings.behavior != self.layers.base.mix:
            self.layers.base.mix = self.core.canonical_mix(settings.behavior)
            self.layers.base.options = {}
        limits = bool(settings.max_connections) != bool(self.settings.max_connections)
        self.settings = settings
        self._read_settings(tls)
        if limits and self.listener is not None and self.listener.accepting:
            self.listener.pause()  # another number is accepted at once now
            self.spawn(self.accept())

    def shut(self) -> None:
        """Give the address up and close every connection."""
        self.close()
        self.freezer.turn(on=False)
        self.hang_up("proxy closed")

    def hang_up(self, reason: CloseReason) -> None:
        """Close every connection at once, what is held included."""

        def end(connection: Connection) -> None:
            if not connection.closed:
                connection.hang_up(reason)

        self.core.rounds.each(self.connections.values(), end)

    def close(self) -> None:
        """Give the address up. Connections stay."""
        if self.listener is not None:
            self.core.backlogs.forget(self)
            self.listener.close()
            self.core.own.remove(self.listener.names)
            self.listener = None
            self.door.rest()

    def new_client(self) -> asyncio.Protocol:
        """The protocol object for a client that is being accepted."""
        connection = Connection(self)
        return connection.client if self.tls is None else client_protocol(connection)

    # -- what connections tell --------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """A client was accepted."""
        self._ordinal += 1
        connection.ordinal = self._ordinal
        connection.id = self.core.next_id()
        self.connections[connection.id] = connection
        self.stats.connections += 1
        self.young[connection] = None
        self.core.opened(self, connection.client.fileno())

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.pop(connection.id, None)
        self.half_closed.discard(connection)
        self.departing.pop(connection, None)
        self.young.pop(connection, None)
        self.sealed.pop(connection, None)
        self.pins.pop(connection, None)
        self.replanning.forget(connection)
        self.freezer.forget(connection)
        self.stats.upstream += connection.up.received
        self.stats.downstream += connection.down.received
        self.core.closed(self)

    def dial(self, protocol: Callable[[], asyncio.Protocol]) -> Coroutine[Any, Any, Any]:
        """Connect the backend's side of a connection; awaited: OSError, NotAllowed."""
        target = self._target
        if target is None:
            backend, core = self.settings.backend, self.core
            return dial(backend, protocol, core.why_not_dial, core.resolver)
        why = self.core.why_not_dial(*target)
        if why:
            return _not_allowed(why)
        return asyncio.get_running_loop().create_connection(protocol, *target)

    def dialled(self, backend: str, problem: str) -> None:
        """A dial of ``backend`` has ended, with a problem or well."""
        if problem:
            self.stats.refused += 1
            self.last_error = f"{backend}: {problem}"
            self.warn(f"cannot reach the backend {self.last_error}")
        else:
            self.last_error = ""

    def tls_failed(self, connection: Connection, why: str, *, client: bool) -> None:
        """TLS with one of a connection's peers has failed."""
        if not client:
            self.stats.refused += 1
            self.last_error = f"{connection.backend_name}: TLS: {why}"
        peer = "the client" if client else f"the backend {connection.backend_name}"
        self.warn(f"TLS with {peer} failed on connection {connection.id}: {why}")

    def handler_failed(self, connection: Connection, handler: str, error: BaseException) -> None:
        """A handler raised on a connection."""
        self.stats.handler_failures += 1
        self.warn(f"handler {handler} failed on connection {connection.id}: {error!r}", error)

    def lost_frame(self, connection: Connection) -> None:
        """A protocol does not follow a connection any more.

        That is told where it could not, or where a fault cannot act because of it.
        """
        protocol = connection.protocol
        if protocol.desync:
            self.stats.desyncs += 1
        else:
            self.stats.opaque += 1
        if protocol.sealed:
            self.sealed[connection] = None
            reach.lost(connection)
        missed = reach.told(connection)
        if protocol.desync or missed:
            why = protocol.opaque
            self.warn(f"connection {connection.id} passes as plain tcp: {why}{missed}")

    def warn(self, message: str, error: BaseException | None = None) -> None:
        """Tell an operator; the log gets at most one line in ten seconds."""
        text = safe_text(message, 500)
        self.bus.publish(Warned, proxy=self.name, message=text)
        now = time.monotonic()
        if now - self._warned >= WARN_INTERVAL or not self._warned:
            self._warned = now
            log.warning("%s: %s", safe_text(self.name), text, exc_info=error)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background, owned by the engine."""
        return self.core.spawn(work)

    def sweep(self, now: float) -> None:
        """End connections that were called, half-closed or idle for too long."""
        sweep(self, now)


async def _not_allowed(why: str) -> None:
    raise NotAllowed(why)
