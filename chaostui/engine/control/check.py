"""Whether an engine can run what a proxy's settings ask for."""

from __future__ import annotations

from typing import Any, NamedTuple

from chaostui.engine.control.runtime import Core
from chaostui.engine.faults.compile import Compiled, compile_plan, read_options
from chaostui.engine.faults.overlays import merged_options
from chaostui.engine.faults.plan import Plan
from chaostui.engine.tls.certificates import Tls, contexts
from chaostui.errors import Problem, SettingsError
from chaostui.options import read, show, unknown
from chaostui.settings import ProxySettings, name_of


def _check_names(settings: ProxySettings) -> None:
    """Refuse names that others could not show, save or address. SettingsError."""
    chain = enumerate(settings.chain)
    names = [("name", settings.name)]
    names += [(f"chain[{at}].name", entry.name) for at, entry in chain if entry.name]
    for place, name in names:
        try:
            sound = name_of(name) == name
        except ValueError as error:
            raise SettingsError(Problem(place, str(error))) from None
        if not sound:
            what = f"{show(name)} is not in Unicode's composed form (NFC)"
            raise SettingsError(Problem(place, what))


class Checked(NamedTuple):
    """What a proxy's settings ask for."""

    compiled: Compiled
    tls: Tls | None
    """How TLS is ended, where it is."""


def check_settings(
    core: Core, settings: ProxySettings, handler_settings: dict[str, dict[str, Any]]
) -> Checked:
    """Compile what ``settings`` ask for; SettingsError says why they cannot be used."""
    if settings.protocol not in core.catalog.protocols:
        what = unknown("protocol", settings.protocol, core.catalog.protocols)
        raise SettingsError(Problem("protocol", what))
    _check_names(settings)
    if settings.listen.path:
        raise SettingsError(Problem("listen", "a proxy listens on host:port"))
    if settings.listen.port and settings.listen == settings.backend:
        raise SettingsError(Problem("backend", "is the address the proxy listens on"))
    for name in (*handler_settings, *settings.handler):
        if name not in core.catalog.handlers:
            what = unknown("handler", name, core.catalog.handlers)
            raise SettingsError(Problem(f"handler.{name}", what))
    raw = merged_options(core.canonical, handler_settings, settings.handler)
    protocol = core.catalog.protocols[settings.protocol]
    for name, options in raw.items():
        read_options(core.catalog.handlers[name], options, protocol, f"handler.{name}")
    read(protocol.Options, settings.protocol_options)
    compiled = compile_plan(
        core.catalog, protocol, settings.behavior, raw, settings.chain, before=Plan()
    )
    return Checked(compiled, contexts(settings, protocol))
