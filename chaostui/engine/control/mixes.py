"""How faults are switched on and off: mixes, options, chains, halt and reset."""

from __future__ import annotations

import secrets
import time
from typing import Any

from msgspec.structs import replace

from chaostui.engine.control.lifecycle import Lifecycle
from chaostui.engine.control.proxy import Proxy
from chaostui.engine.control.snapshot import chain_view, handler_view, proxy_view
from chaostui.engine.faults.compile import entry_name, handler_class
from chaostui.engine.faults.overlays import Layer, RawOptions
from chaostui.engine.pace.steps import Steps
from chaostui.errors import CannotListen, Conflict, NotFound, Problem, SettingsError
from chaostui.options import unknown
from chaostui.settings import MAX_CHAIN, ChainEntry, Mix, composed, name_of
from chaostui.wire.views import ChainView, HaltView, HandlerView, ProxyView

FREEZE = Mix((("freeze", 100.0),))
"""How a halt sees that something shall be frozen: as a fault like others."""


class Faults(Lifecycle):
    """Changing what happens to the traffic."""

    # -- mixes ------------------------------------------------------------------------------

    async def set_mix(
        self,
        proxy: str | None,
        mix: Mix,
        actor: str,
        *,
        options: RawOptions | None = None,
        duration: float | None = None,
    ) -> ProxyView:
        """Put ``mix`` in force, with ``options`` that hold as long as it does.

        Where a fault of a session is in force, that one is changed. With ``duration`` the mix
        before returns after so many seconds. SettingsError, Halted; then nothing has changed.
        """
        found = self._find(proxy)
        mix = self.core.canonical_mix(mix)
        self._refuse_if_halted(mix)
        before = str(found.layers.top.mix)
        if duration is not None:
            layer = Layer(mix, options or {}, fault_id(), "", actor, _end(duration))
            self._with_layer(found, layer)
        else:
            top = found.layers.top
            self._swap(found, top, mix, options or {})
        self._journal.write(actor, "mix", found.name, before, str(mix))
        await found.replanning.done()
        return proxy_view(found)

    def _with_layer(self, proxy: Proxy, layer: Layer) -> None:
        proxy.layers.push(layer)
        try:
            proxy.replan()
        except SettingsError:
            proxy.layers.remove(layer)
            raise

    def _swap(self, proxy: Proxy, layer: Layer, mix: Mix, options: RawOptions) -> None:
        old = (layer.mix, layer.options)
        layer.mix, layer.options = mix, options
        try:
            proxy.replan()
        except SettingsError:
            layer.mix, layer.options = old
            raise

    async def set_weights(
        self, proxy: str | None, weights: dict[str, float], actor: str
    ) -> ProxyView:
        """Change single weights of the mix in force; 0 switches a handler off."""
        found = self._find(proxy)
        top = found.layers.top
        mixed = {self.core.canonical(name): weight for name, weight in top.mix.weights}
        for name, weight in weights.items():
            mixed[handler_class(self.catalog, name).name] = weight
        text = ",".join(f"{weight!r}:{name}" for name, weight in mixed.items())
        try:
            mix = Mix.parse(text)
        except ValueError as error:
            raise SettingsError(Problem("behavior", str(error))) from None
        return await self._reweigh(found, mix, actor)

    async def _reweigh(self, proxy: Proxy, mix: Mix, actor: str) -> ProxyView:
        top = proxy.layers.top
        if any(weight > dict(top.mix.weights).get(name, 0) for name, weight in mix.weights):
            self._refuse_if_halted(mix)
        before = str(top.mix)
        self._swap(proxy, top, mix, top.options)
        self._journal.write(actor, "mix", proxy.name, before, str(mix))
        await proxy.replanning.done()
        return proxy_view(proxy)

    async def set_options(
        self, proxy: str | None, handler: str, options: dict[str, Any], actor: str
    ) -> HandlerView:
        """Change options of a handler on a proxy, merged over those it has; None: the default.

        They act at once on live connections. SettingsError, NotFound; nothing has changed then.
        """
        found = self._find(proxy)
        kind = handler_class(self.catalog, handler)
        before = handler_view(found, kind.name).options
        levels = (found.layers.top.options, found.settings.handler)
        level = levels[0] if kind.name in levels[0] else levels[1]
        merged = {**level.get(kind.name, {}), **options}
        for name in [name for name, value in merged.items() if value is None]:
            del merged[name]
        self._try_options(found, kind.name, merged, in_fault=level is levels[0])
        after = handler_view(found, kind.name)
        told = {k: v for k, v in after.options.items() if before.get(k) != v}
        self._journal.write(actor, f"options of {kind.name}", found.name, after=str(told))
        await found.replanning.done()
        return after

    def _try_options(
        self, proxy: Proxy, name: str, options: dict[str, Any], *, in_fault: bool
    ) -> None:
        if in_fault:
            top = proxy.layers.top
            self._swap(proxy, top, top.mix, {**top.options, name: options})
            return
        old = proxy.settings
        proxy.settings = replace(old, handler={**old.handler, name: options})
        try:
            handler_view(proxy, name)
            proxy.replan()
        except SettingsError:
            proxy.settings = old
            raise

    async def set_bypass(self, proxy: str | None, bypass: bool, actor: str) -> ProxyView:
        """Pass everything, mix, chain and pins kept; or act by them again."""
        found = self._find(proxy)
        found.bypass = bypass
        found.replan()
        self._journal.write(actor, "bypass on" if bypass else "bypass off", found.name)
        await found.replanning.done()
        return proxy_view(found)

    async def freeze(self, proxy: str | None, actor: str) -> ProxyView:
        """Accept nothing new, pass nothing and close nothing until ``thaw``. Halted, NotFound."""
        found = self._find(proxy)
        self._refuse_if_halted(FREEZE)
        if not found.settings.enabled:
            raise Conflict(f"{found.name} is closed: there is nothing to freeze")
        if await found.freezer.put(on=True):
            self._journal.write(actor, "frozen", found.name)
        return proxy_view(found)

    async def thaw(self, proxy: str | None, actor: str) -> ProxyView:
        """Let a frozen proxy go on where it was. NotFound."""
        found = self._find(proxy)
        if await found.freezer.put(on=False):
            self._journal.write(actor, "thawed", found.name)
        return proxy_view(found)

    # -- chains -----------------------------------------------------------------------------

    def chain(self, proxy: str | None) -> tuple[ChainView, ...]:
        """The chain of a proxy."""
        return tuple(chain_view(entry) for entry in self._find(proxy).entries())

    def _entry(self, proxy: Proxy, name: str) -> ChainEntry:
        for entry in proxy.settings.chain:
            if (entry.name or entry_name(entry)) == name:
                return entry
        raise NotFound(unknown("chain entry", name, [e.name for e in proxy.entries()]))

    def _set_chain(self, proxy: Proxy, chain: tuple[ChainEntry, ...]) -> None:
        old = proxy.settings
        proxy.settings = replace(old, chain=chain)
        try:
            proxy.replan()
        except SettingsError:
            proxy.settings = old
            raise

    async def add_chain(self, proxy: str | None, entry: ChainEntry, actor: str) -> ChainView:
        """Add an entry to the end of a chain; it acts at once on live connections.

        Conflict when its name is taken; SettingsError, Halted.
        """
        found = self._find(proxy)
        self._refuse_if_halted(Mix(), (entry,))
        name = _name(entry)
        chain = found.settings.chain
        if any((e.name or entry_name(e)) == name for e in chain):
            raise Conflict(f"there is a chain entry {name!r} already")
        if len(chain) >= MAX_CHAIN:
            raise Conflict(f"there are {MAX_CHAIN} entries in the chain, which is the limit")
        self._set_chain(found, (*chain, replace(entry, name=name)))
        self._journal.write(actor, "chain", found.name, after=name)
        await found.replanning.done()
        return _entry_view(found, name)

    async def update_chain(
        self,
        proxy: str | None,
        name: str,
        actor: str,
        *,
        probability: float | None = None,
        options: dict[str, Any] | None = None,
    ) -> ChainView:
        """Change an entry's probability, and options merged over those it has."""
        found, name = self._find(proxy), composed(name)
        old = self._entry(found, name)
        merged = {k: v for k, v in {**old.options, **(options or {})}.items() if v is not None}
        chance = old.probability if probability is None else probability
        new = replace(old, probability=chance, options=merged)
        chain = tuple(new if entry is old else entry for entry in found.settings.chain)
        self._set_chain(found, chain)
        self._journal.write(actor, "chain changed", found.name, after=name)
        await found.replanning.done()
        return _entry_view(found, name)

    async def remove_chain(self, proxy: str | None, name: str, actor: str) -> None:
        """Take an entry out of a chain; what it held goes on. NotFound."""
        found, name = self._find(proxy), composed(name)
        old = self._entry(found, name)
        chain = tuple(entry for entry in found.settings.chain if entry is not old)
        self._set_chain(found, chain)
        self._journal.write(actor, "chain removed", found.name, before=name)
        await found.replanning.done()

    # -- everything normal ------------------------------------------------------------------

    async def reset(self, actor: str, proxy: str | None = None) -> None:
        """All mixes normal, chains empty, nothing pinned, bypass off, disabled proxies on again.

        With ``proxy`` this one alone. Raises CannotListen, when all else is done, for a proxy
        that stays off; NotFound.
        """
        stuck: CannotListen | None = None
        chosen = self.core.proxies.values() if proxy is None else (self._find(proxy),)
        steps = Steps()
        for each in tuple(chosen):
            await steps.rest()
            if self.core.proxies.get(each.name) is not each:
                continue
            self._calm(each)
            if not each.settings.enabled:
                try:
                    await self.update_proxy(each.name, {"enabled": True}, actor)
                except CannotListen as error:
                    stuck = error
        self._journal.write(actor, "reset", proxy or "")
        await self._obeyed()
        if stuck is not None:
            raise stuck

    def _calm(self, proxy: Proxy) -> None:
        proxy.layers.clear()
        proxy.bypass = False
        proxy.freezer.turn(on=False)
        proxy.settings = replace(proxy.settings, chain=(), behavior=Mix())
        proxy.pins.clear()
        proxy.replan()

    async def halt(self, reason: str, actor: str) -> HaltView:
        """Switch everything to normal, and take no new fault until ``release``."""
        if not self._halt.halted:
            by = f"{actor}: {reason}" if reason else actor
            self._halt = HaltView(halted=True, by=by, at=time.time())
            self.core.halted = True
            steps = Steps(3)  # each rest lets what was freed go on before the next proxy is
            for proxy in tuple(self.core.proxies.values()):
                self._calm(proxy)
                await steps.rest()
            self._journal.write(actor, "halt", after=reason)
            await self._obeyed()
        return self._halt

    async def release(self, actor: str) -> None:
        """Take faults again; those that the halt ended do not come back."""
        if self._halt.halted:
            self._halt = HaltView()
            self.core.halted = False
            self._journal.write(actor, "halt released")

    def halted(self) -> HaltView:
        """Whether everything is halted, and by whom."""
        return self._halt


def fault_id() -> str:
    """An id for a fault that lies over a proxy's own mix."""
    return secrets.token_hex(4)


def _entry_view(proxy: Proxy, name: str) -> ChainView:
    return next(chain_view(entry) for entry in proxy.entries() if entry.name == name)


def _name(entry: ChainEntry) -> str:
    """What an entry is called, in Unicode's composed form. SettingsError where that is no name."""
    try:
        return name_of(entry.name or entry_name(entry))
    except ValueError as error:
        raise SettingsError(Problem("name", str(error))) from None


def _end(duration: float | None) -> float | None:
    return None if duration is None else time.monotonic() + duration
