"""Sessions: owners of faults, which end when their owner does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chaostui.api.native_faults import Duration, check_options
from chaostui.api.routes import Call, Route
from chaostui.api.streaming import Stream
from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import NotFound
from chaostui.settings import Mix
from chaostui.wire.views import FaultView, SessionView

MAX_LEASE = 86_400


class SessionAsk(msgspec.Struct, frozen=True, kw_only=True):
    """How long a session lives without being renewed, and whose it is."""

    lease: Annotated[float, Meta(gt=0, le=MAX_LEASE, description="seconds")] = 30.0
    owner: Annotated[str, Meta(max_length=255)] = ""


class RenewAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is asked: the lease begins anew."""


class FaultAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A mix that lies over the proxy's own as long as the session lives."""

    behavior: Mix
    proxy: str | None = None
    """None: the first proxy."""
    options: dict[str, dict[str, Any]] = {}
    duration: Duration | None = None


async def sessions(call: Call) -> tuple[SessionView, ...]:
    """List the sessions."""
    return call.supervisor.sessions()


async def open_session(call: Call, ask: SessionAsk) -> SessionView:
    """Open a session."""
    owner = ask.owner or call.actor
    return await call.supervisor.open_session(ask.lease, owner, call.actor)


async def renew(call: Call, ask: RenewAsk) -> SessionView:
    """Begin a session's lease anew."""
    return await call.supervisor.renew_session(call.path("session"))


async def close_session(call: Call) -> None:
    """End a session and its faults."""
    await call.supervisor.close_session(call.path("session"), call.actor)


async def hold(call: Call) -> Stream:
    """Tie a session to this connection: when it goes, the session ends."""
    session = call.path("session")
    ended = call.supervisor.session_end(session)
    # Who breaks things in many tests at once has a connection for each: they are not counted.
    call.request.state.hold()
    return Stream(_held(call.supervisor, session, ended, call.actor), "text/event-stream")


async def _held(
    supervisor: Supervisor, session: str, ended: asyncio.Event, actor: str
) -> AsyncGenerator[bytes]:
    yield b": held\n\n"
    try:
        await ended.wait()
    finally:
        with suppress(NotFound):
            await supervisor.close_session(session, f"{actor} (gone)")


async def add_fault(call: Call, ask: FaultAsk) -> FaultView:
    """Put a fault over a proxy's own mix."""
    return await call.supervisor.add_fault(
        call.path("session"),
        ask.proxy,
        ask.behavior,
        call.actor,
        options=check_options(ask.options),
        duration=ask.duration,
    )


async def remove_fault(call: Call) -> None:
    """Take one fault of a session away."""
    await call.supervisor.remove_fault(call.path("session"), call.path("fault"), call.actor)


_SESSION = "/sessions/{session}"

ROUTES = (
    Route(method="GET", path="/sessions", endpoint=sessions, answer=list[SessionView],
          summary="All sessions"),
    Route(method="POST", path="/sessions", endpoint=open_session, body=SessionAsk, status=201,
          answer=SessionView, summary="Open a session: an owner of faults"),
    Route(method="PUT", path=_SESSION, endpoint=renew, body=RenewAsk, answer=SessionView,
          summary="Renew its lease"),
    Route(method="DELETE", path=_SESSION, endpoint=close_session, summary="End it and its faults"),
    Route(method="GET", path=f"{_SESSION}/hold", endpoint=hold, media="text/event-stream",
          summary="Stays open: when the connection goes, the session ends"),
    Route(method="POST", path=f"{_SESSION}/faults", endpoint=add_fault, body=FaultAsk, status=201,
          answer=FaultView, summary="Put a fault over a proxy's own mix"),
    Route(method="DELETE", path=f"{_SESSION}/faults/{{fault}}", endpoint=remove_fault,
          summary="Take one fault away"),
)  # fmt: skip
