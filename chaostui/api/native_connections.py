"""Connections: seen, reset, pinned."""

from __future__ import annotations

import msgspec

from chaostui.api.routes import Call, Query, Route
from chaostui.wire.views import ConnectionView


class PinAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The handler that a connection gets from the next bytes on; None: drawn again."""

    handler: str | None


async def connections(call: Call) -> list[ConnectionView]:
    """List connections, the newest last."""
    return call.supervisor.connections(call.query("proxy"), call.number("limit", least=1))


async def connection(call: Call) -> ConnectionView:
    """Show one connection."""
    return call.supervisor.connection(call.id)


async def reset(call: Call) -> None:
    """Reset a connection, on both sides."""
    await call.supervisor.reset_connection(call.id, call.actor)


async def pin(call: Call, ask: PinAsk) -> ConnectionView:
    """Give a connection a handler of its own, or take it back."""
    return await call.supervisor.pin(call.id, ask.handler, call.actor)


ROUTES = (
    Route(method="GET", path="/connections", endpoint=connections, answer=list[ConnectionView],
          summary="Connections, the newest last",
          queries=(Query("proxy", "of this proxy alone"),
                   Query("limit", "the newest so many", int))),
    Route(method="GET", path="/connections/{id:int}", endpoint=connection, answer=ConnectionView,
          summary="One connection"),
    Route(method="DELETE", path="/connections/{id:int}", endpoint=reset,
          summary="Reset it: both sides see RST"),
    Route(method="PUT", path="/connections/{id:int}/pin", endpoint=pin, body=PinAsk,
          answer=ConnectionView, summary="Give it a handler of its own, from the next bytes on"),
)  # fmt: skip
