"""The engine's state in Toxiproxy's words.

The engine is what counts: proxies and chain entries look the same here whoever made them.
Toxiproxy takes anything and tells it again, even what an engine cannot hold (an upstream
``garbage``, a toxicity of 2.5); such words are kept beside what they became in the engine,
and told again as long as that has not changed.
"""

from __future__ import annotations

from typing import Any

from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.pace.steps import Steps
from chaostui.profiles.go_json import Float32
from chaostui.profiles.toxics import BY_HANDLER, Toxic, attributes
from chaostui.profiles.toxiproxy_json import listen_address
from chaostui.settings import Address
from chaostui.wire.views import ChainView, ProxyView

NOWHERE = Address("nowhere.invalid", 0)
"""Stands for a listen that cannot be read: there is no such host, and none is made up."""

NOBODY = Address("nowhere.invalid", 1)
"""Stands for an upstream that cannot be read: every dial fails."""


class State:
    """What clients are shown, and the words they used."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._listens: dict[str, tuple[str, str]] = {}
        self._upstreams: dict[str, tuple[str, str]] = {}
        self._toxics: dict[tuple[str, str], Toxic] = {}

    # -- addresses --------------------------------------------------------------------------

    def listen(self, name: str, text: str) -> Address:
        """Read where a disabled proxy shall listen one day; anything will do."""
        try:
            address = listen_address(text)
        except ValueError:
            address = NOWHERE
        self._listens[name] = (text, str(address))
        return address

    def upstream(self, name: str, text: str) -> Address:
        """Read an upstream; what is no address fails when it is dialled."""
        try:
            address = Address.parse(text)
        except ValueError:
            address = NOBODY
        if not address.port and not address.path:
            address = NOBODY
        self._upstreams[name] = (text, str(address))
        return address

    # -- proxies ----------------------------------------------------------------------------

    async def proxies(self) -> dict[str, dict[str, Any]]:
        """All proxies by name, sorted."""
        steps, found = Steps(), {}
        views = sorted(self._supervisor.proxies(), key=lambda view: view.name)
        self._forget({view.name for view in views})
        for view in views:
            await steps.rest()
            found[view.name] = self.proxy(view)
        return found

    def _forget(self, names: set[str]) -> None:
        for words in (self._listens, self._upstreams):
            for name in words.keys() - names:
                del words[name]
        for key in [key for key in self._toxics if key[0] not in names]:
            del self._toxics[key]

    def proxy(self, view: ProxyView) -> dict[str, Any]:
        """One proxy."""
        listen = view.listen
        if not view.enabled:
            listen = _said(self._listens.get(view.name), listen)
        return {
            "name": view.name,
            "listen": listen,
            "upstream": _said(self._upstreams.get(view.name), view.backend),
            "enabled": view.enabled,
            "Logger": {},
            "toxics": [toxic.shape() for toxic in self.toxics(view)],
        }

    # -- toxics -----------------------------------------------------------------------------

    def remember(self, proxy: str, toxic: Toxic) -> None:
        """Keep a toxic's own words."""
        self._toxics[proxy, toxic.name] = toxic

    def toxics(self, view: ProxyView) -> list[Toxic]:
        """A proxy's toxics, upstream first. What Toxiproxy has no word for is left out."""
        found = [self._toxic(view.name, entry) for entry in view.chain]
        toxics = [toxic for toxic in found if toxic is not None]
        return sorted(toxics, key=lambda toxic: toxic.stream.lower() == "downstream")

    def _toxic(self, proxy: str, view: ChainView) -> Toxic | None:
        type_ = BY_HANDLER.get(view.handler)
        if type_ is None or view.direction == "both":
            return None
        said = self._toxics.get((proxy, view.name))
        if said is not None and _means(said, view):
            return said
        return Toxic(
            type=type_,
            stream=view.direction,
            name=view.name,
            toxicity=Float32(view.probability),
            attributes=attributes(type_, view.options),
        )


def _said(words: tuple[str, str] | None, now: str) -> str:
    return words[0] if words is not None and words[1] == now else now


def _means(said: Toxic, view: ChainView) -> bool:
    """Whether a toxic's words still describe the chain entry."""
    entry = said.entry()
    return (
        (entry.handler, entry.direction, entry.probability)
        == (view.handler, view.direction, view.probability)
        and entry.options.items() <= view.options.items()
    )  # fmt: skip
