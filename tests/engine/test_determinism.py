"""The same seed makes the same decisions, whatever the timing and the company."""

from __future__ import annotations

import asyncio
import random

from chaostui.events import Injected
from tests.engine.rig import Rig, proxied
from tests.tcp import Peer

REQUEST = b"GET /%03d HTTP/1.1\r\nHost: test\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%03d"
REQUESTS = 500


async def answer(server: Peer, count: int) -> None:
    """Answer so many requests of equal length."""
    for number in range(count):
        await server.receive_exactly(len(REQUEST % 0))
        await server.send(REPLY % number)


async def ask(client: Peer, at_once: int, dice: random.Random) -> None:
    """Send all requests, ``at_once`` of them before their replies, now and then with a pause."""
    for number in range(0, REQUESTS, at_once):
        requests = b"".join(REQUEST % n for n in range(number, number + at_once))
        cut = dice.randrange(len(requests))
        await client.send(requests[:cut])
        if dice.random() < 0.1:
            await asyncio.sleep(0.001)
        await client.send(requests[cut:])
        for n in range(number, number + at_once):
            assert await client.receive_exactly(len(REPLY % 0)) == REPLY % n


def hit(rig: Rig, connection: int = 1) -> list[int]:
    """The numbers of the requests that were hit."""
    return [event.exchange for event in rig.events(Injected) if event.connection == connection]


async def hit_requests(seed: int, at_once: int = 1, *, company: bool = False) -> list[int]:
    """Run all requests on one connection through ``20:delay``; which of them were hit?"""
    async with proxied(
        seed=seed, protocol="http", behavior="20:delay", handler={"delay": {"sleep": 0.001}}
    ) as rig:
        client, server = await rig.pair()
        tasks = [ask(client, at_once, random.Random(at_once)), answer(server, REQUESTS)]
        if company:
            other, across = await rig.pair()
            tasks += [ask(other, 5, random.Random(0)), answer(across, REQUESTS)]
        await asyncio.gather(*tasks)
        return hit(rig)


async def test_two_runs_hit_the_same_requests() -> None:
    """B14: seed 7, 500 requests of one connection: the same are hit again, about 20 %."""
    first = await hit_requests(7)

    assert await hit_requests(7) == first
    assert 0.17 <= len(first) / REQUESTS <= 0.23


async def test_pipelining_pauses_and_company_change_nothing() -> None:
    """The same requests are hit when ten go at once, and beside another connection."""
    first = await hit_requests(7)

    assert await hit_requests(7, at_once=10) == first
    assert await hit_requests(7, at_once=4, company=True) == first


async def test_another_seed_hits_other_requests() -> None:
    """What is hit depends on the seed."""
    assert await hit_requests(7) != await hit_requests(8)


async def test_connections_are_told_apart_by_their_number_alone() -> None:
    """The third connection of a proxy is dealt the same whenever it comes."""

    async def third(pause: float) -> list[int]:
        async with proxied(behavior="30:delay", handler={"delay": {"sleep": 0.001}}) as rig:
            for _ in range(3):
                client, server = await rig.pair()
                await asyncio.sleep(pause)
            for _ in range(100):
                await client.send(b"x")
                await server.receive_exactly(1)
                await server.send(b"y")
                await client.receive_exactly(1)
            return hit(rig, connection=3)

    first = await third(0)
    assert first == await third(0.003)
    assert 15 <= len(first) <= 45


async def test_chances_of_a_chain_are_the_same_in_two_runs() -> None:
    """Entries of a chain roll their own dice, by their name."""

    async def hits() -> list[tuple[int, int]]:
        async with proxied() as rig:
            await rig.chain("delay", name="one", probability=0.3, sleep=0.001)
            for _ in range(60):
                client, server = await rig.pair()
                await client.send(b"x")
                await server.receive_exactly(1)
                await server.send(b"y")
                await client.receive_exactly(1)
            return [(event.connection, event.exchange) for event in rig.events(Injected)]

    first = await hits()
    assert await hits() == first
    assert 8 <= len(first) <= 30


async def test_random_delays_are_the_same_in_two_runs() -> None:
    """A handler's own dice are seeded too: the same jitter for the same request."""

    async def whats() -> list[str]:
        async with proxied(
            behavior="delay", handler={"delay": {"sleep": 0.002, "jitter": 0.002}}
        ) as rig:
            client, server = await rig.pair()
            for _ in range(50):
                await client.send(b"x")
                await server.receive_exactly(1)
                await server.send(b"y")
                await client.receive_exactly(1)
            return [event.what for event in rig.events(Injected)]

    first = await whats()
    assert await whats() == first
    assert len(set(first)) > 2
