"""What can be changed of an engine in a thread: the words of ``Client``, without HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import msgspec

from chaostui import registry
from chaostui.catalog import Catalog
from chaostui.client.owner import wanted
from chaostui.errors import NotFound, SettingsError
from chaostui.settings import ChainEntry, Mix
from chaostui.testing import place
from chaostui.testing.looks import Looks
from chaostui.testing.place import Backend, Settings
from chaostui.testing.proof import Fault, NeverHit
from chaostui.testing.thread import EngineThread
from chaostui.wire.views import ChainView, ConnectionView, FaultView, HandlerView, ProxyView

ACTOR = "test"


class Chaos(Looks):
    """Drives an engine, or one proxy of it: ``chaos["redis"]``.

    Methods, parameters and answers are those of ``Client``. Raises ValueError where a handler
    or option does not exist, and what the engine raises else.
    """

    def __getitem__(self, name: str) -> Self:
        """The same for one proxy. NotFound."""
        return type(self)(self._thread, self.proxy(name).name)

    # -- one handler ------------------------------------------------------------------------

    def set_handler(self, name: str, *, proxy: str | None = None, **options: Any) -> None:
        """Put one handler in force for everything."""
        mix, given = wanted(name, options)
        with _sense():
            self._thread.do(lambda e: e.set_mix(proxy or self._name, mix, ACTOR, options=given))

    @contextmanager
    def with_handler(
        self, name: str, *, proxy: str | None = None, **options: Any
    ) -> Iterator[FaultView]:
        """Break things within the block; blocks may nest and end in any order."""
        mix, given = wanted(name, options)
        session, where = self._thread.session, proxy or self._name
        with _sense():
            fault = self._thread.do(
                lambda e: e.add_fault(session, where, mix, ACTOR, options=given)
            )
        try:
            yield fault
        finally:
            with suppress(NotFound):  # a reset or a halt has ended it
                self._thread.do(lambda e: e.remove_fault(session, fault.id, ACTOR))

    @contextmanager
    def fault(
        self, behavior: str, *, must_hit: int = True, proxy: str | None = None, **options: Any
    ) -> Iterator[Fault]:
        """Break things within the block, and fail the test if nothing was broken.

        Raises NeverHit at the block's end when the fault has hit less often than ``must_hit``:
        once, unless told otherwise; False asks for no proof.
        """
        __tracebackhide__ = True
        names = [name for name, _ in wanted(behavior, options)[0].weights]
        hits = self._counter(self._names(names), proxy)
        # It may hit as soon as it is on, so what was before is counted first.
        fault = Fault(
            behavior,
            lambda: self._thread.look(hits),
            lambda count, timeout: self._wait(names, count, timeout, proxy),
        )
        with self.with_handler(behavior, proxy=proxy, **options):
            yield fault
            if fault.hits < must_hit:
                when = f"in its block, {must_hit} asked for" if must_hit > 1 else "in its block"
                raise NeverHit(self._account(names, when, proxy))

    # -- mixes and options ------------------------------------------------------------------

    def set_mix(
        self,
        behavior: str,
        *,
        proxy: str | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        duration: float | None = None,
    ) -> ProxyView:
        """Put a mix such as ``20:delay,5:errors`` in force; ``duration`` in seconds."""
        mix, where = Mix.parse(behavior), proxy or self._name
        given = {name: dict(each) for name, each in (options or {}).items()}
        return self._thread.do(
            lambda e: e.set_mix(where, mix, ACTOR, options=given, duration=duration)
        )

    def set_weights(self, weights: Mapping[str, float], *, proxy: str | None = None) -> ProxyView:
        """Change some weights of the mix, in percent; 0 switches a handler off."""
        given = dict(weights)
        return self._thread.do(lambda e: e.set_weights(proxy or self._name, given, ACTOR))

    def set_options(self, name: str, *, proxy: str | None = None, **options: Any) -> HandlerView:
        """Change a handler's options at once; None gives one back its default."""
        where = proxy or self._name
        return self._thread.do(lambda e: e.set_options(where, name, options, ACTOR))

    def set_bypass(self, bypass: bool, *, proxy: str | None = None) -> ProxyView:
        """Keep the mix without applying it, or apply it again."""
        return self._thread.do(lambda e: e.set_bypass(proxy or self._name, bypass, ACTOR))

    def add_chain(
        self, handler: str, *, proxy: str | None = None, name: str = "", **entry: Any
    ) -> ChainView:
        """Put a handler at the end of the chain.

        ``entry`` has ``direction``, ``probability`` and the handler's options.
        """
        own: dict[str, Any] = {"handler": handler, "name": name, "options": entry}
        own |= {key: entry.pop(key) for key in ("direction", "probability") if key in entry}
        link = msgspec.convert(own, ChainEntry)
        return self._thread.do(lambda e: e.add_chain(proxy or self._name, link, ACTOR))

    def update_chain(
        self,
        name: str,
        *,
        proxy: str | None = None,
        probability: float | None = None,
        **options: Any,
    ) -> ChainView:
        """Change a chain entry's probability and options. NotFound, SettingsError."""
        where = proxy or self._name
        return self._thread.do(
            lambda e: e.update_chain(where, name, ACTOR, probability=probability, options=options)
        )

    def remove_chain(self, name: str, *, proxy: str | None = None) -> None:
        """Take an entry out of the chain."""
        self._thread.do(lambda e: e.remove_chain(proxy or self._name, name, ACTOR))

    # -- proxies and connections ------------------------------------------------------------

    def add(self, backend: Backend, protocol: str = "tcp", **settings: Any) -> Chaos:
        """Add a proxy, as ``proxy`` describes it, and return what drives it alone."""
        one = place.proxy(backend, protocol, **settings)
        taken = [each.name for each in self.proxies()]
        made = place.settings(one, self._thread.supervisor.catalog, taken)
        self._thread.do(lambda e: e.add_proxy(made, ACTOR))
        return Chaos(self._thread, made.name)

    def update_proxy(self, name: str | None = None, **changes: Any) -> ProxyView:
        """Change some of a proxy's settings; ``enabled=False`` closes it and its connections."""
        view = self.proxy(name)
        now: dict[str, Any] = {"name": view.name, "listen": view.listen, "backend": view.backend}
        made = place.settings({**now, **changes}, self._thread.supervisor.catalog)
        typed = {key: getattr(made, key) for key in changes}
        return self._thread.do(lambda e: e.update_proxy(view.name, typed, ACTOR))

    def remove_proxy(self, name: str) -> None:
        """Remove a proxy and its connections. NotFound."""
        self._thread.do(lambda e: e.remove_proxy(name, ACTOR))

    def reset_connection(self, id: int) -> None:
        """Reset a connection: both sides see RST. NotFound."""
        self._thread.do(lambda e: e.reset_connection(id, ACTOR))

    def freeze(self, proxy: str | None = None) -> ProxyView:
        """Accept nothing new, pass nothing and close nothing until ``thaw``. NotFound, Halted."""
        return self._thread.do(lambda e: e.freeze(proxy or self._name, ACTOR))

    def thaw(self, proxy: str | None = None) -> ProxyView:
        """Let a frozen proxy go on where it was. NotFound."""
        return self._thread.do(lambda e: e.thaw(proxy or self._name, ACTOR))

    def pin(self, id: int, handler: str | None) -> ConnectionView:
        """Give a connection a handler of its own from the next bytes on; None takes it back."""
        return self._thread.do(lambda e: e.pin(id, handler, ACTOR))

    # -- everything -------------------------------------------------------------------------

    def halt(self, reason: str = "") -> None:
        """Make everything normal, and refuse new faults until ``release``."""
        self._thread.do(lambda e: e.halt(reason, ACTOR))

    def release(self) -> None:
        """Take faults again after a halt."""
        self._thread.do(lambda e: e.release(ACTOR))

    def reset(self, proxy: str | None = None) -> None:
        """Make mixes normal, empty chains, free pins, switch on what is disabled."""
        self._thread.do(lambda e: e.reset(ACTOR, proxy or self._name))


@contextmanager
def _sense() -> Iterator[None]:
    """ValueError for what does not exist, as Vaurien's client raises it."""
    try:
        yield
    except (SettingsError, NotFound) as error:
        raise ValueError(str(error)) from None


@contextmanager
def engine(
    *proxies: Settings,
    seed: int | None = None,
    options: Mapping[str, Settings] | None = None,
    handlers: Mapping[str, object] | None = None,
) -> Iterator[Chaos]:
    """Run an engine with these proxies within the block.

    ``seed`` makes its decisions repeatable; ``options`` are settings of handlers
    (``{"delay": {"sleep": 2}}``); ``handlers`` are own ones by name: functions with Vaurien's
    signature, or Handler classes. Raises SettingsError or CannotListen, nothing is bound then.
    """
    catalog = _catalog(handlers or {})
    thread = EngineThread(catalog, place.profile(proxies, options or {}, catalog), seed)
    thread.start()
    try:
        yield Chaos(thread)
    finally:
        thread.stop()


def _catalog(own: Mapping[str, object]) -> Catalog:
    builtin = registry.builtin()
    made = {name: registry.make(name, found, f"handlers[{name!r}]") for name, found in own.items()}
    return Catalog({**builtin.handlers, **made}, builtin.protocols) if made else builtin
