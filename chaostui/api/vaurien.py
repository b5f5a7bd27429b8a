"""Vaurien's routes, in the words of both its generations.

Vaurien 0.x says ``handler`` and answers ``normal`` and ``errors``; 2.0 says ``behavior`` and
answers ``dummy`` and ``error``. Both take either name. Errors have the shape of cornice.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from chaostui.api import body, failures, policy
from chaostui.api.body import refuse_code
from chaostui.api.routes import Call, Query, Route, json
from chaostui.errors import SettingsError
from chaostui.handlers.delay import before
from chaostui.settings import Address, Mix
from chaostui.wire.shapes import (
    BackendView,
    BehaviorsView,
    BehaviorView,
    HandlersView,
    StatusView,
)

SECOND = {"normal": "dummy", "errors": "error"}
"""Our names, which are those of the first generation, in the words of the second."""


class Wrong(Exception):
    """Something wrong with a request: where, in which part, and what."""

    def __init__(self, location: str, name: str, description: str) -> None:
        super().__init__(description)
        self.location = location
        self.name = name


def failure(error: Exception) -> Response:
    """Answer with an error in Vaurien's shape."""
    if isinstance(error, Wrong):
        return _errors(400, [(error.location, error.name, str(error))])
    status, message = failures.describe(error)
    if isinstance(error, SettingsError):
        problems = [("body", problem.place, str(problem)) for problem in error.problems]
        return _errors(status, problems)
    return _errors(status, [("body", "", message)])


def _errors(status: int, problems: list[tuple[str, str, str]]) -> Response:
    errors = [
        {"location": location, "name": name, "description": description}
        for location, name, description in problems
    ]
    return json({"status": "error", "errors": errors}, status)


def in_force(call: Call) -> str:
    """The handler in force where there is but one, else the mix as text."""
    mix = Mix.parse(call.supervisor.proxy(_proxy(call)).behavior)
    known = call.supervisor.catalog.handlers
    weights = tuple((known[name].name, weight) for name, weight in mix.weights if weight)
    if not weights:
        return "normal"
    return weights[0][0] if weights[0][1] == 100 else str(Mix(weights))


def _proxy(call: Call) -> str | None:
    """The proxy that the call is about; None: the first one."""
    name = call.query("proxy")
    if name is not None and not call.supervisor.has(name):
        raise Wrong("querystring", "proxy", f"the '{name}' proxy does not exist")
    return name


def names(call: Call) -> list[str]:
    """All handlers by their own names."""
    return list(dict.fromkeys(kind.name for kind in call.supervisor.catalog.handlers.values()))


def _resolve(call: Call, text: str, location: str, word: str) -> Mix:
    """The mix that a name, or weights as in a profile, stand for, by our names."""
    key = "name" if location == "body" else word
    known = call.supervisor.catalog.handlers
    weights = {}
    try:
        given = Mix.parse(text).weights or ((text, 100.0),)
    except ValueError as error:
        raise Wrong(location, key, str(error)) from None
    for name, weight in given:
        ours = "normal" if name == "dummy" else name
        if ours not in known:
            raise Wrong(location, key, f"the '{name}' {word} does not exist")
        weights[known[ours].name] = weight
    return Mix(tuple(weights.items()))


# -- the first generation -----------------------------------------------------------------------


async def handler(call: Call) -> Response:
    """Answer the name of the handler in force."""
    return PlainTextResponse(in_force(call))


async def set_handler(call: Call) -> Response:
    """Put one handler in force for everything."""
    name = (await call.raw()).decode("utf-8", "replace").strip()
    mix = _resolve(call, name, "headers", "handler")
    await call.supervisor.set_mix(_proxy(call), mix, call.actor)
    return PlainTextResponse("ok")


async def handlers(call: Call) -> HandlersView:
    """List the handlers."""
    return HandlersView(names(call))


# -- the second generation ----------------------------------------------------------------------


async def behavior(call: Call) -> BehaviorView:
    """Answer the name of the behavior in force."""
    shown = in_force(call)
    mix = Mix.parse(shown)
    second = [(SECOND.get(name, name), weight) for name, weight in mix.weights]
    return BehaviorView(str(Mix(tuple(second))) if ":" in shown else second[0][0])


async def set_behavior(call: Call) -> StatusView:
    """Put one behavior in force for everything, with these options until the next change."""
    given = await _object(call, "name")
    name = given.pop("name")
    mix = _resolve(call, str(name), "body", "behavior")
    if given and len(mix.weights) != 1:
        raise Wrong("body", "name", "options need one behavior to belong to")
    options = {only: _options(only, given) for only, _ in mix.weights} if given else None
    await call.supervisor.set_mix(_proxy(call), mix, call.actor, options=options)
    return StatusView()


def _options(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Options as Vaurien spells them, in our words."""
    refuse_code(name, given)
    return before(given) if name == "delay" else given


async def behaviors(call: Call) -> BehaviorsView:
    """List the behaviors."""
    return BehaviorsView([SECOND.get(name, name) for name in names(call)])


async def backend(call: Call) -> BackendView:
    """Answer where the proxy connects to."""
    return BackendView(call.supervisor.proxy(_proxy(call)).backend)


async def set_backend(call: Call) -> StatusView:
    """Connect somewhere else from now on."""
    given = await _object(call, "backend")
    try:
        address = Address.parse(str(given["backend"]))
    except ValueError as error:
        raise Wrong("body", "backend", str(error)) from None
    control = call.control
    policy.check(control.settings, control.addresses, backend=address)
    await call.supervisor.update_proxy(_proxy(call), {"backend": address}, call.actor)
    return StatusView()


async def _object(call: Call, key: str) -> dict[str, Any]:
    """The body, a JSON object that has ``key``."""
    try:
        given = body.parse(await call.raw())
    except HTTPException:
        given = None
    if not isinstance(given, dict):
        raise Wrong("body", "", "the value is not a valid json object")
    if key not in given:
        raise Wrong("body", key, f'the value should contain a "{key}" key')
    return given


_ONE = (Query("proxy", "this proxy, else the first"),)
_NAME = "the name of a handler"


def _route(method: str, path: str, endpoint: Any, summary: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        endpoint=endpoint,
        summary=summary,
        failure=failure,
        queries=() if path.endswith("s") else _ONE,
        **more,
    )


TEXT = "text/plain"

ROUTES = (
    _route("GET", "/handler", handler, "Vaurien 0.x: the handler in force", media=TEXT),
    _route("POST", "/handler", set_handler, "Vaurien 0.x: put a handler in force",
           takes=_NAME, media=TEXT),
    _route("GET", "/handlers", handlers, "Vaurien 0.x: all handlers", answer=HandlersView),
    _route("GET", "/behavior", behavior, "Vaurien 2: the behavior in force", answer=BehaviorView),
    _route("PUT", "/behavior", set_behavior, "Vaurien 2: put a behavior in force",
           takes="`name` and the behavior's options", answer=StatusView),
    _route("GET", "/behaviors", behaviors, "Vaurien 2: all behaviors", answer=BehaviorsView),
    _route("GET", "/backend", backend, "Vaurien 2: where the proxy connects to",
           answer=BackendView),
    _route("PUT", "/backend", set_backend, "Vaurien 2: connect somewhere else",
           takes="`backend`, as host:port", answer=StatusView),
)  # fmt: skip
