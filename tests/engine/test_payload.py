"""The payload of a connection, for those who look at it."""

from __future__ import annotations

import asyncio

from chaostui.engine.payload import BUDGET, Payload


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
