"""How an engine and its proxies start, change and end: wholly or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from chaostui.catalog import Catalog
from chaostui.engine.control.check import Checked, check_settings
from chaostui.engine.control.differences import (
    ProfileChanges,
    difference,
    profile_changes,
    profile_difference,
)
from chaostui.engine.control.proxy import Proxy
from chaostui.engine.control.runtime import Core
from chaostui.engine.control.snapshot import proxy_view
from chaostui.engine.faults.compile import NORMAL
from chaostui.engine.net.listener import Listener
from chaostui.engine.observe.journal import Journal
from chaostui.engine.pace.steps import Steps
from chaostui.engine.tls.authority import prepare
from chaostui.engine.tls.certificates import Tls
from chaostui.errors import ChaosError, Conflict, Halted, NotFound, Problem, SettingsError
from chaostui.events import CloseReason
from chaostui.options import unknown
from chaostui.settings import (
    MAX_PROXIES,
    Address,
    ChainEntry,
    Mix,
    Profile,
    ProxySettings,
    composed,
)
from chaostui.wire.views import HaltView, ProxyView

log = logging.getLogger("chaostui.engine")


class Lifecycle:
    """Starting, reloading, draining; adding, changing and removing proxies."""

    _halt = HaltView()

    def __init__(self, catalog: Catalog, *, seed: int | None = None, source: str = "") -> None:
        self.core = Core(catalog, seed)
        self.bus = self.core.bus
        self.source = source
        """The profile file the engine was started with, if there was one."""
        self._journal = Journal(self.bus)
        self._profile = Profile()
        self._started = time.monotonic()
        self._applying = asyncio.Lock()
        self.core.on_end = self._ended

    @property
    def catalog(self) -> Catalog:
        """The handlers and protocols the engine knows."""
        return self.core.catalog

    @property
    def revision(self) -> int:
        """Grows by one with each change."""
        return self._journal.revision

    def _ended(self, proxy: Proxy, told: list[str]) -> None:
        self._journal.write("duration", f"{', '.join(told)} ended", proxy.name)

    def own_control(self, addresses: list[tuple[str, int]]) -> None:
        """The control API listens on these IPs and ports: they are never dialled."""
        self.core.own.add(addresses)

    def _refuse_if_halted(self, mix: Mix, chain: tuple[ChainEntry, ...] = ()) -> None:
        names = [name for name, weight in mix.weights if weight]
        names += [entry.handler for entry in chain]
        if self._halt.halted and any(self.core.canonical(name) != NORMAL for name in names):
            at = time.strftime("%H:%M:%S", time.localtime(self._halt.at))
            raise Halted(f"halted by {self._halt.by} at {at}")

    # -- proxies by name --------------------------------------------------------------------

    def _find(self, name: str | None) -> Proxy:
        proxies = self.core.proxies
        if name is None:
            if not proxies:
                raise NotFound("there is no proxy")
            return next(iter(proxies.values()))
        found = proxies.get(composed(name))
        if found is None:
            raise NotFound(unknown("proxy", name, proxies))
        return found

    # -- life -------------------------------------------------------------------------------

    async def start(self, profile: Profile) -> None:
        """Bind and serve everything. Raises SettingsError or CannotListen, nothing is bound."""
        self.core.start()
        try:
            await self._apply(profile)
        except BaseException:
            self.core.stop()
            raise

    async def apply(self, profile: Profile, actor: str, *, catalog: Catalog | None = None) -> None:
        """Become what ``profile`` says, wholly or not at all: SettingsError, CannotListen, Halted.

        Connections of proxies that stay live on; faults of sessions stay where their proxy does.
        ``catalog`` holds the handlers that the profile may name, when they are others than now.
        """
        async with self._applying:
            for settings in profile.proxy:
                self._refuse_if_halted(settings.behavior, settings.chain)
            before, known = self.profile(), self.core.catalog
            self.core.catalog = catalog or known
            try:
                await self._apply(profile)
            except BaseException:
                self.core.catalog = known
                raise
            self._tell(profile_changes(before, self.profile()), actor)

    async def _apply(self, profile: Profile) -> None:
        if len(profile.proxy) > MAX_PROXIES:
            raise SettingsError(Problem("proxy", f"more than {MAX_PROXIES} proxies"))
        steps, trial = Steps(), {}
        for settings in profile.proxy:
            await prepare(settings.tls, settings.tls_cert)
            trial[settings.name] = check_settings(self.core, settings, profile.handler).tls
            await steps.rest()
        if len(trial) < len(profile.proxy):
            raise SettingsError(Problem("proxy", "two proxies have the same name"))
        listeners = await self._bind(profile)
        self._profile = profile
        self.core.budget.limit = profile.max_held
        self.core.handler_settings = dict(profile.handler)
        self.core.allow_link_local = profile.control.allow_upstream
        for name in [name for name in self.core.proxies if name not in trial]:
            self._drop(name)
            await steps.rest()
        for settings in profile.proxy:
            proxy = await self._put(settings, trial[settings.name], listeners.get(settings.name))
            proxy.replan()
            await steps.rest()
        self._order([settings.name for settings in profile.proxy])
        await self._obeyed()

    async def _obeyed(self) -> None:
        """Return when all live connections obey what was changed."""
        for proxy in tuple(self.core.proxies.values()):
            await proxy.replanning.done()

    def _order(self, names: list[str]) -> None:
        """Keep these proxies alone, in this order; others came while there was a rest."""
        proxies = self.core.proxies
        for name in proxies.keys() - set(names):
            self._drop(name)
        kept = {name: proxies[name] for name in names if name in proxies}
        proxies.clear()
        proxies.update(kept)

    def _tell(self, changes: ProfileChanges, actor: str) -> None:
        """Write to the journal what a profile has changed."""
        for name in changes.removed:
            self._journal.write(actor, "removed", name)
        for settings in changes.added:
            self._journal.write(actor, "added", settings.name, after=str(settings.listen))
        for name, told in changes.changed.items():
            self._journal.write(actor, "changed", name, after=msgspec.json.encode(told).decode())
        self._journal.write(actor, "loaded a profile", after=str(changes))
        if not self.core.proxies:
            log.warning("the profile that was loaded has no proxy: nothing listens any more")
        for path in changes.at_start:
            log.warning("%s: acts at the next start", path)

    async def _bind(self, profile: Profile) -> dict[str, Listener]:
        """Bind what is not bound yet; an address may go from one own proxy to another."""
        kept = {p.name: p.listener for p in self.core.proxies.values() if p.listener}
        new: dict[str, Listener] = {}
        leaving = _leaving(kept, profile)
        steps = Steps()
        try:
            for settings in profile.proxy:
                await steps.rest()
                old = kept.get(settings.name)
                if not settings.enabled or (old and old.serves(settings.listen)):
                    continue
                giver = leaving.get(settings.listen)
                if giver is not None:
                    for address in (giver.address, giver.bound):
                        leaving.pop(address, None)
                    new[settings.name] = giver.share()
                else:
                    new[settings.name] = await Listener.bind(settings.listen, settings.name)
        except BaseException:
            for listener in new.values():
                listener.close()
            raise
        return new

    async def _put(
        self, settings: ProxySettings, tls: Tls | None, listener: Listener | None
    ) -> Proxy:
        """Make a proxy, or give an existing one new settings."""
        proxy = self.core.proxies.get(settings.name)
        if proxy is None:
            proxy = Proxy(self.core, settings, tls)
            self.core.proxies[settings.name] = proxy
        else:
            proxy.change(settings, tls)
            self.core.backlogs.look()
        if not settings.enabled:
            proxy.shut()
        elif listener is not None:
            proxy.close()
            proxy.replan()  # before the first client: it must meet the faults
            await proxy.open(listener)
        return proxy

    def _drop(self, name: str) -> None:
        proxy = self.core.proxies.pop(name)
        if proxy.connections:
            self.core.leaving.add(proxy)
        proxy.shut()
        self.core.schedule_ends(proxy)

    async def drain(self, seconds: float) -> int:
        """Stop accepting, wait up to ``seconds`` for open connections, reset the rest.

        Returns how many had to be reset.
        """
        steps = Steps()
        for proxy in tuple(self.core.proxies.values()):
            proxy.close()
            proxy.freezer.turn(on=False)
            await steps.rest()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.core.all_closed(), seconds)
        cut = self.core.open
        self._kill("drained")
        await asyncio.sleep(0)
        return cut

    def _kill(self, reason: CloseReason) -> None:
        for proxy in (*self.core.proxies.values(), *self.core.leaving):
            for connection in tuple(proxy.connections.values()):
                connection.kill(reason)

    async def close(self) -> None:
        """End at once: listeners, connections, timers."""
        for proxy in self.core.proxies.values():
            proxy.close()
        self._kill("proxy closed")
        await asyncio.sleep(0)
        self.core.stop()

    # -- the profile ------------------------------------------------------------------------

    def profile(self) -> Profile:
        """The profile that would make the engine what it is now, faults of sessions left out."""
        proxies = tuple(proxy.profile() for proxy in self.core.proxies.values())
        return replace(self._profile, proxy=proxies, handler=self.core.handler_settings)

    @property
    def drain_seconds(self) -> float:
        """How long a stop waits for open connections."""
        return self._profile.drain

    def diff(self, profile: Profile) -> list[dict[str, Any]]:
        """What ``profile`` would change: path, value now, value then."""
        proxies = tuple(replace(p, behavior=p.behavior.trimmed()) for p in profile.proxy)
        return profile_difference(self.profile(), replace(profile, proxy=proxies))

    # -- changing proxies -------------------------------------------------------------------

    async def add_proxy(self, settings: ProxySettings, actor: str) -> ProxyView:
        """Add a proxy with its faults. Conflict, SettingsError, CannotListen, Halted."""

        def check() -> Checked:
            return self._check_new(settings)

        await prepare(settings.tls, settings.tls_cert)
        checked = check()
        listener = await self._bind_one(settings, check) if settings.enabled else None
        proxy = await self._put(settings, checked.tls, listener)
        if listener is None:
            proxy.replan()
        self._journal.write(actor, "added", settings.name, after=str(proxy.listen))
        return proxy_view(proxy)

    def _check_new(self, settings: ProxySettings) -> Checked:
        proxies = self.core.proxies
        if settings.name in proxies:
            raise Conflict(f"there is a proxy {settings.name!r} already")
        if len(proxies) >= MAX_PROXIES:
            raise Conflict(f"there are {MAX_PROXIES} proxies, which is the limit")
        self._refuse_if_halted(settings.behavior, settings.chain)
        return check_settings(self.core, settings, self.core.handler_settings)

    async def _bind_one(self, settings: ProxySettings, check: Callable[[], object]) -> Listener:
        """Bind; looking up a name takes time, so ``check`` says whether it still may be."""
        listener = await Listener.bind(settings.listen, settings.name)
        try:
            check()
        except ChaosError:
            listener.close()
            raise
        return listener

    async def update_proxy(
        self, name: str | None, changes: dict[str, Any], actor: str
    ) -> ProxyView:
        """Change settings; ``changes`` maps field names of ProxySettings to values.

        Running connections keep their backend; ``enabled=False`` closes them. On SettingsError,
        CannotListen or Halted nothing has changed.
        """
        proxy = self._find(name)

        def check() -> tuple[ProxySettings, ProxySettings, Checked]:
            self._find(proxy.name)
            return self._check_changes(proxy, changes)

        now = proxy.settings
        await prepare(changes.get("tls", now.tls), changes.get("tls_cert", now.tls_cert))
        _, settings, _ = check()
        listener = None
        bound = proxy.listener
        if settings.enabled and (bound is None or not bound.serves(settings.listen)):
            listener = await self._bind_one(settings, check)
        before, settings, checked = check()
        await self._put(settings, checked.tls, listener)
        proxy.replan()
        told = msgspec.json.encode(difference(before, settings)).decode()
        self._journal.write(actor, "changed", proxy.name, after=told)
        await proxy.replanning.done()
        return proxy_view(proxy)

    def _check_changes(
        self, proxy: Proxy, changes: dict[str, Any]
    ) -> tuple[ProxySettings, ProxySettings, Checked]:
        """The settings of a proxy, what ``changes`` make of them, and what those ask for."""
        before = replace(proxy.settings, behavior=proxy.layers.base.mix)
        settings = replace(before, **{k: v for k, v in changes.items() if k != "name"})
        self._refuse_if_halted(settings.behavior, settings.chain)
        checked = check_settings(self.core, settings, self.core.handler_settings)
        return before, settings, checked

    async def hang_up(self, name: str | None, actor: str) -> None:
        """Close every connection of a proxy (FIN), at once. NotFound."""
        proxy = self._find(name)
        proxy.hang_up("fault")
        self._journal.write(actor, "hung up", proxy.name)

    async def remove_proxy(self, name: str, actor: str) -> None:
        """Close a proxy and its connections. NotFound."""
        found = self._find(name).name
        self._drop(found)
        self._journal.write(actor, "removed", found)


def _leaving(kept: dict[str, Listener], profile: Profile) -> dict[Address, Listener]:
    """The listeners that ``profile`` has no use for where they are, by their addresses."""
    wanted = {settings.name: settings.listen for settings in profile.proxy}
    found: dict[Address, Listener] = {}
    for name, listener in kept.items():
        if name not in wanted or not listener.serves(wanted[name]):
            found |= {listener.address: listener, listener.bound: listener}
    return found
