"""A peer that vanishes is noticed also while its reading is paused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chaostui.engine.pace.pauses import WRITE
from chaostui.events import Closed
from tests.engine.rig import fill, proxied
from tests.wait import eventually


@pytest.mark.parametrize(("name", "options"), [("hang", {}), ("reset", {"after": 60})])
async def test_a_client_that_resets_while_held_is_noticed(
    name: str, options: dict[str, Any]
) -> None:
    """The backend sees the reset although the client's bytes are kept, within a second."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.fault(name, **options)
        await client.send(b"hello?" * 100)
        await eventually(lambda: rig.hits.get(name))
        client.reset()

        await server.expect_reset()
        await rig.empty(within=2)
        assert [event.reason for event in rig.events(Closed)] == ["reset by client"]


async def test_a_client_that_resets_before_a_hung_dial_is_noticed() -> None:
    """A hang at open dials nobody; the connection still ends with its client."""
    async with proxied(behavior="hang") as rig:
        client = await rig.connect()
        await client.send(b"x" * 1000)
        await eventually(lambda: rig.hits.get("hang"))
        client.reset()

        await rig.empty(within=2)


async def test_a_client_that_resets_with_a_full_backlog_is_noticed() -> None:
    """Reading is paused because max_held is reached: the reset is still seen."""
    async with proxied(max_held=65_536) as rig:
        client, server = await rig.pair()
        await rig.mix("hang")
        await fill(client)
        client.reset()

        await server.expect_reset()
        await rig.empty(within=2)


async def test_a_backend_that_resets_while_its_reply_is_held_is_noticed() -> None:
    """A stalled reply's backend resets: the client is reset too."""
    async with proxied(max_held=65_536) as rig:
        client, server = await rig.pair()
        await rig.chain("hang", direction="downstream")
        await fill(server)
        server.reset()

        await client.expect_reset()
        await rig.empty(within=2)


async def test_many_paused_clients_that_reset_are_all_noticed() -> None:
    """100 hung clients reset: within a few seconds none is left and nothing leaks."""
    async with proxied(behavior="hang", max_held=4096) as rig:
        clients = [await rig.connect() for _ in range(100)]
        for client in clients:
            await client.send(b"x" * 20_000)
        await eventually(lambda: rig.hits.get("hang") == 100)
        await asyncio.sleep(0.25)
        for client in clients:
            client.reset()

        await rig.empty(within=3)


async def test_a_reset_behind_bytes_that_a_delay_holds_comes_after_them() -> None:
    """Bytes that leave by themselves arrive before the reset does."""
    async with proxied(max_held=4096, abandoned="deliver") as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.6)
        await client.send(b"x" * 20_000)
        await eventually(lambda: client.unsent == 0)
        await asyncio.sleep(0.25)
        client.reset()

        assert await server.expect_reset() == b"x" * 20_000
        await rig.empty(within=2)


async def test_a_fin_behind_a_hang_is_met_when_the_hang_is_lifted() -> None:
    """A client's FIN during a hang is no reason to end: bytes and FIN go on in order."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.mix("hang")
        await client.send(b"question")
        client.half_close()
        await server.expect_silence(0.3)
        await rig.mix("")

        assert await server.receive_all() == b"question"
        await server.send(b"answer")
        server.half_close()
        assert await client.receive_all() == b"answer"


async def test_one_that_gave_way_before_it_was_paused_is_watched_too() -> None:
    """A client that sends in bulk to a backend that does not read is missed when it resets."""
    async with proxied(linger=0.3) as rig:
        client, _ = await rig.pair()
        (connection,) = rig.supervisor.live()
        connection.client.give_way()
        connection.client.pause(WRITE)
        await eventually(lambda: rig.supervisor.core.watch._armed)
        client.reset()

        await rig.empty(within=2)
