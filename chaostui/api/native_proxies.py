"""Proxies: made, changed and removed."""

from __future__ import annotations

from typing import Any

from msgspec import structs
from starlette.exceptions import HTTPException

from chaostui import options
from chaostui.api import policy
from chaostui.api.body import mapping, parse, refuse_code, take
from chaostui.api.routes import Call, Route
from chaostui.errors import Problem, SettingsError
from chaostui.settings import ChainEntry, ProxySettings
from chaostui.wire.views import ProxyView

_ENTRY_KEYS = tuple(name for name in ChainEntry.__struct_fields__ if name != "options")


def chain_entry(given: Any, place: str = "chain") -> ChainEntry:
    """Read a chain entry: the handler's options stand beside its own keys."""
    table = mapping(given)
    refuse_code(place, table)
    own = {name: value for name, value in table.items() if name in _ENTRY_KEYS}
    rest = {name: value for name, value in table.items() if name not in _ENTRY_KEYS}
    return structs.replace(take(ChainEntry, own), options=rest)


def _chain(given: Any) -> tuple[ChainEntry, ...]:
    if not isinstance(given, list):
        raise SettingsError(Problem("chain", "an array is wanted"))
    return tuple(chain_entry(entry, f"chain[{i}]") for i, entry in enumerate(given))


async def _table(call: Call) -> dict[str, Any]:
    """The body: keys of a proxy's settings, none of which names code."""
    given = mapping(parse(await call.raw()))
    tables = given.get("handler")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if isinstance(table, dict):
            refuse_code(f"handler.{name}", table)
    return given


async def proxies(call: Call) -> tuple[ProxyView, ...]:
    """List all proxies."""
    return call.supervisor.proxies()


async def proxy(call: Call) -> ProxyView:
    """Show one proxy."""
    return call.supervisor.proxy(call.proxy)


async def add(call: Call) -> ProxyView:
    """Make a proxy with its mix and chain."""
    given = await _table(call)
    chain = _chain(given.pop("chain", []))
    settings = structs.replace(take(ProxySettings, given), chain=chain)
    control = call.control
    policy.check(
        control.settings, control.addresses, listen=settings.listen, backend=settings.backend
    )
    return await call.supervisor.add_proxy(settings, call.actor)


async def change(call: Call) -> ProxyView:
    """Change what is given, and nothing else."""
    given = await _table(call)
    if "name" in given:
        raise SettingsError(Problem("name", "a proxy keeps its name; make another one"))
    if not given:
        raise HTTPException(400, "bad request body: nothing to change")
    chain = given.pop("chain", None)
    changes, problems = options.parse(ProxySettings, given)
    if problems:
        raise SettingsError(*problems)
    if chain is not None:
        changes["chain"] = _chain(chain)
    control = call.control
    policy.check(
        control.settings,
        control.addresses,
        listen=changes.get("listen"),
        backend=changes.get("backend"),
    )
    return await call.supervisor.update_proxy(call.proxy, changes, call.actor)


async def remove(call: Call) -> None:
    """Remove a proxy and its connections."""
    await call.supervisor.remove_proxy(call.path("proxy"), call.actor)


_SETTINGS = "a proxy's keys as in a profile, with `behavior` and `chain`"

ROUTES = (
    Route(method="GET", path="/proxies", endpoint=proxies, answer=list[ProxyView],
          summary="All proxies"),
    Route(method="POST", path="/proxies", endpoint=add, answer=ProxyView, status=201,
          takes=_SETTINGS, shape=ProxySettings, summary="Make a proxy, faults included"),
    Route(method="GET", path="/proxies/{proxy}", endpoint=proxy, answer=ProxyView,
          summary="One proxy"),
    Route(method="PATCH", path="/proxies/{proxy}", endpoint=change, answer=ProxyView,
          takes=_SETTINGS, shape=ProxySettings, summary="Change any of its settings but the name"),
    Route(method="DELETE", path="/proxies/{proxy}", endpoint=remove, summary="Remove a proxy"),
)  # fmt: skip
