"""What can be read of an engine in a thread: the words of ``Client``, and hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.faults.compile import handler_class
from chaostui.engine.tls.authority import authority
from chaostui.errors import SettingsError
from chaostui.events import AnyEvent, Changed
from chaostui.settings import Address, Mix, Profile
from chaostui.testing.proof import NeverHit, account
from chaostui.testing.thread import EngineThread
from chaostui.wire.views import ConnectionView, EngineView, HandlerView, ProxyView, StatsView


class Looks:
    """Reads an engine, or one proxy of it.

    Where a method takes ``proxy``, None means the proxy this object is for, else what it means
    to ``Client``: the first one, or all.
    """

    def __init__(self, thread: EngineThread, name: str | None = None) -> None:
        self._thread = thread
        self._name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name or 'all proxies'}>"

    @property
    def seed(self) -> int:
        """The seed of all its draws."""
        return self._thread.supervisor.core.seed

    @property
    def name(self) -> str:
        """The name of its proxy; of the first, where it is for all."""
        return self.proxy().name

    @property
    def address(self) -> str:
        """``host:port``, where the application connects to."""
        return self.proxy().listen

    @property
    def host(self) -> str:
        """The host the application connects to."""
        return Address.parse(self.address).host

    @property
    def port(self) -> int:
        """The port the application connects to."""
        return Address.parse(self.address).port

    @property
    def authority(self) -> str:
        """The certificate, as PEM, of who signs where TLS ends without one of yours."""
        return authority().pem

    # -- hits -------------------------------------------------------------------------------

    def hits(self, handler: str | None = None, *, proxy: str | None = None) -> int:
        """How often a fault really hit since the engine started; without a name, any fault.

        ValueError for a handler that does not exist.
        """
        names = self._names([] if handler is None else [handler])
        return self._thread.look(self._counter(names, proxy))

    def wait_for_hit(
        self,
        handler: str | None = None,
        count: int = 1,
        *,
        timeout: float = 5.0,
        proxy: str | None = None,
    ) -> int:
        """Wait until ``hits`` is at least ``count``, and return it.

        Raises NeverHit, which fails the test, after ``timeout`` seconds.
        """
        __tracebackhide__ = True
        return self._wait([] if handler is None else [handler], count, timeout, proxy)

    def _wait(self, handlers: Sequence[str], count: int, timeout: float, proxy: str | None) -> int:
        __tracebackhide__ = True
        hits = self._counter(self._names(handlers), proxy)
        if not self._thread.wait(lambda engine: hits(engine) >= count, timeout):
            raise NeverHit(self._account(handlers, f"within {timeout:g} s", proxy))
        return self._thread.look(hits)

    def _names(self, handlers: Sequence[str]) -> set[str]:
        """The handlers' own names; ValueError for one that does not exist."""
        catalog = self._thread.supervisor.catalog
        try:
            return {handler_class(catalog, name).name for name in handlers}
        except SettingsError as error:
            raise ValueError(str(error)) from None

    def _counter(self, names: set[str], proxy: str | None) -> Callable[[Supervisor], int]:
        """What counts the hits of these handlers, of all where none is named."""

        def count(engine: Supervisor) -> int:
            counted = [stats.hits for stats in engine.stats(proxy or self._name).values()]
            return sum(
                n for hits in counted for name, n in hits.items() if name in names or not names
            )

        return count

    def _account(self, handlers: Sequence[str], when: str, proxy: str | None) -> str:
        """Why a fault may not have hit, from what its proxies have seen."""
        name = proxy or self._name
        seen = [each for each in self.proxies() if name in (None, each.name)]
        return account(handlers, when, seen)

    # -- views ------------------------------------------------------------------------------

    def engine(self) -> EngineView:
        """Everything at a glance."""
        return self._thread.look(Supervisor.view)

    def proxies(self) -> tuple[ProxyView, ...]:
        """All proxies."""
        return self._thread.look(Supervisor.proxies)

    def proxy(self, name: str | None = None) -> ProxyView:
        """One proxy. NotFound."""
        return self._thread.look(lambda engine: engine.proxy(name or self._name))

    def stats(self, proxy: str | None = None) -> dict[str, StatsView]:
        """Counters by proxy. NotFound."""
        return self._thread.look(lambda engine: engine.stats(proxy or self._name))

    def handler(self, name: str, *, proxy: str | None = None) -> HandlerView:
        """A handler's weight, options and hits. NotFound, SettingsError."""
        return self._thread.look(lambda engine: engine.handler(proxy or self._name, name))

    def get_handler(self, proxy: str | None = None) -> str:
        """The name of the handler in force, or the mix where there are several."""
        mix = Mix.parse(self.proxy(proxy).behavior)
        weights = [(name, weight) for name, weight in mix.weights if weight]
        if not weights:
            return "normal"
        return weights[0][0] if weights[0][1] == 100 else str(mix)

    def list_handlers(self) -> list[str]:
        """The names of all handlers."""
        kinds = self._thread.supervisor.catalog.handlers.values()
        return list(dict.fromkeys(kind.name for kind in kinds))

    def connections(
        self, proxy: str | None = None, limit: int | None = None
    ) -> list[ConnectionView]:
        """The live connections, oldest first; of them the newest ``limit``."""
        return self._thread.look(lambda engine: engine.connections(proxy or self._name, limit))

    def connection(self, id: int) -> ConnectionView:
        """One live connection. NotFound."""
        return self._thread.look(lambda engine: engine.connection(id))

    def recent_events(self, since: int = 0) -> list[AnyEvent]:
        """What happened after event number ``since``, oldest first."""
        return self._thread.look(lambda engine: engine.bus.since(since)[0])

    def journal(self, since: int = 0) -> list[Changed]:
        """Who changed what, oldest first."""
        return self._thread.look(lambda engine: engine.journal(since))

    def profile(self) -> Profile:
        """The profile that would make the engine what it is now."""
        return self._thread.look(Supervisor.profile)
