"""The asyncio client: the same methods, awaited."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from chaostui.api.connection import MAX_CONNECTIONS
from chaostui.client import AsyncClient, Client
from chaostui.errors import EngineRefused, EngineUnreachable, FaultLost
from chaostui.events import Changed
from tests.api.engine import Echo, Engine, proxy
from tests.tcp import free_port
from tests.wait import eventually


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[AsyncClient]:
    """Drive the engine."""
    async with AsyncClient("127.0.0.1", engine.port) as found:
        yield found


def test_both_clients_have_the_same_methods() -> None:
    """What one can do, the other can; only ``live`` and ``tap`` are for consoles alone."""

    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind)
            if not name.startswith("_") and callable(member)
        }

    blocking, awaited = methods(Client), methods(AsyncClient)
    awaited.pop("live")
    awaited.pop("tap")

    assert blocking == awaited
    assert len(blocking) > 50
    assert all(inspect.getdoc(getattr(Client, name)) for name in blocking)


async def test_vaurien_s_methods_are_awaited(client: AsyncClient) -> None:
    """Handlers and behaviors are set and read as with the blocking client."""
    assert await client.set_handler("errors") == "ok"
    assert await client.get_behavior() == "error"
    assert "normal" in await client.list_handlers()
    with pytest.raises(ValueError, match="the 'nope' handler does not exist"):
        await client.set_handler("nope")


async def test_a_handler_acts_within_its_block(client: AsyncClient) -> None:
    """Blocks nest, and take options."""
    async with client.with_handler("delay", sleep=2):
        async with client.with_behavior("error"):
            assert await client.get_handler() == "errors"
        assert await client.get_handler() == "delay"
        assert (await client.handler("delay")).options["sleep"] == 2
    assert await client.get_handler() == "normal"
    assert await client.sessions() == []


async def test_an_exception_and_a_cancellation_end_the_block(client: AsyncClient) -> None:
    """The error is the block's own, and the fault is gone."""
    with pytest.raises(RuntimeError, match="mine"):
        async with client.with_handler("errors"):
            raise RuntimeError("mine")
    assert await client.get_handler() == "normal"

    inside = asyncio.Event()

    async def block() -> None:
        async with client.with_handler("errors"):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await client.get_handler() == "normal"


async def test_what_does_not_exist_is_a_value_error(client: AsyncClient) -> None:
    """Unknown handlers and options raise before the block begins."""
    cases: list[tuple[str, dict[str, Any]]] = [("nope", {}), ("delay", {"slep": 1})]
    for name, options in cases:
        with pytest.raises(ValueError, match=r"\w"):
            async with client.with_handler(name, **options):
                raise AssertionError("the block must not run")
    assert await client.sessions() == []


async def test_the_lease_is_renewed_within_the_block(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block may last longer than the lease."""
    monkeypatch.setattr("chaostui.client.owner.LEASE", 4.0)
    monkeypatch.setattr("chaostui.client.owner.RENEWAL", 0.05)
    seen: list[float] = []
    async with client.with_handler("errors"), asyncio.timeout(20):
        while len(seen) < 2 or seen[-1] <= seen[-2]:
            seen.append((await client.sessions())[0].expires_in)
        assert await client.get_handler() == "errors"


async def test_a_block_whose_fault_was_lost_raises(client: AsyncClient) -> None:
    """At its end at the latest, and with the block's own error as the cause."""
    with pytest.raises(FaultLost, match="no such session"):
        async with client.with_handler("errors"):
            await client.close_session((await client.sessions())[0].id)

    async def block() -> None:
        async with client.with_behavior("error"):
            await client.close_session((await client.sessions())[0].id)
            raise RuntimeError("mine")

    with pytest.raises(FaultLost) as caught:
        await block()
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_a_block_whose_fault_others_ended_raises(engine: Engine, client: AsyncClient) -> None:
    """What the client itself resets is meant so."""
    with pytest.raises(FaultLost, match="reset or halted"):
        async with client.with_handler("errors"):
            await asyncio.to_thread(engine.client().reset)

    async with client.with_handler("errors"):
        await client.reset()


async def test_a_renewal_that_finds_no_room_is_tried_again(
    engine: Engine, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full API is no end of a fault."""
    monkeypatch.setattr("chaostui.client.owner.RENEWAL", 0.05)
    monkeypatch.setattr("chaostui.client.owner.RETRY", 0.05)
    async with client.with_handler("errors"):
        with ExitStack() as crowd:
            for _ in range(MAX_CONNECTIONS):
                crowd.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
            with pytest.raises(EngineRefused, match="over 64"):
                await refusal(client)
        seen: list[float] = []
        async with asyncio.timeout(5):
            while len(seen) < 2 or seen[-1] <= seen[-2]:
                with suppress(EngineRefused):  # until the crowd has been seen to leave
                    seen.append((await client.sessions())[0].expires_in)


async def refusal(client: AsyncClient) -> None:
    """Ask until the API has no room."""
    while True:
        await client.health()


async def test_the_death_of_the_connection_ends_the_fault(engine: Engine) -> None:
    """A loop that stops in the middle of a block leaves nothing broken, and the block raises."""
    client = AsyncClient("127.0.0.1", engine.port)
    block = client.with_handler("errors")
    await block.__aenter__()
    assert await client.get_handler() == "errors"
    for state in engine.server._states:
        for connection in list(state.connections):
            engine._loop.call_soon_threadsafe(connection.transport.abort)

    await eventually(lambda: engine.look(lambda s: s.proxy()).behavior == "")
    with pytest.raises(FaultLost):
        await block.__aexit__(None, None, None)
    await client.close()


async def test_events_are_followed(client: AsyncClient) -> None:
    """The stream has a connection of its own, so calls go on beside it."""
    events = client.events(since=0, kinds=["change"])
    first = await client.note("one")
    second = await client.note("two")

    found = [await anext(events), await anext(events)]
    await events.aclose()

    assert found == [first, second]
    assert isinstance(first, Changed)


async def test_calls_at_once_take_turns(client: AsyncClient) -> None:
    """Many tasks may share a client."""
    found = await asyncio.gather(*(client.get_handler() for _ in range(50)))

    assert found == ["normal"] * 50


async def test_a_cancelled_call_does_not_spoil_the_next(client: AsyncClient) -> None:
    """An answer that nobody waits for any more is not taken for another's."""
    for _ in range(20):
        call = asyncio.ensure_future(client.engine())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        assert await client.get_handler() == "normal"
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_stale_connection_is_replaced(client: AsyncClient, engine: Engine) -> None:
    """An engine that closed the idle connection is simply asked anew."""
    await client.health()
    for state in engine.server._states:
        for connection in list(state.connections):
            engine._loop.call_soon_threadsafe(connection.transport.abort)

    assert await client.health() == {"status": "ok"}


async def drained(live: AsyncIterator[object]) -> None:
    """Read a stream to its end."""
    async for _ in live:
        pass


async def test_an_engine_that_ends_is_told(tmp_path: Path) -> None:
    """Streams and calls say in one line that nobody answers any more."""
    path = tmp_path / "s.sock"
    with Engine(proxy(), unix=path) as engine:
        client = AsyncClient(unix=path)
        live = client.live()
        await anext(live)
        engine.stop()
        with pytest.raises(EngineUnreachable, match=f"no engine answers at unix:{path}"):
            await drained(live)
        with pytest.raises(EngineUnreachable):
            await client.health()
        await client.close()


async def test_no_engine_is_one_clear_line() -> None:
    """Where nobody answers, the error says where and why."""
    port = free_port()
    client = AsyncClient("127.0.0.1", port)

    with pytest.raises(EngineUnreachable) as caught:
        await client.health()
    with pytest.raises(EngineUnreachable):
        await anext(client.live())
    with pytest.raises(EngineUnreachable, match=r"http://redis\.\.svc:8080: "):
        await AsyncClient("redis..svc").health()

    assert str(caught.value).startswith(f"no engine answers at http://127.0.0.1:{port}: ")
    assert "\n" not in str(caught.value)


async def test_another_server_is_no_engine() -> None:
    """What does not speak HTTP is an unreachable engine."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server, AsyncClient("127.0.0.1", server.sockets[0].getsockname()[1]) as client:
        with pytest.raises(EngineUnreachable, match="no answer in HTTP"):
            await client.health()


async def test_refusals_carry_their_status(client: AsyncClient) -> None:
    """A stream that is refused raises as a call does."""
    with pytest.raises(EngineRefused) as call:
        await client.proxy("no")
    with pytest.raises(EngineRefused) as stream:
        await anext(client.live(hz=99))
    with pytest.raises(EngineRefused) as events:
        await anext(client.events(kinds=["nope"]))

    assert [c.value.status for c in (call, stream, events)] == [404, 400, 400]


async def test_the_payload_of_a_connection_is_shown_to_who_asks(echo: Echo) -> None:
    """``tap`` tells what passes from then on, both ways, and ends with the connection."""
    with Engine(proxy(backend=echo.address)) as running:
        async with AsyncClient("127.0.0.1", running.port) as client:
            host, _, port = (await client.proxies())[0].listen.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"before")
            assert await reader.readexactly(6) == b"before"
            [connection] = await client.connections()
            packets = client.tap(connection.id)
            asking = asyncio.ensure_future(anext(packets))
            for _ in range(2):
                while True:
                    writer.write(b"after")
                    assert await reader.readexactly(5) == b"after"
                    if asking.done():
                        break

            writer.close()
            await writer.wait_closed()
            seen = [asking.result(), *[packet async for packet in packets]]
            assert {packet["direction"] for packet in seen} == {"upstream", "downstream"}
            assert {packet["bytes"] for packet in seen} == {b"after"}
            assert 0 in {packet["offset"] for packet in seen}
