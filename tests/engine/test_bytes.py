"""No byte is lost, changed or reordered, whatever its size, speed and company."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator

import pytest
import uvloop
from hypothesis import given, settings, strategies as st

from tests.engine.rig import Rig, digest_all, echoing, ping, proxied, send_pieces
from tests.wait import SOON

MIB = 1 << 20
BULK = 1024 * MIB if os.environ.get("CHAOSTUI_SLOW") == "1" else 64 * MIB
"""Bytes each way; CHAOSTUI_SLOW=1 asks for a gigabyte."""


def random_sizes(dice: random.Random, total: int, most: int = 65_536) -> Iterator[int]:
    """Sizes of 1 to ``most`` that add up to ``total``."""
    while total:
        size = min(dice.randint(1, most), total)
        total -= size
        yield size


def even_sizes(total: int, size: int = 1 << 18) -> Iterator[int]:
    """Pieces of the same size that add up to ``total``."""
    return (size for _ in range(total // size))


async def exchange_bulk(rig: Rig, sizes: tuple[Iterator[int], Iterator[int]], seed: int) -> None:
    """Send both ways at once, each with its half-close, and compare what arrives."""
    client, server = await rig.pair()
    async with asyncio.timeout(240 if BULK > 64 * MIB else 50):
        sent_up, sent_down, got_up, got_down = await asyncio.gather(
            send_pieces(client, sizes[0], random.Random(seed), pause=0.002),
            send_pieces(server, sizes[1], random.Random(seed + 1), pause=0.002),
            digest_all(server),
            digest_all(client),
        )
    assert (got_up, got_down) == (sent_up, sent_down)


@pytest.mark.parametrize("seed", range(4))
async def test_random_pieces_arrive_whole_both_ways_and_count_no_fault(seed: int) -> None:
    """B01: pieces of 1 to 65,536 bytes with pauses arrive exactly, and no fault is counted."""
    async with proxied() as rig:
        dice = random.Random(seed)
        up, down = random_sizes(dice, 8 * MIB), random_sizes(random.Random(-seed), 8 * MIB)
        await exchange_bulk(rig, (up, down), seed)
        await rig.empty()

        assert rig.hits == {}
        assert (rig.stats.upstream, rig.stats.downstream) == (8 * MIB, 8 * MIB)


@settings(max_examples=15)
@given(up=st.lists(st.binary(max_size=3000)), down=st.lists(st.binary(max_size=3000)))
def test_any_two_streams_pass_any_protocol_as_they_are(up: list[bytes], down: list[bytes]) -> None:
    """Bytes that mean nothing pass exactly, also where the proxy expects another protocol."""

    async def pass_through(protocol: str) -> None:
        async with proxied(protocol=protocol) as rig:
            client, server = await rig.pair()
            for piece in up:
                await client.send(piece)
            client.half_close()
            assert await server.receive_all() == b"".join(up)
            for piece in down:
                await server.send(piece)
            server.half_close()
            assert await client.receive_all() == b"".join(down)

    for protocol in ("tcp", "http", "redis", "postgres"):
        uvloop.run(pass_through(protocol))


async def test_single_bytes_stay_in_order() -> None:
    """B02: 50,000 writes of one byte with TCP_NODELAY arrive in order."""
    async with proxied() as rig:
        client, server = await rig.pair()
        data = random.Random(0).randbytes(50_000)

        async def send() -> None:
            for byte in data:
                client.sock.send(bytes((byte,)))
                if byte < 8:
                    await asyncio.sleep(0)
            client.half_close()

        _, arrived = await asyncio.gather(send(), server.receive_all())
        assert arrived == data


@pytest.mark.parametrize("protocol", ["tcp", "http", "redis", "postgres"])
async def test_a_backend_may_speak_first(protocol: str) -> None:
    """B03: a greeting reaches the client before the client has sent anything."""
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        start = asyncio.get_running_loop().time()
        await server.send(b"220 welcome\r\n")

        assert await client.receive_exactly(13) == b"220 welcome\r\n"
        assert asyncio.get_running_loop().time() - start < SOON


async def test_what_a_client_sends_before_the_backend_is_dialled_arrives() -> None:
    """A client that sends a megabyte at once loses none of what came before the dial."""
    async with proxied() as rig:
        for _ in range(20):
            client = await rig.connect()
            sending = asyncio.ensure_future(client.send(b"0123456789abcdef" * 65_536))
            server = await rig.backend.accept()
            assert await server.receive_exactly(MIB) == b"0123456789abcdef" * 65_536
            await sending
            client.close()


@pytest.mark.timeout(300)
async def test_bulk_both_ways_has_the_same_digest() -> None:
    """A gigabyte each way (64 MiB by default) is the same at both ends."""
    async with proxied() as rig:
        await exchange_bulk(rig, (even_sizes(BULK), even_sizes(BULK)), seed=1)


@pytest.mark.timeout(300)
async def test_bulk_both_ways_survives_a_delay_switched_200_times() -> None:
    """The same while a delay of both directions is switched on and off 200 times meanwhile."""
    switches = 0

    def sizes() -> Iterator[int]:
        """The bulk, and more of it while switching is not over."""
        sent = 0
        while sent < BULK or switches < 200:
            yield 1 << 18
            sent += 1 << 18

    async with proxied() as rig:

        async def switch() -> None:
            nonlocal switches
            for switches in range(1, 201):
                if switches % 2:
                    await rig.fault("delay", sleep=0.005, direction="both")
                else:
                    await rig.mix("")
                await asyncio.sleep(0.003)

        switching = asyncio.ensure_future(switch())
        await rig.chain("delay", sleep=0.001, direction="both", probability=0.5)
        await exchange_bulk(rig, (sizes(), sizes()), seed=2)
        await switching

        assert rig.hits["delay"] > 0


async def test_a_delay_added_and_removed_in_a_loop_drops_no_counter() -> None:
    """T01 (Toxiproxy's TestNoDataDropped): 65,535 counters arrive in order, then the end."""
    counters = b"".join(number.to_bytes(2) for number in range(65_535))
    async with proxied() as rig:
        client, server = await rig.pair()
        done = False

        async def toggle() -> None:
            while not done:
                name = await rig.chain("delay", sleep=0.002, direction="upstream")
                await asyncio.sleep(0.001)
                await rig.supervisor.remove_chain(None, name, "test")
                await asyncio.sleep(0)

        async def send() -> None:
            for at in range(0, len(counters), 2):
                client.sock.send(counters[at : at + 2])
                if not at % 256:
                    await asyncio.sleep(0.001)
            client.half_close()

        toggling = asyncio.ensure_future(toggle())
        _, arrived = await asyncio.gather(send(), server.receive_all())
        done = True
        await toggling
        assert arrived == counters


async def test_pings_stay_whole_while_handlers_come_and_go() -> None:
    """TestToxicAddRemove: every echo comes back while mixes change under it."""
    mixes = ["delay", "", "50:delay,50:hang", "hang", "", "20:delay"]
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        for number in range(120):
            asked = asyncio.ensure_future(ping(client, b"%06d" % number))
            await asyncio.sleep(0.001)
            await rig.mix(mixes[number % len(mixes)], delay={"sleep": 0.003})
            await asyncio.sleep(0.001)
            await rig.mix("")
            await asked
