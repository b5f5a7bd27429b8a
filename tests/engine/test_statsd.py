"""Counters by statsd: differences, once an interval, in packets that fit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from chaostui.engine.export.statsd import PACKET, Statsd, packets, plain
from chaostui.settings import StatsdSettings
from tests.engine.rig import Rig, echoing, ping, proxied


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A UDP socket that statsd packets can be sent to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


def statsd(rig: Rig, port: int = 8125) -> Statsd:
    """A sender that sends each 50 ms."""
    settings = StatsdSettings(host="127.0.0.1", port=port, interval=0.05)
    return Statsd(rig.supervisor.core, settings)


async def test_counters_arrive_as_differences(receiver: socket.socket) -> None:
    """What arrives, added up, is what was counted; the open connections are a gauge."""
    async with proxied(name="my proxy", behavior="delay") as rig, echoing(rig):
        await rig.fault("delay", sleep=0.001)
        sending = asyncio.ensure_future(statsd(rig, receiver.getsockname()[1]).run())
        client = await rig.connect()
        totals: dict[str, int] = {}
        gauges: set[str] = set()
        for _ in range(3):
            await ping(client)
            data = await asyncio.wait_for(
                asyncio.get_running_loop().sock_recv(receiver, 2000), timeout=2
            )
            for line in data.decode().splitlines():
                name, rest = line.split(":")
                value, kind = rest.split("|")
                if kind == "c":
                    totals[name] = totals.get(name, 0) + int(value)
                else:
                    gauges.add(line)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

        assert totals["vaurien.my_proxy.connections"] == 1
        assert totals["vaurien.my_proxy.exchanges"] in (2, 3)
        assert totals["vaurien.my_proxy.hits.delay"] in (2, 3)
        assert "vaurien.my_proxy.open:1|g" in gauges


async def test_nothing_new_is_not_sent_again() -> None:
    """A quiet interval has the gauge alone."""
    async with proxied() as rig, echoing(rig):
        sender = statsd(rig)
        await ping(await rig.connect())
        assert "vaurien.a.upstream:4|c" in sender.lines()

        assert sender.lines() == ["vaurien.a.open:1|g"]


async def test_a_proxy_that_was_made_anew_never_counts_backwards() -> None:
    """Removed and added again under its name, its counters start from zero."""
    async with proxied() as rig, echoing(rig):
        sender = statsd(rig)
        await rig.add("b")
        for _ in range(3):
            await ping(await rig.connect("b"))
        assert "vaurien.b.connections:3|c" in sender.lines()
        await rig.supervisor.remove_proxy("b", "test")
        await rig.add("b")
        await ping(await rig.connect("b"))

        assert "vaurien.b.connections:1|c" in sender.lines()


def test_names_are_fit_for_statsd() -> None:
    """Dots, colons and bars mean something there."""
    assert plain("10.0.0.1:80|c@host é") == "10_0_0_1_80_c_host__"


def test_packets_fit_the_network() -> None:
    """Lines are joined up to a packet's size, and none is lost or cut."""
    lines = [f"vaurien.proxy{number}.connections:{number}|c" for number in range(500)]
    sent = packets(lines)

    assert all(len(packet) <= PACKET for packet in sent)
    assert len(sent) < 20
    assert b"\n".join(sent).decode().splitlines() == lines


async def test_a_host_that_cannot_be_found_is_no_reason_to_fail() -> None:
    """Losing counters is not worth losing an engine."""
    async with proxied() as rig, echoing(rig):
        settings = StatsdSettings(host="name.invalid", interval=0.01)
        sending = asyncio.ensure_future(Statsd(rig.supervisor.core, settings).run())
        await ping(await rig.connect())
        await asyncio.sleep(0.1)
        sending.cancel()
        (told,) = await asyncio.gather(sending, return_exceptions=True)

        assert isinstance(told, asyncio.CancelledError)
