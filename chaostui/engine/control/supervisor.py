"""The one door of an engine: every front awaits these methods and reads frozen views.

A method that changes something checks all of it first, changes it at once, and writes it to
the journal under the ``actor`` who asked. ``proxy=None`` means the first proxy.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from chaostui import __version__
from chaostui.catalog import Catalog
from chaostui.engine.control.mixes import Faults, fault_id
from chaostui.engine.control.proxy import Proxy
from chaostui.engine.control.sessions import Session, Sessions
from chaostui.engine.control.snapshot import (
    Carried,
    connection_view,
    fault_view,
    handler_view,
    proxy_view,
    stats_view,
)
from chaostui.engine.faults.compile import handler_class, read_options
from chaostui.engine.faults.overlays import Layer, RawOptions
from chaostui.engine.faults.plan import Armed
from chaostui.engine.observe.memory import resident
from chaostui.engine.observe.stats import WINDOW
from chaostui.engine.relay.connection import Connection
from chaostui.engine.relay.tap import Payload
from chaostui.errors import NotFound
from chaostui.events import Changed
from chaostui.settings import Mix, composed
from chaostui.wire.views import (
    ConnectionView,
    EngineView,
    FaultView,
    HandlerView,
    ProxyView,
    SessionView,
    StatsView,
)


class Supervisor(Faults):
    """The engine, as fronts see it: reading, connections, sessions and the journal."""

    def __init__(self, catalog: Catalog, *, seed: int | None = None, source: str = "") -> None:
        super().__init__(catalog, seed=seed, source=source)
        self._sessions = Sessions(self._expired, self.core.jobs)
        self._file = str(Path(source).absolute()) if source else ""
        self.unauthenticated = False
        """Reachable from other hosts without a token."""

    # -- reading ----------------------------------------------------------------------------

    def view(self, counted: Carried | None = None) -> EngineView:
        """Everything at a glance; ``counted`` are bytes that need no counting any more."""
        return EngineView(
            version=__version__,
            pid=os.getpid(),
            seed=self.core.seed,
            profile=self._file,
            uptime=time.monotonic() - self._started,
            revision=self.revision,
            halt=self.halted(),
            proxies=self.proxies(counted),
            sessions=self.sessions(),
            events=self.bus.newest,
            events_dropped=self.bus.dropped,
            window=WINDOW,
            loop_lag=self.core.lag,
            failures=dict(self.core.jobs.failures),
            max_connections=self.core.max_connections,
            held=self.core.budget.held,
            max_held=self.core.budget.limit,
            rss=resident(),
            unauthenticated=self.unauthenticated,
        )

    def has(self, proxy: str) -> bool:
        """Whether there is a proxy of that name."""
        return composed(proxy) in self.core.proxies

    def proxies(self, counted: Carried | None = None) -> tuple[ProxyView, ...]:
        """All proxies, in the profile's order."""
        return tuple(proxy_view(proxy, counted) for proxy in self.core.proxies.values())

    def proxy(self, name: str | None = None) -> ProxyView:
        """One proxy. NotFound."""
        return proxy_view(self._find(name))

    def stats(self, proxy: str | None = None) -> dict[str, StatsView]:
        """Counters by proxy, of one or of all. NotFound."""
        return {each.name: stats_view(each) for each in self._chosen(proxy)}

    def ended(self, proxy: str | None = None) -> Carried:
        """The bytes of connections that have ended, by proxy, of one or of all. NotFound."""
        return {p.name: (p.stats.upstream, p.stats.downstream) for p in self._chosen(proxy)}

    def _chosen(self, proxy: str | None) -> list[Proxy]:
        return [*self.core.proxies.values()] if proxy is None else [self._find(proxy)]

    def handler(self, proxy: str | None, handler: str) -> HandlerView:
        """A handler as it stands on a proxy: weight, all options, hits."""
        return handler_view(self._find(proxy), handler)

    def live(self, proxy: str | None = None) -> list[Connection]:
        """The live connections, oldest first, for fronts that read many; do not change them."""
        chosen = self._chosen(proxy)
        found = [c for each in chosen for c in each.connections.values()]
        return sorted(found, key=lambda c: c.id) if len(self.core.proxies) > 1 else found

    def connections(
        self, proxy: str | None = None, limit: int | None = None
    ) -> list[ConnectionView]:
        """The live connections, oldest first; of them the newest ``limit``."""
        found = self.live(proxy)
        return [
            connection_view(c)
            for c in (found if limit is None else found[max(len(found) - limit, 0) :])
        ]

    def connection(self, id: int) -> ConnectionView:
        """One live connection. NotFound."""
        return connection_view(self._connection(id))

    def _connection(self, id: int) -> Connection:
        for proxy in self.core.proxies.values():
            if id in proxy.connections:
                return proxy.connections[id]
        raise NotFound(f"no live connection {id}")

    # -- connections ------------------------------------------------------------------------

    async def reset_connection(self, id: int, actor: str) -> None:
        """Reset both sides of a connection at once. NotFound."""
        connection = self._connection(id)
        connection.kill("reset by operator")
        self._journal.write(actor, f"reset connection {id}", connection.proxy.name)

    async def pin(self, id: int, handler: str | None, actor: str) -> ConnectionView:
        """Give a connection ``handler`` from the next bytes on; None: the dice."""
        connection = self._connection(id)
        proxy = self._find(connection.proxy.name)
        armed = None
        if handler is not None:
            armed = self._pinned(proxy, handler)
            self._refuse_if_halted(Mix(((armed.name, 100.0),)))
        proxy.pin(connection, armed)
        what = f"pinned {armed.name} to" if armed is not None else "unpinned"
        self._journal.write(actor, f"{what} connection {id}", proxy.name)
        return connection_view(connection)

    def _pinned(self, proxy: Proxy, handler: str) -> Armed:
        kind = handler_class(self.catalog, handler)
        raw = proxy.options.get(kind.name, {})
        return Armed(kind, read_options(kind, raw, proxy.protocol, kind.name), 100.0)

    def tap(self, id: int) -> Payload:
        """See what passes on a connection from now on, as it comes. NotFound."""
        connection = self._connection(id)
        payload = Payload()
        connection.show((*connection.payloads, payload))
        return payload

    def untap(self, id: int, payload: Payload) -> None:
        """Look away; a connection that is gone is no error."""
        if not payload.closed:
            connection = self._connection(id)
            connection.show(tuple(p for p in connection.payloads if p is not payload))

    # -- sessions ---------------------------------------------------------------------------

    def sessions(self) -> tuple[SessionView, ...]:
        """The open sessions."""
        return self._sessions.views()

    async def open_session(self, lease: float, owner: str, actor: str) -> SessionView:
        """Open a session that ends ``lease`` seconds after its last renewal."""
        session = self._sessions.open(owner, lease)
        self._journal.write(actor, f"session of {owner or actor} opened")
        return session.view()

    async def renew_session(self, id: str) -> SessionView:
        """Begin a session's lease anew. NotFound."""
        return self._sessions.renew(id).view()

    def session_end(self, id: str) -> asyncio.Event:
        """What is set when a session ends. NotFound."""
        return self._sessions.get(id).ended

    async def close_session(self, id: str, actor: str) -> None:
        """End a session and its faults. NotFound."""
        self._end_faults(self._sessions.close(id), actor)
        await self._obeyed()

    def _expired(self, session: Session) -> None:
        self._end_faults(self._sessions.close(session.id), "lease")

    def _end_faults(self, session: Session, actor: str) -> None:
        for proxy, layer in session.faults:
            if proxy.layers.remove(layer):
                self.core.jobs.until_done("ending a session", proxy.replan)
        self._journal.write(actor, f"session of {session.owner or session.id} ended")

    async def add_fault(
        self,
        session: str,
        proxy: str | None,
        mix: Mix,
        actor: str,
        *,
        options: RawOptions | None = None,
        duration: float | None = None,
    ) -> FaultView:
        """Lay a session's fault over what is in force; it ends with the session at the latest."""
        owner = self._sessions.get(session)
        found = self._find(proxy)
        mix = self.core.canonical_mix(mix)
        self._refuse_if_halted(mix)
        ends = None if duration is None else time.monotonic() + duration
        layer = Layer(mix, options or {}, fault_id(), session, owner.owner, ends)
        before = str(found.layers.top.mix)
        self._with_layer(found, layer)
        owner.faults.append((found, layer))
        self._journal.write(actor, "fault", found.name, before, str(mix))
        await found.replanning.done()
        return fault_view(layer)

    async def remove_fault(self, session: str, fault: str, actor: str) -> None:
        """Take exactly this fault away, wherever it lies; one that has ended is no error.

        NotFound.
        """
        owner = self._sessions.get(session)
        for proxy, layer in owner.faults:
            if layer.id == fault:
                owner.faults.remove((proxy, layer))
                if proxy.layers.remove(layer):
                    proxy.replan()
                    after = str(proxy.layers.top.mix)
                    self._journal.write(actor, "fault ended", proxy.name, str(layer.mix), after)
                    await proxy.replanning.done()
                return
        raise NotFound(f"the session has no fault {fault!r}")

    # -- journal ----------------------------------------------------------------------------

    def journal(self, since: int = 0) -> list[Changed]:
        """Who changed what, after event number ``since``, oldest first."""
        return self._journal.since(since)

    def on_change(self, listener: Callable[[Changed], None]) -> None:
        """Call ``listener`` with each change, at once."""
        self._journal.listeners.append(listener)

    async def note(self, text: str, actor: str) -> Changed:
        """Write a tester's marker into the journal."""
        return self._journal.note(actor, text)
