"""Who owns the backend's socket while it is called: in whatever order all ends, nothing is left."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from chaostui.engine.relay.connection import Connection
from chaostui.engine.relay.dialling import Dialling, explained
from chaostui.engine.relay.endpoint import Side
from chaostui.engine.relay.flow import Link
from chaostui.errors import NotAllowed
from chaostui.events import CloseReason, Dialled
from chaostui.settings import Address
from tests.engine.rig import ACTOR, Rig, descriptors, echoing, make, proxied
from tests.engine.test_dial import black_hole
from tests.tcp import Peer
from tests.wait import eventually

ROUNDS = 100


@asynccontextmanager
async def nothing_left(rig: Rig, caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Afterwards there is no connection, call, descriptor or task more, and nobody was warned."""
    caplog.set_level(logging.WARNING)
    files, tasks = descriptors(), asyncio.all_tasks()
    core = rig.supervisor.core
    yield
    await eventually(lambda: not core.open, what="all connections are gone")
    assert not [call for proxy in core.proxies.values() for call in proxy.dialling]
    await eventually(lambda: descriptors() <= files, what="all descriptors are closed")
    await eventually(lambda: asyncio.all_tasks() <= tasks, what="all tasks have ended")
    ticked = core.now
    await eventually(lambda: core.now > ticked, what="the clock goes on")
    # A busy machine makes the loop late, which is no fault of the connections.
    usual = ("event loop", "blocked the loop", "cannot reach the backend", "passes as plain tcp")
    told = [record.getMessage() for record in caplog.records]
    assert [text for text in told if not any(words in text for words in usual)] == []


async def test_a_client_that_sends_and_resets_at_once_leaves_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Three hundred clients whose reset comes together with their bytes, as port scanners do."""
    async with proxied() as rig, echoing(rig), nothing_left(rig, caplog):
        for _ in range(300):
            client = await Peer.connect(rig.address())
            await client.send(b"ping")
            client.reset()


async def disable(rig: Rig) -> None:
    """Off and on again."""
    await rig.supervisor.update_proxy(None, {"enabled": False}, ACTOR)
    await rig.supervisor.update_proxy(None, {"enabled": True}, ACTOR)


async def remove(rig: Rig) -> None:
    """Remove the proxy and add it anew."""
    settings = rig.supervisor.core.proxies["a"].settings
    await rig.supervisor.remove_proxy("a", ACTOR)
    await rig.supervisor.add_proxy(settings, ACTOR)


async def repoint(rig: Rig) -> None:
    """Another backend, and everybody is to call that."""
    backend = rig.supervisor.core.proxies["a"].settings.backend
    await rig.supervisor.update_proxy(None, {"backend": Address("127.0.0.1", 1)}, ACTOR)
    await rig.supervisor.hang_up(None, ACTOR)
    await rig.supervisor.update_proxy(None, {"backend": backend}, ACTOR)


async def reload(rig: Rig) -> None:
    """A profile with another proxy, and the one before."""
    profile = rig.supervisor.profile()
    await rig.supervisor.apply(replace(profile, proxy=(make(name="b"),)), ACTOR)
    await rig.supervisor.apply(profile, ACTOR)


async def bounce(rig: Rig) -> None:
    """The backend seems to restart."""
    await rig.fault("bounce", down=0.001)
    await rig.mix("")


async def halt(rig: Rig) -> None:
    """Everything is reset, halted and released."""
    await rig.supervisor.halt("", ACTOR)
    for connection in rig.supervisor.connections():
        await rig.supervisor.reset_connection(connection.id, ACTOR)
    await rig.supervisor.release(ACTOR)


@pytest.mark.parametrize("change", [disable, remove, repoint, reload, bounce, halt])
async def test_a_change_at_once_after_a_client_has_connected_leaves_nothing(
    change: Callable[[Rig], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """At any step of accepting and calling: the client is cut, and its call with it."""
    async with proxied(linger=1) as rig, echoing(rig), nothing_left(rig, caplog):
        for number in range(ROUNDS):
            clients = [await Peer.connect(rig.address()) for _ in range(2)]
            for _ in range(number % 7):
                await asyncio.sleep(0)
            if number % 3 == 0:
                await clients[0].send(b"ping")
            await change(rig)
            for client in clients:
                client.close()


async def test_clients_that_reconnect_survive_a_proxy_that_goes_off_and_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Four clients that connect, ask and leave in a loop, while the proxy is off, on, gone."""
    async with proxied(linger=1) as rig, echoing(rig):
        over = False
        address = rig.address()

        async def again_and_again() -> None:
            while not over:
                try:
                    async with await Peer.connect(address) as client:
                        await client.send(b"ping")
                        await client.receive()
                except OSError:
                    await asyncio.sleep(0)

        async with nothing_left(rig, caplog):
            await rig.supervisor.update_proxy(None, {"listen": Address(*address)}, ACTOR)
            clients = [asyncio.ensure_future(again_and_again()) for _ in range(4)]
            for _ in range(ROUNDS):
                for change in (disable, remove, halt):
                    await change(rig)
                    await asyncio.sleep(0.001)
            over = True
            await asyncio.gather(*clients)


ENDING: dict[str, dict[str, Any]] = {
    "reset": {},
    "errors": {},
    "blackout": {},
    "abort": {},
    "transient": {"agitate": 1_000_000},
    "truncate": {"bytes": 2},
    "timeout": {"timeout": 0.001},
    "slow_close": {"delay": 0.001},
}


@pytest.mark.parametrize("handler", ENDING)
async def test_hits_that_end_a_connection_leave_no_object_behind(handler: str) -> None:
    """Hundreds of connections that a fault ends: as many objects as after the first fifty."""
    options = {handler: ENDING[handler]}
    async with proxied(behavior=handler, handler=options) as rig, echoing(rig):

        async def ask(times: int) -> None:
            for _ in range(times):
                async with await Peer.connect(rig.address()) as client:
                    try:
                        await client.send(b"ping")
                        await client.receive()
                        client.half_close()
                        await client.receive()
                    except OSError:
                        pass

        def left() -> int:
            gc.collect()
            return sum(isinstance(each, kinds) for each in gc.get_objects())

        kinds = (Connection, Side, Link, Dialling, asyncio.Task)

        await ask(50)
        await rig.empty()
        before = left()
        await asyncio.gather(*(ask(25) for _ in range(20)))
        await rig.empty()

        await eventually(lambda: left() <= before, 20, "no call and no task is left")
        assert rig.hits == {handler: 550}


async def test_a_call_that_something_else_cancels_ends_its_connection() -> None:
    """Cancelled before its first step, or while it waits: the client is reset and told why."""
    async with black_hole() as hole, proxied(backend=hole, connect_timeout=30) as rig:
        for steps in (0, 3):
            before = asyncio.all_tasks()
            client = await rig.connect()
            proxy = rig.supervisor.core.proxies["a"]
            while not proxy.dialling:
                await asyncio.sleep(0)
            for _ in range(steps):
                await asyncio.sleep(0)
            (task,) = asyncio.all_tasks() - before
            task.cancel()
            await client.expect_reset()
            await rig.empty()
            assert rig.events(Dialled)[-1].error == "the call was cancelled"
            assert not proxy.dialling


async def test_a_socket_that_the_loop_closes_behind_our_back_ends_its_connection() -> None:
    """uvloop closes what was joined if its call is cancelled then, and tells no protocol."""
    async with proxied() as rig, echoing(rig):
        proxy = rig.supervisor.core.proxies["a"]
        client = await rig.connect()
        while not proxy.dialling:
            await asyncio.sleep(0)
        (call,) = proxy.dialling
        while call._backend is None:
            await asyncio.sleep(0)
        assert call._task.cancel()
        await client.expect_reset()
        await rig.empty()


@pytest.mark.parametrize(
    ("error", "problem", "reason"),
    [
        (ConnectionRefusedError(111, "whatever"), "connection refused", "backend refused"),
        (OSError("no route to host"), "no route to host", "backend unreachable"),
        (NotAllowed("it is an address of ours"), "it is an address of ours", "backend unreachable"),
        (UnicodeError("label too long"), "UnicodeError: label too long", "backend unreachable"),
        (None, "the call was cancelled", "backend unreachable"),
    ],
)
def test_whatever_ends_a_call_is_told_in_one_line(
    error: Exception | None, problem: str, reason: CloseReason
) -> None:
    """No exception of a call is swallowed: each has a line and a reason to close."""
    assert explained(error) == (problem, reason)
