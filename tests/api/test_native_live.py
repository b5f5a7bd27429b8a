"""Live frames: the whole engine in columns, many times a second."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import ExitStack

import pytest

from chaostui.client import AsyncClient, Frame
from chaostui.engine.observe.bus import Bus
from chaostui.events import Changed, Warned
from chaostui.wire.frame import STATES
from tests.api.engine import Echo, Engine, proxy


def connected(engine: Engine, name: str, stack: ExitStack) -> socket.socket:
    """Open a connection that has carried an exchange of four bytes each way."""
    sock = stack.enter_context(socket.create_connection(engine.address(name), timeout=5))
    sock.sendall(b"ping")
    assert sock.recv(4) == b"ping"
    return sock


async def frames(engine: Engine, number: int, **wanted: float | str) -> list[Frame]:
    """Take some frames."""
    found: list[Frame] = []
    async with AsyncClient("127.0.0.1", engine.port) as client:
        live = client.live(**wanted)  # type: ignore[arg-type]
        async for frame in live:
            found.append(frame)
            if len(found) == number:
                break
        await live.aclose()
    return found


async def test_a_frame_has_every_connection_in_columns(echo: Echo) -> None:
    """Each column has an item per connection; proxies and handlers are told by index."""
    with Engine(proxy("one", echo.address), proxy("two", echo.address)) as engine, ExitStack() as s:
        connected(engine, "one", s)
        client = "{}:{}".format(*connected(engine, "two", s).getsockname())

        (frame,) = await frames(engine, 1)

    assert list(frame.column("id")) == [1, 2]
    assert [frame.engine.proxies[i].name for i in frame.column("proxy")] == ["one", "two"]
    assert [STATES[code] for code in frame.column("state")] == ["open", "open"]
    assert [frame.handlers[i] for i in frame.column("handler")] == ["normal", "normal"]
    assert list(frame.column("upstream")) == list(frame.column("downstream")) == [4, 4]
    assert list(frame.column("exchanges")) == [1, 1]
    assert list(frame.column("hits")) == list(frame.column("held")) == [0, 0]
    assert all(0 <= age < 10 for age in frame.column("age"))
    assert all(0 <= idle < 10 for idle in frame.column("idle"))
    assert frame.opened[1] == (2, client, echo.address)
    assert abs(frame.at - time.time()) < 10


async def test_what_was_told_is_not_told_again(echo: Echo) -> None:
    """Addresses and texts come once, events since the frame before, numbers each time."""
    with Engine(proxy("web", echo.address)) as engine, ExitStack() as stack:
        connected(engine, "web", stack)
        async with AsyncClient("127.0.0.1", engine.port) as client:
            live = client.live(hz=30)
            first = await anext(live)
            await client.pin(1, "delay")
            connected(engine, "web", stack)
            later = [await anext(live) for _ in range(3)]
            await live.aclose()

    assert [told[0] for told in first.opened] == [1]
    assert [told[0] for frame in later for told in frame.opened] == [2]
    assert {k: v for f in later for k, v in f.changed.items()} == {1: ("delay", "", "")}
    seen = [event.seq for frame in (first, *later) for event in frame.events]
    assert seen == sorted(set(seen))
    assert [frame.seq for frame in (first, *later)] == [1, 2, 3, 4]


async def test_frames_come_no_faster_than_asked(engine: Engine) -> None:
    """Ten a second are a tenth of a second apart."""
    found = await frames(engine, 4, hz=10)

    assert 0.25 < found[-1].at - found[0].at < 2


async def test_one_proxy_may_be_looked_at_alone(echo: Echo) -> None:
    """With ``proxy`` the columns have its connections; the engine is whole all the same."""
    with Engine(proxy("one", echo.address), proxy("two", echo.address)) as engine, ExitStack() as s:
        connected(engine, "one", s)
        connected(engine, "two", s)

        (frame,) = await frames(engine, 1, proxy="two")

    assert list(frame.column("id")) == [2]
    assert len(frame.engine.proxies) == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [("?hz=0", 400), ("?hz=31", 400), ("?hz=x", 400), ("?hz=nan", 400), ("?proxy=no", 404)],
)
def test_a_senseless_rate_is_refused(engine: Engine, query: str, status: int) -> None:
    """Rates out of bounds and unknown proxies are refused before the stream begins."""
    assert engine.ask("GET", f"/api/v1/live{query}").status == status


async def test_more_events_than_a_frame_holds_are_counted(engine: Engine) -> None:
    """A frame has the newest 200 events and says how many it left out."""
    async with AsyncClient("127.0.0.1", engine.port) as client:
        live = client.live(hz=30)
        await anext(live)
        engine.look(lambda supervisor: warn(supervisor.bus, 300))
        told = [await anext(live) for _ in range(5)]
        await live.aclose()

    assert sum(len(frame.events) + frame.events_skipped for frame in told) == 300
    assert max(len(frame.events) for frame in told) <= 200


def warn(bus: Bus, times: int) -> None:
    """Publish events that change nothing."""
    for _ in range(times):
        bus.publish(Warned, proxy="web", message="x")


async def test_a_change_is_told_however_much_else_happens(engine: Engine) -> None:
    """A console that is drowned in events still learns who changed what."""
    async with AsyncClient("127.0.0.1", engine.port) as client:
        live = client.live(hz=5)
        await anext(live)
        await asyncio.sleep(0.02)
        await client.note("a marker")
        engine.look(lambda supervisor: warn(supervisor.bus, 1000))
        told = [await anext(live) for _ in range(3)]
        await live.aclose()

    found = [event for frame in told for event in frame.events if isinstance(event, Changed)]
    assert [event.after for event in found] == ["a marker"]
    assert sum(len(frame.events) + frame.events_skipped for frame in told) == 1001
