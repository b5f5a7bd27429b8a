"""Answers that go on until somebody leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from chaostui.api.streaming import Stream
from tests.wait import eventually

SCOPE: dict[str, Any] = {"type": "http"}


class Peer:
    """The other side of a stream: it takes pieces when it is told to, and leaves."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.reading = asyncio.Event()
        self.gone = asyncio.Event()

    async def send(self, message: Any) -> None:
        """Take a message, as soon as the peer reads."""
        await self.reading.wait()
        self.sent.append(message)

    async def receive(self) -> Any:
        """Say that the peer has gone, when it has."""
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def counting(made: list[int]) -> AsyncGenerator[bytes]:
    """Yield numbers without end, and note that this ended."""
    try:
        for i in range(1_000_000):
            made.append(i)
            yield b"%d" % i
            await asyncio.sleep(0)
    finally:
        made.append(-1)


def serve(made: list[int], peer: Peer) -> asyncio.Task[None]:
    """Send numbers without end."""
    stream = Stream(counting(made), "text/plain")
    return asyncio.create_task(stream(SCOPE, peer.receive, peer.send))


async def test_nothing_is_made_while_the_reader_is_behind() -> None:
    """A reader that stops reading stops the making, too: nothing piles up."""
    made: list[int] = []
    peer = Peer()
    peer.reading.set()
    serving = asyncio.create_task(
        Stream(counting(made), "text/plain")(SCOPE, peer.receive, peer.send)
    )
    await eventually(lambda: len(made) > 3)
    peer.reading.clear()
    await eventually(lambda: made[-1] >= len(peer.sent) - 1)
    stopped = len(made)
    for _ in range(50):
        await asyncio.sleep(0)

    assert len(made) - stopped <= 1

    peer.gone.set()
    await serving
    assert made[-1] == -1


async def test_the_generator_is_closed_when_the_reader_leaves() -> None:
    """What a stream holds is given back at once, even in the middle of a piece."""
    made: list[int] = []
    peer = Peer()
    peer.reading.set()
    serving = asyncio.create_task(
        Stream(counting(made), "text/plain")(SCOPE, peer.receive, peer.send)
    )
    await eventually(lambda: len(peer.sent) > 2)

    peer.gone.set()
    await serving

    assert made[-1] == -1
    assert peer.sent[0]["status"] == 200
    assert (b"content-type", b"text/plain; charset=utf-8") in peer.sent[0]["headers"]
    assert not [name for name, _ in peer.sent[0]["headers"] if name == b"content-length"]


async def test_a_generator_that_ends_ends_the_answer() -> None:
    """The last message says that no more comes."""

    async def two() -> AsyncGenerator[bytes]:
        yield b"a"
        yield b"b"

    peer = Peer()
    peer.reading.set()

    await Stream(two(), "text/plain")(SCOPE, peer.receive, peer.send)

    assert [message.get("more_body") for message in peer.sent] == [None, True, True, None]


async def test_a_generator_that_fails_fails_the_answer() -> None:
    """An error is not taken for the end."""

    async def bad() -> AsyncGenerator[bytes]:
        yield b"a"
        raise ValueError("no")

    peer = Peer()
    peer.reading.set()

    with pytest.raises(ExceptionGroup):
        await Stream(bad(), "text/plain")(SCOPE, peer.receive, peer.send)
