"""Faults of the byte stream at work: what arrives, when, and that nothing else is touched."""

from __future__ import annotations

import asyncio
import random

from tests.engine.rig import ACTOR, echoing, proxied
from tests.tcp import Peer
from tests.wait import SLACK

DATA = random.Random(1).randbytes(200_000)


async def clocked(peer: Peer, size: int) -> tuple[bytes, float]:
    """Receive so many bytes, and how long it takes."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    return await peer.receive_exactly(size), loop.time() - started


async def test_a_shared_throttle_divides_the_rate() -> None:
    """Two connections at 1000 kB/s together take twice as long as one, whichever is first."""
    async with proxied() as rig:
        await rig.chain("throttle", rate=1000, shared=True)
        pairs = await rig.pairs(2)
        sends = [asyncio.ensure_future(server.send(DATA)) for _, server in pairs]
        got = await asyncio.gather(*(clocked(client, len(DATA)) for client, _ in pairs))
        await asyncio.gather(*sends)

        assert [data == DATA for data, _ in got] == [True, True]
        assert 0.36 <= max(took for _, took in got) < 0.44 + SLACK


async def test_a_throttle_in_the_mix_slows_both_ways() -> None:
    """The request takes its time, and the reply too."""
    async with proxied(behavior="throttle", handler={"throttle": {"rate": 10}}) as rig:
        client, server = await rig.pair()
        loop = asyncio.get_running_loop()
        started = loop.time()
        await client.send(bytes(1000))
        await server.receive_exactly(1000)
        await server.send(bytes(1000))
        await client.receive_exactly(1000)

        assert 0.17 <= loop.time() - started < 0.23 + SLACK


async def test_lost_segments_are_late_and_nothing_is_missing() -> None:
    """At 20 % some of 137 segments are lost, so 200 ms pass at least; all bytes arrive."""
    async with proxied() as rig:
        await rig.chain("loss", rate=20)
        client, server = await rig.pair()
        sending = asyncio.ensure_future(server.send(DATA))
        data, took = await clocked(client, len(DATA))
        await sending

        assert data == DATA
        assert 0.2 <= took < 5
        assert rig.hits["loss"] >= 1


async def test_corrupt_replies_keep_their_length() -> None:
    """Bits differ on the way to the client, none on the way to the backend."""
    async with proxied(behavior="corrupt") as rig:
        client, server = await rig.pair()
        await client.send(b"request")
        assert await server.receive_exactly(7) == b"request"
        await server.send(b"a reply of some length")
        data = await client.receive_exactly(22)

        assert data != b"a reply of some length"


async def test_a_slow_accept_delays_the_backend_only() -> None:
    """The client is connected at once; its bytes arrive when the backend has been called."""
    async with proxied(behavior="slow_accept", handler={"slow_accept": {"delay": 0.3}}) as rig:
        loop = asyncio.get_running_loop()
        started = loop.time()
        client = await rig.connect()
        assert loop.time() - started < 0.1 + SLACK
        await client.send(b"hello")
        server = await rig.backend.accept()
        assert await server.receive_exactly(5) == b"hello"

        assert 0.299 <= loop.time() - started < 0.4 + SLACK


async def test_a_connection_can_be_cut_after_a_time() -> None:
    """Whatever passes meanwhile, half a second after its beginning both sides see the end."""
    async with proxied() as rig, echoing(rig):
        await rig.chain("truncate", bytes=0, after=0.5)
        loop = asyncio.get_running_loop()
        client = await rig.connect()
        started = loop.time()
        for _ in range(4):
            await client.send(b"ping")
            assert await client.receive_exactly(4) == b"ping"
            await asyncio.sleep(0.05)
        await client.expect_eof()

        assert 0.45 < loop.time() - started < 0.6 + SLACK


async def test_a_truncated_reply_behind_a_throttle_is_cut_to_the_byte() -> None:
    """Removing the throttle does not let more through than the limit."""
    async with proxied() as rig:
        name = await rig.chain("throttle", rate=1)
        await rig.chain("truncate", bytes=1000)
        client, server = await rig.pair()
        await server.send(bytes(5000))
        await client.receive_exactly(100)
        await rig.supervisor.remove_chain(None, name, ACTOR)

        assert len(await client.receive_all()) == 900


async def test_a_removed_fault_leaves_the_waits_of_others() -> None:
    """Of a slice and a throttle the throttle still paces what the slice has cut."""
    async with proxied() as rig:
        name = await rig.chain("slice", size=100, delay=10_000)
        await rig.chain("throttle", rate=5)
        client, server = await rig.pair()
        await server.send(bytes(1000))
        piece = await client.receive()
        await rig.supervisor.remove_chain(None, name, ACTOR)
        _, took = await clocked(client, 1000 - len(piece))

        assert 0.15 < took < 0.3 + SLACK
