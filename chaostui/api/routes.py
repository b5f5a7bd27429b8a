"""A route, a call of it, and how the call becomes an answer.

Tables of ``Route`` are the single source of the router, of ``Allow`` headers and of the
OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from chaostui.api import body, failures
from chaostui.engine.control.supervisor import Supervisor
from chaostui.settings import Address, ControlSettings, encode

_encoder = msgspec.json.Encoder(enc_hook=encode)

MAX_ACTOR = 100


class Control(msgspec.Struct):
    """What every call may need: the engine, and who may do what."""

    supervisor: Supervisor
    settings: ControlSettings
    routes: tuple[Route, ...] = ()
    addresses: tuple[Address, ...] = ()
    """Where the control API answers."""
    stop: Callable[[str], None] | None = None
    """Ends the engine, at the word of somebody; None where its program does that."""


class Query(NamedTuple):
    """A parameter of a route's query string."""

    name: str
    help: str
    kind: type = str


class Call:
    """One request, as endpoints see it."""

    def __init__(self, control: Control, request: Request) -> None:
        self.control = control
        self.supervisor = control.supervisor
        self.request = request

    @property
    def actor(self) -> str:
        """Who asks, for the journal: ``Chaos-Actor``, else the peer."""
        named: str = self.request.headers.get("chaos-actor", "")
        if len(named) > MAX_ACTOR or not named.isprintable():
            raise HTTPException(400, f"Chaos-Actor: up to {MAX_ACTOR} printable characters")
        peer = self.request.client.host if self.request.client else "unix"
        return named or f"api {peer}"

    def path(self, name: str) -> str:
        """A part of the path, with its percent signs read."""
        return unquote(self.request.path_params[name])

    @property
    def proxy(self) -> str | None:
        """The proxy of the path; ``-`` stands for the first one, which is None."""
        name = self.path("proxy")
        return None if name == "-" else name

    @property
    def id(self) -> int:
        """The number of a connection, from the path."""
        return int(self.request.path_params["id"])

    def query(self, name: str) -> str | None:
        """A parameter of the query string."""
        value: str | None = self.request.query_params.get(name)
        return value

    def number(self, name: str, least: int = 0) -> int | None:
        """A whole number of the query string, at least ``least``."""
        text = self.query(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) >= least):
            raise HTTPException(400, f"{name}: a whole number of at least {least} is wanted")
        return int(text)

    async def raw(self) -> bytes:
        """The body as it came."""
        read: bytes = await self.request.body()
        return read


Endpoint = Callable[..., Awaitable[Any]]
Failure = Callable[[Exception], Response]


def json(value: Any, status: int = 200) -> Response:
    """Answer with a value as JSON."""
    return Response(_encoder.encode(value), status, media_type="application/json")


def failure(error: Exception) -> Response:
    """Answer with an error in the native shape."""
    status, message = failures.describe(error)
    return json({"error": message, "status": status}, status)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    ``{name}`` in the path is a part of it, ``{id:int}`` a number. With a ``body`` the endpoint
    is given the body, read as that struct, after the call. ``answer`` is the type of what it
    returns; None means 204. ``media`` other than JSON means that it returns a response itself.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    status: int = 200
    media: str = "application/json"
    takes: str = ""
    """The meaning of a body that the endpoint reads itself."""
    shape: type[msgspec.Struct] | None = None
    """The struct whose keys such a body has."""
    queries: tuple[Query, ...] = ()
    failure: Failure = failure

    @property
    def endless(self) -> bool:
        """Whether the answer goes on until somebody leaves."""
        return self.media in ENDLESS


ENDLESS = ("text/event-stream", "application/octet-stream")


async def answer(route: Route, call: Call) -> ASGIApp:
    """Call the endpoint and make a response of what it returns or raises."""
    try:
        if route.body is None:
            result = await route.endpoint(call)
        else:
            result = await route.endpoint(call, body.read(route.body, await call.raw()))
    except ClientDisconnect:
        return Response(status_code=400)
    # Whatever it is, the caller gets an answer and the engine lives on.
    except Exception as error:  # noqa: BLE001
        return route.failure(error)
    if result is None:
        return Response(status_code=204)
    if isinstance(result, Response):
        return result
    return json(result, route.status)


class Resource:
    """All methods of one path, as an ASGI application."""

    def __init__(self, control: Control, routes: Iterable[Route]) -> None:
        self.control = control
        self.routes = {route.method: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self.respond(scope, receive, send)
        await response(scope, receive, send)

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> ASGIApp:
        """The response to one request."""
        method = scope["method"]
        route = self.routes.get("GET" if method == "HEAD" else method)
        if route is None or (method == "HEAD" and route.endless):
            refused = failure(HTTPException(405, f"{method} is not allowed here"))
            refused.headers["allow"] = ", ".join(sorted(self.routes))
            return refused
        return await answer(route, Call(self.control, Request(scope, receive, send)))


def resources(control: Control, routes: Iterable[Route]) -> list[StarletteRoute]:
    """One Starlette route for each path of a table."""
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, []).append(route)
    return [StarletteRoute(path, Resource(control, some)) for path, some in by_path.items()]


async def unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer to a path that no route has."""
    refused = failure(HTTPException(404, "no such path: /api/v1/openapi.json lists them all"))
    await refused(scope, receive, send)
