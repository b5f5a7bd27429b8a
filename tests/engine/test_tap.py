"""The payload of a connection, for those who look at it."""

from __future__ import annotations

import asyncio

from chaostui.engine.relay.tap import BUDGET, Payload
from tests.engine.rig import proxied


async def test_bytes_come_with_their_direction_and_offset() -> None:
    """Each direction counts its own bytes."""
    payload = Payload()

    payload.add("upstream", b"GET")
    payload.add("downstream", b"200")
    payload.add("upstream", b" /")

    seen = [(chunk.direction, chunk.offset, chunk.bytes) for chunk in await payload.take()]
    assert seen == [("upstream", 0, b"GET"), ("downstream", 0, b"200"), ("upstream", 3, b" /")]


async def test_a_slow_reader_finds_a_gap_and_not_more_than_the_budget() -> None:
    """What is over 256 KiB is forgotten, oldest first, and shows in the offsets."""
    payload = Payload()

    for _ in range(8):
        payload.add("upstream", bytes(BUDGET // 4))

    chunks = await payload.take()
    assert sum(len(chunk.bytes) for chunk in chunks) == BUDGET
    assert chunks[0].offset == BUDGET


async def test_a_chunk_larger_than_the_budget_keeps_its_end() -> None:
    """Of one big read the newest bytes are kept."""
    payload = Payload()

    payload.add("downstream", bytes(BUDGET) + b"tail")

    [chunk] = await payload.take()
    assert chunk.bytes.endswith(b"tail")
    assert (len(chunk.bytes), chunk.offset) == (BUDGET, 4)


async def test_a_reader_waits_for_bytes_and_ends_with_the_connection() -> None:
    """``take`` returns when something came, and nothing when all is over."""
    payload = Payload()
    taking = asyncio.ensure_future(payload.take())
    await asyncio.sleep(0)

    payload.add("upstream", b"x")

    assert [chunk.bytes for chunk in await taking] == [b"x"]
    payload.close()
    assert await payload.take() == []


def command(*words: bytes) -> bytes:
    """A command of Redis's as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


async def test_a_reader_who_comes_late_does_not_see_a_password() -> None:
    """The requests went by before anybody looked: their replies are hidden where they must be."""
    asked = command(b"GET", b"a") * 9 + command(b"CONFIG", b"GET", b"requirepass")
    secret = b"*2\r\n$11\r\nrequirepass\r\n$7\r\nhunter2\r\n"
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(asked + command(b"GET", b"b"))
        await server.receive_exactly(len(asked) + 20)
        payload = rig.supervisor.tap(rig.only.id)
        for data in (b"$5\r\nhello\r\n" * 9, secret[:20], secret[20:] + b"$3\r\nbye\r\n"):
            await server.send(data)
            assert await client.receive_exactly(len(data)) == data

        seen = b"".join(chunk.bytes for chunk in await payload.take())
        assert seen == b"$5\r\nhello\r\n" * 9 + b"*" * len(secret) + b"$3\r\nbye\r\n"
        rig.supervisor.untap(rig.only.id, payload)
