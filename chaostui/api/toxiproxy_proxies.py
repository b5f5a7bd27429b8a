"""Toxiproxy's endpoints about proxies: list, create, update, populate, reset."""

from __future__ import annotations

from typing import Any

from chaostui.api.toxiproxy_call import Answer, Call, Refused, bad_body, done, json
from chaostui.api.toxiproxy_state import NOWHERE
from chaostui.api.toxiproxy_toxics import proxy_of
from chaostui.engine.net.dial import resolve
from chaostui.engine.pace.steps import Steps
from chaostui.errors import CannotListen, Conflict
from chaostui.profiles.go_json import dumps, fields
from chaostui.profiles.toxics import Toxic
from chaostui.profiles.toxiproxy_json import GO_PROXY, PROXY, listen_address, read_toxics
from chaostui.settings import Address, Mix, ProxySettings, name_of
from chaostui.wire.views import ProxyView

VERSION = "2.12.0"
"""What clients are told: some use newer calls only from 2.6 on."""


async def version(_: Call) -> Answer:
    """Say which Toxiproxy this is compatible with."""
    body = f'{{"version": "{VERSION}"}}\n'.encode()
    return Answer(200, body, {"Content-Type": "application/json;charset=utf-8"})


async def index(call: Call) -> Answer:
    """List all proxies."""
    return json(await call.state.proxies())


async def show(call: Call) -> Answer:
    """Show one proxy."""
    return json(call.state.proxy(proxy_of(call)))


async def create(call: Call) -> Answer:
    """Make a proxy; with toxics, its first connection meets them."""
    given = call.fields(PROXY, GO_PROXY)
    for key in ("name", "upstream"):
        if not given.get(key):
            raise Refused(400, f"missing required field: {key}")
    given["name"] = _name(given["name"])
    if call.supervisor.has(given["name"]):
        raise Refused(409, "proxy already exists")
    view = await _add(call, given, _toxics(given))
    return json(call.state.proxy(view), 201)


def _name(text: str) -> str:
    try:
        return name_of(text)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _toxics(given: dict[str, Any]) -> list[Toxic]:
    try:
        return read_toxics(given.get("toxics"))
    except Conflict as error:
        raise Refused(409, str(error)) from None
    except ValueError as error:
        raise Refused(400, str(error)) from None


async def _add(call: Call, given: dict[str, Any], toxics: list[Toxic]) -> ProxyView:
    name, enabled = given["name"], given.get("enabled", True)
    listen = given.get("listen", "")
    settings = ProxySettings(
        name=name,
        listen=_bindable(listen) if enabled else call.state.listen(name, listen),
        backend=call.state.upstream(name, given["upstream"]),
        enabled=enabled,
        draw="connection",
        backend_down="close",
        chain=tuple(toxic.entry() for toxic in toxics),
    )
    view = await call.supervisor.add_proxy(settings, call.actor)
    for toxic in toxics:
        call.state.remember(name, toxic)
    return view


def _bindable(text: str) -> Address:
    try:
        return listen_address(text)
    except ValueError as error:
        raise Refused(500, f"listen tcp: {error}") from None


async def update(call: Call) -> Answer:
    """Change where a proxy listens, whom it calls, whether it is on; its toxics stay."""
    view = proxy_of(call)
    given = call.fields(PROXY, GO_PROXY)
    now = call.state.proxy(view)
    listen = given.get("listen", now["listen"])
    upstream = given.get("upstream", now["upstream"])
    enabled = given.get("enabled", now["enabled"])
    differs = await _differs(now, listen, upstream)
    if differs or enabled != view.enabled:
        changes = _changes(call, view, now, (listen, upstream, enabled), differs=differs)
        view = await _change(call, view, changes)
    return json(call.state.proxy(view))


def _changes(
    call: Call,
    view: ProxyView,
    now: dict[str, Any],
    wanted: tuple[str, str, bool],
    *,
    differs: bool,
) -> dict[str, Any]:
    listen, upstream, enabled = wanted
    changes: dict[str, Any] = {"enabled": enabled}
    if upstream != now["upstream"]:
        changes["backend"] = call.state.upstream(view.name, upstream)
    if not differs:
        # The port that was bound stays the proxy's own while it is off.
        listen = now["listen"]
    if enabled:
        address = _bindable(listen)
        if not view.enabled or address.port == 0 or str(address) != view.listen:
            changes["listen"] = address
    else:
        changes["listen"] = call.state.listen(view.name, listen)
    return changes


async def _change(call: Call, view: ProxyView, changes: dict[str, Any]) -> ProxyView:
    """Put changes in force and drop the proxy's connections; on CannotListen nothing changes."""
    supervisor, name = call.supervisor, view.name
    listen: Address | None = changes.get("listen")
    moves = view.enabled and changes["enabled"] and listen is not None
    own = Address.parse(view.listen) if moves else None
    if listen is None or own is None or listen.port not in (0, own.port):
        changed = await supervisor.update_proxy(name, changes, call.actor)
    else:
        # The same port on another address, or the next free one: the old must go first.
        await supervisor.update_proxy(name, {"enabled": False, "listen": own}, call.actor)
        try:
            changed = await supervisor.update_proxy(name, changes, call.actor)
        except CannotListen:
            await supervisor.update_proxy(name, {"enabled": True}, call.actor)
            raise
    await supervisor.hang_up(name, call.actor)
    return changed


async def _differs(now: dict[str, Any], listen: str, upstream: str) -> bool:
    """Whether an address is another one, once it is resolved."""
    return bool(upstream != now["upstream"] or await _numeric(listen) != now["listen"])


async def _numeric(listen: str) -> str:
    """An address to listen on with its host as a number. Refused, 500, in Go's words."""
    try:
        address = listen_address(listen)
    except ValueError as error:
        raise Refused(500, str(error)) from None
    try:
        infos = await resolve(address)
    except OSError:
        raise Refused(500, f"lookup {address.host}: no such host") from None
    return str(Address(infos[0][4][0], address.port))


def go_listen_error(error: CannotListen) -> str:
    """An error of binding in Go's words."""
    if not error.address:
        return f"listen tcp: lookup {error.host}: no such host"
    return f"listen tcp {error.address}: bind: {error.reason}"


async def delete(call: Call) -> Answer:
    """Remove a proxy and its connections."""
    await call.supervisor.remove_proxy(proxy_of(call).name, call.actor)
    return done()


async def reset(call: Call) -> Answer:
    """Switch every proxy on and every fault off."""
    try:
        await call.supervisor.reset(call.actor)
    except CannotListen as error:
        if error.host == NOWHERE.host:
            _tell_unreadable(call)
        raise
    return done()


def _tell_unreadable(call: Call) -> None:
    """Raise what is wrong with the address of a proxy that stays off for it."""
    for view in call.supervisor.proxies():
        if not view.enabled:
            _bindable(call.state.proxy(view)["listen"])


# -- populate -----------------------------------------------------------------------------------


async def populate(call: Call) -> Answer:
    """Make the proxies of an array; those that are there already, and the same, stay."""
    made: list[dict[str, Any]] = []
    steps = Steps()
    try:
        for given, toxics in await _wanted(call):
            made.append(await _populate_one(call, given, toxics, made))
            await steps.rest()
    except (Refused, CannotListen) as error:
        if isinstance(error, CannotListen):
            error = Refused(500, go_listen_error(error))
        return _populated(made, error)
    return _populated(made)


async def _wanted(call: Call) -> list[tuple[dict[str, Any], list[Toxic]]]:
    """Read all proxies before any is touched."""
    given = call.json()
    if given is not None and not isinstance(given, list):
        kind = "object" if isinstance(given, dict) else "value"
        raise bad_body(TypeError(f"json: cannot unmarshal {kind} into Go value of type []Proxy"))
    steps = Steps()
    try:
        proxies = []
        for item in given or ():
            proxies.append(fields(item, PROXY, GO_PROXY))
            await steps.rest()
    except ValueError as error:
        raise bad_body(error) from None
    for number, proxy in enumerate(proxies, 1):
        for key in ("name", "upstream"):
            if not proxy.get(key):
                raise Refused(400, f"missing required field: {key} at proxy {number}")
        proxy["name"] = _name(proxy["name"])
    return [(proxy, _toxics(proxy)) for proxy in proxies]


async def _populate_one(
    call: Call, given: dict[str, Any], toxics: list[Toxic], made: list[dict[str, Any]]
) -> dict[str, Any]:
    name = given["name"]
    if not call.supervisor.has(name):
        return call.state.proxy(await _add(call, given, toxics))
    view = call.supervisor.proxy(name)
    now = call.state.proxy(view)
    if not await _differs(now, given.get("listen", ""), given["upstream"]):
        return now
    for earlier in made:
        if earlier["name"] == name:
            earlier["enabled"] = False
    wanted = (given.get("listen", ""), given["upstream"], given.get("enabled", True))
    changes = _changes(call, view, now, wanted, differs=True)
    changes.update(chain=tuple(toxic.entry() for toxic in toxics), behavior=Mix())
    changed = await _change(call, view, changes)
    for toxic in toxics:
        call.state.remember(name, toxic)
    return call.state.proxy(changed)


def _populated(made: list[dict[str, Any]], error: Refused | None = None) -> Answer:
    """Errors are JSON here, with what was made before them."""
    shape: dict[str, Any] = {"error": error.text, "status": error.status} if error else {}
    status = error.status if error else 201
    return Answer(
        status,
        dumps({**shape, "proxies": made or None}),
        {"Content-Type": "application/json"},
    )
