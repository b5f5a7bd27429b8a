"""Pipelines on which nothing acts are counted in runs, and nobody can tell."""

from __future__ import annotations

import random

import pytest

from chaostui.settings import Mix
from tests.engine.rig import ACTOR, Rig, proxied
from tests.wait import eventually


def command(*words: bytes) -> bytes:
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def commands(dice: random.Random, count: int) -> bytes:
    """Short and long commands, of few words and of many."""
    return b"".join(
        command(
            dice.choice([b"GET", b"SET", b"mget", b"X.Y"]),
            *(dice.randbytes(dice.choice([0, 1, 9, 30, 64, 65, 200])) for _ in range(words)),
        )
        for words in dice.choices(range(7), k=count)
    )


def values(dice: random.Random, count: int) -> bytes:
    """Replies of every kind."""
    kinds = [b"+OK\r\n", b":1\r\n", b"-ERR no\r\n", b"$-1\r\n", b"*1\r\n:1\r\n", b"$2\r\n\r\n\r\n"]
    long = b"$90\r\n" + b"\r\n" * 45 + b"\r\n"
    return b"".join(dice.choices([*kinds, long], k=count))


async def switch(rig: Rig, number: int) -> None:
    """Leave the quiet, or come back to it, in one of several ways."""
    rig.supervisor.bus.exchanges_wanted = int(number % 5 == 2)
    if number % 3 == 0:
        await rig.fault("delay", sleep=0.0001)
    elif number % 3 == 1:
        await rig.chain(
            "slice", name=f"slice {len(rig.supervisor.chain(None))}", size=50, probability=0.5
        )
    else:
        await rig.supervisor.set_mix(None, Mix(), ACTOR)
        for entry in rig.supervisor.chain(None):
            await rig.supervisor.remove_chain(None, entry.name, ACTOR)


@pytest.mark.parametrize("seed", range(4))
async def test_each_message_is_counted_while_faults_come_and_go(seed: int) -> None:
    """Pipelines cut anywhere, faults on and off in between: all bytes, each request and reply."""
    dice = random.Random(seed)
    asked = 0
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        for number in range(40):
            if dice.random() < 0.4:
                await switch(rig, 2 * number)
            count = dice.randrange(1, 40)
            asked += count
            for sender, receiver, data in (
                (client, server, commands(dice, count)),
                (server, client, values(dice, count)),
            ):
                place = dice.randrange(len(data) + 1)
                await sender.send(data[:place])
                if dice.random() < 0.2:
                    await switch(rig, 1000 * number + asked)
                await sender.send(data[place:])
                assert await receiver.receive_exactly(len(data)) == data
        rig.supervisor.bus.exchanges_wanted = 0

        assert rig.only.exchanges == rig.stats.exchanges == asked
        await eventually(lambda: rig.stats.latency.count == asked)
        assert rig.only.opaque == ""


async def test_a_fault_acts_on_each_of_a_pipeline_after_a_run() -> None:
    """The replies to a run are still due: errors made here wait for all of them."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        run = command(b"GET", b"a") * 20
        await client.send(run)
        assert await server.receive_exactly(len(run)) == run
        await rig.fault("errors", kind="err", every=2)
        await client.send(run)
        assert await server.receive_exactly(len(run) // 2) == run[: len(run) // 2]
        await server.send(b"+A\r\n" * 20 + b"+B\r\n" * 10)

        failing = b"+B\r\n-ERR internal error\r\n"
        expected = b"+A\r\n" * 20 + failing * 10
        assert await client.receive_exactly(len(expected)) == expected
        assert rig.hits == {"errors": 10}
        assert rig.stats.latency.count == 40


async def test_a_run_that_loses_the_frame_loses_no_byte() -> None:
    """Commands, then bytes that are none, in one piece; and the same of replies."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        sent = command(b"GET", b"a") * 20
        await client.send(sent)
        assert await server.receive_exactly(len(sent)) == sent
        answer = b"+OK\r\n" * 19 + b"nonsense\r\n" * 10
        await server.send(answer)
        assert await client.receive_exactly(len(answer)) == answer

        assert rig.only.opaque
        assert rig.stats.latency.count == 19
        await client.send(b"more")
        assert await server.receive_exactly(4) == b"more"


async def test_what_comes_before_the_backend_is_there_is_counted() -> None:
    """Requests that wait for the connection to the backend are requests like others."""
    async with proxied(protocol="redis") as rig:
        client = await rig.connect()
        sent = command(b"GET", b"a") * 20
        await client.send(sent)
        server = await rig.backend.accept()
        assert await server.receive_exactly(len(sent)) == sent
        await server.send(b"+OK\r\n" * 20)
        assert await client.receive_exactly(100) == b"+OK\r\n" * 20

        assert rig.stats.exchanges == rig.stats.latency.count == 20
        assert rig.only.request == "GET a"
