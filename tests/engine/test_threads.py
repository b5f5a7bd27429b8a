"""Threads for users' functions: few enough, and none is lost to a call that never returns."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from chaostui.engine.callables.threads import Threads
from tests.wait import eventually


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What calls wait for; opened at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


def nothing() -> None:
    """Return at once."""


async def test_further_calls_wait_their_turn(gate: threading.Event) -> None:
    """Of five calls two run at a time, all are made, and a line says that they wait."""
    threads, running, most = Threads(2), 0, 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait()
        with lock:
            running -= 1

    calls = [asyncio.ensure_future(threads.run(call)) for _ in range(5)]
    await eventually(lambda: running == 2)
    gate.set()
    await asyncio.gather(*calls)

    assert most == 2


class Listening(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def test_waiting_is_told_once(gate: threading.Event) -> None:
    """The log names the number of calls under way, however many wait."""
    threads, listening = Threads(1), Listening()
    logging.getLogger("chaostui.handler").addHandler(listening)
    try:
        calls = [asyncio.ensure_future(threads.run(gate.wait)) for _ in range(4)]
        await eventually(lambda: listening.lines)
        gate.set()
        await asyncio.gather(*calls)
    finally:
        logging.getLogger("chaostui.handler").removeHandler(listening)

    assert listening.lines == ["1 calls are under way in threads: further ones wait"]


async def test_a_call_that_never_returns_takes_no_place(gate: threading.Event) -> None:
    """Nobody waits for it any more: the next one, and one that waits already, are made."""
    threads, begun = Threads(1), threading.Event()

    def stuck() -> None:
        begun.set()
        gate.wait()

    for _ in range(3):
        begun.clear()
        first = asyncio.ensure_future(threads.run(stuck))
        await eventually(begun.is_set)
        waits = asyncio.ensure_future(threads.run(nothing))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(waits, 10)
        await asyncio.wait_for(threads.run(nothing), 10)


async def test_a_call_that_was_cancelled_while_it_waited_is_not_made(
    gate: threading.Event,
) -> None:
    """Its connection has gone before its turn came."""
    threads, made = Threads(1), []
    first = asyncio.ensure_future(threads.run(gate.wait))
    waits = asyncio.ensure_future(threads.run(lambda: made.append(1)))
    await asyncio.sleep(0)
    waits.cancel()
    gate.set()
    await first
    await threads.run(nothing)

    assert made == []
