"""Events, live or those that are kept, and the journal of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException

from chaostui.api.routes import Call, Query, Route
from chaostui.api.streaming import Stream
from chaostui.engine.observe.bus import Bus
from chaostui.events import AnyEvent, Changed

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the engine lives."""

SLICE = 500
"""Events sent in one go."""

KINDS: dict[str, Any] = {kind.__struct_config__.tag: kind for kind in get_args(AnyEvent)}

_encode = msgspec.json.Encoder().encode


class NoteAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A marker of the tester's."""

    note: Annotated[str, Meta(min_length=1, max_length=1000)]


class Filter(msgspec.Struct, frozen=True):
    """Which events somebody wants. Unfaulted exchanges come only where they are asked for."""

    kinds: tuple[Any, ...]
    connection: int | None
    exchanges: bool

    def __call__(self, event: AnyEvent) -> bool:
        """Whether this one is wanted."""
        return isinstance(event, self.kinds) and self.connection in (None, event.connection)


def wanted(call: Call) -> Filter:
    """Read the filter from the query string."""
    names = [name for name in (call.query("kinds") or "").split(",") if name]
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        known = ", ".join(KINDS)
        raise HTTPException(400, f"kinds: no such kind of event: {unknown[0]} (there is {known})")
    kinds = tuple(KINDS[name] for name in names) or tuple(KINDS.values())
    return Filter(kinds, call.number("connection"), "exchange" in names)


async def events(call: Call) -> Stream | list[AnyEvent]:
    """Stream events, or list those that are kept."""
    bus = call.supervisor.bus
    chosen = wanted(call)
    since = call.number("since")
    if "application/json" in call.request.headers.get("accept", ""):
        return [event for event in bus.since(since or 0)[0] if chosen(event)]
    resumed = call.request.headers.get("last-event-id", "")
    if resumed.isascii() and resumed.isdigit() and len(resumed) < 20:
        since = int(resumed)
    if since is None:
        since = bus.newest
    # A number from before the engine was started again: everything is new.
    start = since if since <= bus.newest else 0
    return Stream(stream(bus, start, chosen), "text/event-stream")


async def stream(bus: Bus, seq: int, chosen: Filter) -> AsyncGenerator[bytes]:
    """Events after number ``seq`` as server-sent events; a gap is told as ``dropped``."""
    bus.exchanges_wanted += chosen.exchanges
    try:
        yield b": chaostui events\n\n"
        while True:
            found, lost = bus.since(seq)
            if lost:
                yield b'event: dropped\ndata: {"dropped":%d}\n\n' % lost
            for start in range(0, len(found), SLICE):
                some = [event for event in found[start : start + SLICE] if chosen(event)]
                if some:
                    yield b"".join(map(_lines, some))
                await asyncio.sleep(0)
            seq = max(seq + lost, found[-1].seq if found else 0)
            if not await _more(bus, seq):
                yield b": alive\n\n"
    finally:
        bus.exchanges_wanted -= chosen.exchanges


def _lines(event: AnyEvent) -> bytes:
    kind = str(event.__struct_config__.tag).encode()
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, kind, _encode(event))


async def _more(bus: Bus, seq: int) -> bool:
    """Wait for an event after ``seq``; False where a heartbeat is due first."""
    try:
        async with asyncio.timeout(HEARTBEAT):
            await bus.wait(seq)
    except TimeoutError:
        return False
    return True


async def journal(call: Call) -> list[Changed]:
    """List the changes, oldest first."""
    return call.supervisor.journal(call.number("since") or 0)


async def note(call: Call, ask: NoteAsk) -> Changed:
    """Put a marker into the journal."""
    return await call.supervisor.note(ask.note, call.actor)


_SINCE = Query("since", "those after this number", int)

ROUTES = (
    Route(method="GET", path="/events", endpoint=events, media="text/event-stream",
          summary="Events as they happen; Last-Event-ID resumes. As JSON: those that are kept",
          queries=(_SINCE, Query("kinds", f"these, by comma: {', '.join(KINDS)}"),
                   Query("connection", "of this connection alone", int))),
    Route(method="GET", path="/journal", endpoint=journal, answer=list[Changed],
          summary="Who changed what, oldest first", queries=(_SINCE,)),
    Route(method="POST", path="/journal", endpoint=note, body=NoteAsk, answer=Changed, status=201,
          summary="Put a marker into the journal"),
)  # fmt: skip
