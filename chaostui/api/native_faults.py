"""What a proxy does to traffic: mix, bypass, handlers, chain."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chaostui.api.body import mapping, parse, refuse_code
from chaostui.api.native_proxies import chain_entry
from chaostui.api.routes import Call, Route
from chaostui.errors import NotFound, Problem, SettingsError
from chaostui.options import unknown
from chaostui.settings import Mix
from chaostui.wire.shapes import MixView
from chaostui.wire.views import ChainView, HandlerView, ProxyView

Duration = Annotated[
    float, Meta(gt=0, le=31_536_000, description="seconds until it ends by itself")
]


class MixAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The mix there shall be, options of its handlers, and for how long."""

    behavior: Mix
    options: dict[str, dict[str, Any]] = {}
    duration: Duration | None = None


class BypassAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the mix is kept but not applied."""

    bypass: bool


def check_options(options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Options by handler, none of which names code."""
    for name, table in options.items():
        refuse_code(name, table)
    return options


async def mix(call: Call) -> MixView:
    """Show the mix in force."""
    proxy = call.supervisor.proxy(call.proxy)
    return MixView(behavior=proxy.behavior, mix=proxy.mix)


async def set_mix(call: Call, ask: MixAsk) -> ProxyView:
    """Put another mix in force."""
    return await call.supervisor.set_mix(
        call.proxy,
        ask.behavior,
        call.actor,
        options=check_options(ask.options),
        duration=ask.duration,
    )


async def set_weights(call: Call) -> ProxyView:
    """Change some weights of the mix."""
    given = mapping(parse(await call.raw()))
    problems = [
        Problem(name, "a weight is a percentage from 0 to 100")
        for name, value in given.items()
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100
    ]
    if problems:
        raise SettingsError(*problems)
    weights = {name: float(value) for name, value in given.items()}
    return await call.supervisor.set_weights(call.proxy, weights, call.actor)


async def freeze(call: Call) -> ProxyView:
    """Freeze a proxy."""
    return await call.supervisor.freeze(call.proxy, call.actor)


async def thaw(call: Call) -> ProxyView:
    """Let a frozen proxy go on."""
    return await call.supervisor.thaw(call.proxy, call.actor)


async def bypass(call: Call, ask: BypassAsk) -> ProxyView:
    """Apply the mix, or only keep it."""
    return await call.supervisor.set_bypass(call.proxy, ask.bypass, call.actor)


def _handler(call: Call) -> str:
    """The handler of the path; NotFound."""
    name = call.path("handler")
    known = call.supervisor.catalog.handlers
    if name not in known:
        raise NotFound(unknown("handler", name, known))
    return name


async def handler(call: Call) -> HandlerView:
    """Show a handler's weight, options and hits."""
    return call.supervisor.handler(call.proxy, _handler(call))


async def set_options(call: Call) -> HandlerView:
    """Change some options of a handler."""
    name = _handler(call)
    given = mapping(parse(await call.raw()))
    refuse_code(name, given)
    return await call.supervisor.set_options(call.proxy, name, given, call.actor)


async def chain(call: Call) -> tuple[ChainView, ...]:
    """List the chain, in the order it acts."""
    return call.supervisor.proxy(call.proxy).chain


async def add_entry(call: Call) -> ChainView:
    """Put a handler at the end of the chain."""
    entry = chain_entry(parse(await call.raw()))
    return await call.supervisor.add_chain(call.proxy, entry, call.actor)


async def change_entry(call: Call) -> ChainView:
    """Change an entry's probability and options."""
    given = mapping(parse(await call.raw()))
    refuse_code("chain", given)
    for key in ("handler", "name", "direction"):
        if key in given:
            raise SettingsError(Problem(key, "an entry keeps it; make another entry"))
    probability = given.pop("probability", None)
    wrong = isinstance(probability, bool) or not isinstance(probability, int | float | None)
    if wrong or not 0 <= (probability or 0) <= 1:
        raise SettingsError(Problem("probability", "a number from 0 to 1 is wanted"))
    return await call.supervisor.update_chain(
        call.proxy,
        call.path("name"),
        call.actor,
        probability=probability,
        options=given or None,
    )


async def remove_entry(call: Call) -> None:
    """Take an entry out of the chain."""
    await call.supervisor.remove_chain(call.proxy, call.path("name"), call.actor)


_PROXY = "/proxies/{proxy}"
_OPTIONS = "options by name; `null` gives one back its default"

ROUTES = (
    Route(method="GET", path=f"{_PROXY}/mix", endpoint=mix, answer=MixView,
          summary="The mix in force"),
    Route(method="PUT", path=f"{_PROXY}/mix", endpoint=set_mix, body=MixAsk, answer=ProxyView,
          summary="Put a mix in force, for a time or for good"),
    Route(method="PATCH", path=f"{_PROXY}/mix", endpoint=set_weights, answer=ProxyView,
          takes="weights in percent by handler", summary="Change weights of the mix"),
    Route(method="POST", path=f"{_PROXY}/freeze", endpoint=freeze, answer=ProxyView,
          summary="Accept nothing new, pass nothing, close nothing, until it is thawed"),
    Route(method="DELETE", path=f"{_PROXY}/freeze", endpoint=thaw, answer=ProxyView,
          summary="Let a frozen proxy go on where it was"),
    Route(method="PUT", path=f"{_PROXY}/bypass", endpoint=bypass, body=BypassAsk,
          answer=ProxyView, summary="Keep the mix without applying it, or apply it again"),
    Route(method="GET", path=f"{_PROXY}/handlers/{{handler}}", endpoint=handler,
          answer=HandlerView, summary="A handler's weight, options and hits"),
    Route(method="PATCH", path=f"{_PROXY}/handlers/{{handler}}", endpoint=set_options,
          answer=HandlerView, takes=_OPTIONS, summary="Change a handler's options, at once"),
    Route(method="GET", path=f"{_PROXY}/chain", endpoint=chain, answer=list[ChainView],
          summary="The chain, in the order it acts"),
    Route(method="POST", path=f"{_PROXY}/chain", endpoint=add_entry, answer=ChainView, status=201,
          takes="`handler`, `direction`, `probability`, `name`, and the handler's options",
          summary="Put a handler at the end of the chain"),
    Route(method="PATCH", path=f"{_PROXY}/chain/{{name}}", endpoint=change_entry,
          answer=ChainView, takes=f"`probability` and {_OPTIONS}", summary="Change an entry"),
    Route(method="DELETE", path=f"{_PROXY}/chain/{{name}}", endpoint=remove_entry,
          summary="Take an entry out of the chain"),
)  # fmt: skip
