"""A reader that is slow slows its sender, and costs bounded memory."""

from __future__ import annotations

import asyncio
import random

from chaostui.engine.observe.memory import give_back, resident
from tests.engine.rig import digest_all, echoing, fill, ping, proxied, send_pieces
from tests.wait import SLACK

MIB = 1 << 20


async def test_a_client_that_does_not_read_stops_the_backend() -> None:
    """The backend's sends get stuck; when the client reads, every byte is there."""
    async with proxied() as rig:
        client, server = await rig.pair(receive_buffer=4096)
        sent = await fill(server)
        server.half_close()

        assert len(sent) > 100_000
        assert await client.receive_all() == sent


async def test_a_backend_that_does_not_read_stops_the_client() -> None:
    """U07: the client's sends get stuck; when the backend reads, every byte is there."""
    async with proxied(receive_buffer=4096) as rig:
        client, server = await rig.pair()
        sent = await fill(client)
        client.half_close()

        assert len(sent) > 100_000
        assert await server.receive_all() == sent


async def test_clients_that_do_not_read_cost_little_memory_and_nobody_else() -> None:
    """M01: 40 stuck downloads take under 256 KiB each, and another client's pings stay fast."""
    async with proxied() as rig:
        pairs = [await rig.pair(receive_buffer=4096) for _ in range(40)]
        quick, answering = await rig.pair()
        before = resident()
        await asyncio.gather(*(server.send_until_stuck(quiet=0.2) for _, server in pairs))
        grown = resident() - before

        assert grown <= 40 * 256 * 1024
        for _ in range(50):
            start = asyncio.get_running_loop().time()
            await quick.send(b"ping")
            await answering.send(await answering.receive())
            assert await quick.receive() == b"ping"
            assert asyncio.get_running_loop().time() - start < SLACK


async def test_a_delay_holds_at_most_max_held_then_reading_pauses() -> None:
    """M02: behind a delay of a minute each direction keeps max_held and a chunk, no more."""
    async with proxied(max_held=MIB) as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=60, direction="both")
        sent = await fill(client)
        back = await fill(server)

        assert min(len(sent), len(back)) > MIB
        assert MIB <= rig.only.held <= 2 * (MIB + 512 * 1024)
        await rig.mix("")
        client.half_close()
        server.half_close()
        assert await server.receive_all() == sent
        assert await client.receive_all() == back


async def test_a_hang_holds_at_most_max_held() -> None:
    """What a hang keeps is bounded too, and goes on when it is lifted."""
    async with proxied(max_held=65_536) as rig:
        client, server = await rig.pair()
        await rig.mix("hang")
        sent = await fill(client)
        assert 65_536 <= rig.only.held <= 65_536 + 512 * 1024
        await rig.mix("")
        client.half_close()

        assert await server.receive_all() == sent


async def test_a_delay_does_not_limit_bandwidth() -> None:
    """B10: 16 MiB behind half a second with a large max_held take little longer than the delay."""
    async with proxied(max_held=32 * MIB) as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.5)
        start = asyncio.get_running_loop().time()
        sizes = (65_536 for _ in range(256))
        sent, got = await asyncio.gather(
            send_pieces(client, sizes, random.Random(0)), digest_all(server)
        )

        assert got == sent
        # With 1 MiB on its way at a time it would take 16 times the delay and more.
        assert asyncio.get_running_loop().time() - start < 6


async def test_memory_comes_back_when_stuck_clients_leave() -> None:
    """M03: when the clients leave, nothing refers to the 50 MiB that were held for them."""
    async with proxied(max_held=MIB) as rig:
        pairs = await rig.pairs(50)
        await rig.mix("hang")
        await asyncio.gather(*(client.send_until_stuck(quiet=0.2) for client, _ in pairs))
        held = sum(view.held for view in rig.supervisor.connections())
        assert held >= 50 * MIB
        full = resident()
        for client, server in pairs:
            client.reset()
            server.close()
        await rig.empty()

        give_back()
        assert resident() <= full - held // 2


async def test_a_write_buffer_that_is_full_pauses_only_its_own_direction() -> None:
    """A client that does not read still gets its requests through."""
    async with proxied() as rig:
        client, server = await rig.pair(receive_buffer=4096)
        await fill(server)
        for number in range(20):
            await client.send(b"%04d" % number)
            assert await server.receive_exactly(4) == b"%04d" % number


async def test_an_echo_of_a_long_stream_never_locks_up() -> None:
    """Both directions full at once, by an echo of 8 MiB, end as they should."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        sizes = (65_536 for _ in range(128))
        sent, got = await asyncio.gather(
            send_pieces(client, sizes, random.Random(1)), digest_all(client)
        )
        assert got == sent
        await ping(await rig.connect())
