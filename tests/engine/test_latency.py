"""Reply times: of the last seconds, by handler, of each connection, and told when slow."""

from __future__ import annotations

import asyncio

import pytest

from chaostui.engine.observe import stats
from chaostui.events import Exchanged
from tests.engine.rig import proxied
from tests.tcp import Peer

PROTOCOLS = {"tcp": (b"ping", b"pong"), "redis": (b"PING\r\n", b"+PONG\r\n")}


async def exchanged(client: Peer, server: Peer, protocol: str, after: float) -> None:
    """Ask, wait, answer."""
    request, reply = PROTOCOLS["redis"] if protocol == "redis" else PROTOCOLS["tcp"]
    await client.send(request)
    await server.receive_exactly(len(request))
    await asyncio.sleep(after)
    await server.send(reply)
    await client.receive_exactly(len(reply))


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
async def test_a_slow_exchange_is_an_event(protocol: str) -> None:
    """A reply that takes ``slow_reply`` is told of, though no fault hit and nobody asked."""
    async with proxied(protocol=protocol, slow_reply=0.15) as rig:
        client, server = await rig.pair()
        await exchanged(client, server, protocol, 0.0)
        await exchanged(client, server, protocol, 0.2)
        await exchanged(client, server, protocol, 0.0)

        (slow,) = rig.events(Exchanged)
        assert (slow.handler, slow.exchange, slow.slow) == ("normal", 2, True)
        assert slow.seconds >= 0.19  # timers may be a little early


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
async def test_with_zero_no_exchange_is_slow(protocol: str) -> None:
    """``slow_reply = 0`` tells of none."""
    async with proxied(protocol=protocol, slow_reply=0) as rig:
        client, server = await rig.pair()
        await exchanged(client, server, protocol, 0.05)

        assert rig.events(Exchanged) == []


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
async def test_a_connection_knows_its_latest_reply_time(protocol: str) -> None:
    """It is 0 before the first reply, then that of the newest."""
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        assert rig.only.reply == 0.0
        await exchanged(client, server, protocol, 0.5)
        assert rig.only.reply >= 0.49
        await exchanged(client, server, protocol, 0.0)
        assert rig.only.reply < 0.49


async def test_times_are_told_by_the_handler_of_the_exchange() -> None:
    """What delay holds back is in delay's times, and in none of normal's."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await exchanged(client, server, "tcp", 0.0)
        await rig.fault("delay", sleep=0.5)
        await exchanged(client, server, "tcp", 0.0)

        told = rig.stats.by_handler
        assert told["delay"].latency.p50 >= 0.47
        assert told["delay"].delay.p50 >= 0.47
        assert told["normal"].latency.max < 0.47
        assert rig.stats.latency.count == 2


async def test_percentiles_are_of_the_window_that_the_engine_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow reply leaves the percentiles when the window has passed; sums keep it."""
    monkeypatch.setattr(stats, "WINDOW", 0.2)
    monkeypatch.setattr(stats, "SLOT", 0.05)
    async with proxied() as rig:
        client, server = await rig.pair()
        await exchanged(client, server, "tcp", 0.1)
        assert rig.stats.latency.max >= 0.09
        async with asyncio.timeout(5):
            while rig.stats.latency.count:
                await asyncio.sleep(0.02)

        assert rig.stats.latency.total_count == 1
        assert rig.stats.latency_whole.max >= 0.09
    assert rig.supervisor.view().window == 10.0
