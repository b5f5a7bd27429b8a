"""The watchdog: who blocks the loop is named while it still does."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable

import pytest

from chaostui.actions import Action
from chaostui.engine.observe.watchdog import BLOCKED
from chaostui.handler import Handler
from chaostui.protocol import Frame
from tests.engine.rig import catalog, proxied


class Sleepy(Handler):
    """Blocks the loop until the log says so."""

    name = "sleepy"
    said = threading.Event()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        self.said.wait(5 * BLOCKED)
        return super().on_data(frame)


class Listening(logging.Handler):
    """Lets the sleeper go when a line is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        Sleepy.said.set()


async def test_a_handler_that_blocks_is_named_with_its_line() -> None:
    """The log names the function, the file and the line, before the handler has come back."""
    listening = Listening()
    logging.getLogger("chaostui.loop").addHandler(listening)
    try:
        async with proxied(known=catalog(Sleepy), behavior="sleepy") as rig:
            client, server = await rig.pair()
            await client.send(b"ping")
            begun = time.monotonic()
            assert await server.receive() == b"ping"
            slept = time.monotonic() - begun
    finally:
        logging.getLogger("chaostui.loop").removeHandler(listening)

    (line,) = listening.lines
    place = f"{__file__}:{Sleepy.on_data.__code__.co_firstlineno + 1}"
    assert line.startswith(f"Sleepy.on_data at {place} has blocked the loop for ")
    assert slept < 5 * BLOCKED


async def test_a_loop_that_runs_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """An engine that waits for traffic says nothing, and its thread ends with it."""
    async with proxied():
        assert "chaostui watchdog" in {thread.name for thread in threading.enumerate()}
        await asyncio.sleep(0)

    assert "chaostui watchdog" not in {thread.name for thread in threading.enumerate()}
    assert not caplog.messages
