"""Delays take what they say: never less, hardly more, in order, without limiting bandwidth."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Iterable

import pytest

from chaostui.actions import Action, Send, Wait, Wake
from chaostui.handler import Handler
from chaostui.protocol import Frame
from tests.engine.rig import catalog, digest_all, echoing, ping, proxied, send_pieces
from tests.tcp import Peer
from tests.wait import SLACK

STAMP = struct.Struct("d56x")


class Crumbs(Handler):
    """Passes 7 bytes at a time, the later ones a little later."""

    name = "crumbs"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        for number, at in enumerate(range(0, len(frame.data), 7)):
            yield Send(frame.data[at : at + 7], after=number % 3 * 0.001)


class Narrow(Handler):
    """Lets 64 KiB through, then stops reading for 20 ms."""

    name = "narrow"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        for at in range(0, len(frame.data), 65_536):
            yield Send(frame.data[at : at + 65_536])
            yield Wait(0.02)


class Late(Handler):
    """Says something 50 ms after the last bytes, unless more come."""

    name = "late"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(frame.data)
        yield Wake(0.05)

    def on_wake(self) -> Iterable[Action]:
        yield Send(b"!")


async def late_by(server: Peer, count: int, delay: float) -> list[float]:
    """How much later than ``delay`` stamped messages arrive, in seconds."""
    loop = asyncio.get_running_loop()
    late = []
    for _ in range(count):
        (sent,) = STAMP.unpack(await server.receive_exactly(STAMP.size))
        late.append(loop.time() - sent - delay)
    return late


@pytest.mark.parametrize("delay", [0.005, 0.1])
async def test_a_delay_is_never_early_and_seldom_late(delay: float) -> None:
    """B10: 1,000 stamped messages on 20 connections: none over 1 ms early, most on time.

    On time is what needs no longer than what passes beside it untouched, and then a timer.
    """
    loop = asyncio.get_running_loop()
    async with proxied() as rig:
        pairs = await rig.pairs(20)
        await rig.fault("delay", sleep=delay)
        await rig.add("untouched")
        beside = [await rig.pair("untouched") for _ in range(5)]
        timers: list[float] = []

        def ring(due: float) -> None:
            timers.append(loop.time() - due)

        async def send(client: Peer) -> None:
            for _ in range(50):
                sent = loop.time()
                await client.send(STAMP.pack(sent))
                loop.call_at(sent + delay, ring, sent + delay)
                await asyncio.sleep(0.02)

        sending = [asyncio.ensure_future(send(client)) for client, _ in pairs + beside]
        found = await asyncio.gather(
            *(late_by(server, 50, delay) for _, server in pairs),
            *(late_by(server, 50, 0) for _, server in beside),
        )
        await asyncio.gather(*sending)
        late = sorted(value for values in found[:20] for value in values)
        passing = sorted(value for values in found[20:] for value in values)
        timers.sort()
        slack = [
            passing[len(passing) * n // 100] + timers[len(timers) * n // 100] for n in (50, 98)
        ]

        assert late[0] >= -0.001
        assert late[500] <= slack[0] + 0.03
        assert late[980] <= slack[1] + 0.2
        measured = rig.stats.delay
        assert measured.count == 1000
        assert delay * 0.95 <= measured.p50 <= delay + slack[0] + 0.03


async def test_a_jittered_delay_keeps_the_order() -> None:
    """However unequal the delays, what was sent first arrives first."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.01, jitter=0.01, direction="both")
        sent = b"".join(b"%04d" % number for number in range(500))
        for at in range(0, len(sent), 4):
            await client.send(sent[at : at + 4])
            if at % 40 == 0:
                await asyncio.sleep(0.001)

        assert await server.receive_exactly(len(sent)) == sent


async def test_a_delay_passes_as_much_as_fits_into_it() -> None:
    """B10: with max_held of 8 MiB and 0.2 s, 32 MiB take little more than four delays."""
    async with proxied(max_held=8 << 20) as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.2)
        start = asyncio.get_running_loop().time()
        sizes = (1 << 18 for _ in range(128))
        sent, got = await asyncio.gather(
            send_pieces(client, sizes, random.Random(0)), digest_all(server)
        )

        assert got == sent
        # A delay that let one chunk wait for the next would take 128 delays and more: 25.6 s.
        assert asyncio.get_running_loop().time() - start < 12


async def test_delays_and_slices_add_up_and_never_mix_bytes() -> None:
    """B11: two delays and a handler that cuts bytes up: the sum of the delays, all in order."""
    async with proxied(known=catalog(Crumbs)) as rig, echoing(rig):
        for name, handler in (("one", "delay"), ("cut", "crumbs"), ("two", "delay")):
            options = {"sleep": 0.03} if handler == "delay" else {}
            await rig.chain(handler, name=name, direction="upstream", **options)
        client = await rig.connect()
        data = random.Random(0).randbytes(5000)

        times = sorted([await ping(client, data) for _ in range(5)])
        assert times[0] >= 0.059
        assert times[0] < 0.06 + SLACK


async def test_a_wait_slows_the_sender_and_loses_nothing() -> None:
    """64 KiB each 20 ms: 2 MiB take at least 32 waits, and arrive whole."""
    async with proxied(known=catalog(Narrow)) as rig:
        client, server = await rig.pair()
        await rig.mix("narrow")
        start = asyncio.get_running_loop().time()
        sizes = (1 << 16 for _ in range(32))
        sent, got = await asyncio.gather(
            send_pieces(client, sizes, random.Random(0)), digest_all(server)
        )

        assert got == sent
        assert asyncio.get_running_loop().time() - start >= 0.6


async def test_a_handler_is_woken_once_nothing_came_for_a_while() -> None:
    """Bytes that come in time push the waking off."""
    async with proxied(known=catalog(Late)) as rig:
        client, server = await rig.pair()
        await rig.chain("late", direction="upstream")
        for _ in range(5):
            await client.send(b"x")
            await asyncio.sleep(0.01)
        assert await server.receive_exactly(6) == b"xxxxx!"
        await client.send(b"y")

        assert await server.receive_exactly(2) == b"y!"


async def test_a_reply_is_timed_from_the_request_with_all_its_faults() -> None:
    """The proxy's own latency contains the delay, and none before there was one."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        for _ in range(20):
            await ping(client)
        assert rig.stats.latency.count == 20
        assert rig.stats.latency.p50 < 0.2
        await rig.fault("delay", sleep=0.25)
        for _ in range(2):
            await ping(client)

        assert rig.stats.latency.count == 22
        assert 0.24 <= rig.stats.latency.max < 0.25 + SLACK
