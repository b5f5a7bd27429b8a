"""What the engine is, what it knows, and the halt."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.responses import Response

from chaostui import __version__, options
from chaostui.api.routes import Call, Query, Route
from chaostui.catalog import Catalog
from chaostui.engine.tls.authority import authority
from chaostui.errors import NotAllowed
from chaostui.handler import Handler
from chaostui.protocol import Protocol
from chaostui.wire.shapes import (
    HandlerHelp,
    HealthView,
    KindHelp,
    ProtocolHelp,
    VersionView,
)
from chaostui.wire.views import EngineView, HaltView, StatsView

JSON = "application/json"
PEM = "application/pem-certificate-chain"


class HaltAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Why everything shall be normal."""

    reason: str = ""


async def health(call: Call) -> HealthView:
    """Say that the engine is up."""
    return HealthView()


async def version(call: Call) -> VersionView:
    """Say which version answers."""
    return VersionView(version=__version__, unauthenticated=call.supervisor.unauthenticated)


async def engine(call: Call) -> EngineView:
    """Show everything at a glance."""
    return call.supervisor.view()


async def stats(call: Call) -> dict[str, StatsView]:
    """Show the counters of all proxies or one."""
    return call.supervisor.stats(call.query("proxy"))


async def handlers(call: Call) -> list[HandlerHelp]:
    """List the handlers with their options."""
    return catalogue(call.supervisor.catalog)


def catalogue(known: Catalog) -> list[HandlerHelp]:
    """The handlers that an engine knows, with their options."""
    return [
        HandlerHelp(
            name=kind.name,
            aliases=kind.aliases,
            help=_first_line(kind),
            scope=kind.scope,
            options=options.describe(kind.Options),
        )
        for kind in _distinct(known.handlers)
    ]


async def protocols(call: Call) -> list[ProtocolHelp]:
    """List the protocols with the errors they can speak."""
    return [
        ProtocolHelp(
            name=kind.name,
            help=_first_line(kind),
            kinds=tuple(KindHelp(**error._asdict()) for error in kind.kinds),
            ports=kind.ports,
            example=kind.example,
        )
        for kind in _distinct(call.supervisor.catalog.protocols)
    ]


def _distinct(kinds: Any) -> list[Any]:
    return list(dict.fromkeys(kinds.values()))


def _first_line(kind: type[Handler] | type[Protocol]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


async def halted(call: Call) -> HaltView:
    """Say whether everything is halted."""
    return call.supervisor.halted()


async def halt(call: Call, ask: HaltAsk) -> HaltView:
    """Make everything normal, and keep it so."""
    return await call.supervisor.halt(ask.reason, call.actor)


async def release(call: Call) -> None:
    """Take faults again."""
    await call.supervisor.release(call.actor)


async def reset(call: Call) -> None:
    """Make all mixes normal, empty all chains, free pins, switch disabled proxies on."""
    await call.supervisor.reset(call.actor, call.query("proxy"))


async def stop(call: Call) -> None:
    """Drain and end."""
    if call.control.stop is None:
        raise NotAllowed("this engine ends with the program it runs in")
    call.control.stop(call.actor)


async def trusted(call: Call) -> Response:
    """Show who signs where TLS ends without a certificate of the user's."""
    made = await asyncio.to_thread(authority)
    return Response(made.pem, media_type=PEM)


async def openapi(call: Call) -> Response:
    """Describe this API as an OpenAPI 3.1 document."""
    from chaostui.api.openapi import document

    text = await asyncio.to_thread(document, call.control.routes)
    return Response(text, media_type=JSON)


ROUTES = (
    Route(method="GET", path="/health", endpoint=health, answer=HealthView,
          summary="Whether all listeners are bound"),
    Route(method="GET", path="/version", endpoint=version, answer=VersionView,
          summary="Which version this is"),
    Route(method="GET", path="/engine", endpoint=engine, answer=EngineView,
          summary="Everything at a glance, all proxies included"),
    Route(method="GET", path="/stats", endpoint=stats, answer=dict[str, StatsView],
          summary="Counters by proxy", queries=(Query("proxy", "this proxy alone"),)),
    Route(method="GET", path="/handlers", endpoint=handlers, answer=list[HandlerHelp],
          summary="All handlers with their options"),
    Route(method="GET", path="/protocols", endpoint=protocols, answer=list[ProtocolHelp],
          summary="All protocols with the errors they speak"),
    Route(method="GET", path="/halt", endpoint=halted, answer=HaltView,
          summary="Whether everything is halted"),
    Route(method="POST", path="/halt", endpoint=halt, body=HaltAsk, answer=HaltView,
          summary="Make everything normal and refuse new faults"),
    Route(method="DELETE", path="/halt", endpoint=release, summary="Take faults again"),
    Route(method="POST", path="/reset", endpoint=reset,
          summary="All mixes normal, chains empty, nothing pinned, disabled proxies on",
          queries=(Query("proxy", "on this proxy alone"),)),
    Route(method="POST", path="/stop", endpoint=stop,
          summary="End: no new connections, open ones have the profile's drain time"),
    Route(method="GET", path="/authority", endpoint=trusted, media=PEM,
          summary="Who signs where TLS ends without a certificate of yours, as PEM"),
    Route(method="GET", path="/openapi.json", endpoint=openapi, answer=dict[str, Any],
          summary="This table as an OpenAPI 3.1 document"),
)  # fmt: skip
