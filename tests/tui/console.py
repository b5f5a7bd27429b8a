"""The console under test: the app on the engine in memory, with a clock that stands still."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from chaostui.tui.app import ConsoleApp
from chaostui.tui.config import ConsoleConfig
from chaostui.tui.screens.base import Desk
from chaostui.tui.session import Session
from chaostui.tui.widgets.footer import FlashLine
from chaostui.tui.widgets.table import ConnectionsTable
from tests.tui.fake import FakeEngine
from tests.wait import eventually

# Pictures must not depend on where they are taken.
os.environ["TZ"] = "UTC"
time.tzset()


_NAMED = {
    "plus": "+", "minus": "-", "equals_sign": "=", "slash": "/", "backslash": "\\",
    "right_square_bracket": "]", "left_square_bracket": "[", "question_mark": "?", "colon": ":",
    "at": "@", "less_than_sign": "<", "greater_than_sign": ">", "space": " ",
}  # fmt: skip


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Console:
    """The app with its engine, and what a test does and sees."""

    def __init__(
        self, app: ConsoleApp, engine: FakeEngine, clock: Clock, pilot: Pilot[Any]
    ) -> None:
        self.app = app
        self.engine = engine
        self.clock = clock
        self.pilot = pilot

    @property
    def session(self) -> Session:
        """The console's session."""
        return self.app.desk.session

    @property
    def table(self) -> ConnectionsTable:
        """The table of connections."""
        return self.app.screen.query_one(ConnectionsTable)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each fully worked off, long after any dialog."""
        for key in keys:
            self.clock.now += 1.0
            await self.press_at_once(key)

    async def press_at_once(self, key: str) -> None:
        """Press a key without letting time pass before it."""
        character = key if len(key) == 1 else _NAMED.get(key)
        event = events.Key(key, character)
        event.set_sender(self.app)
        assert self.app._driver is not None
        self.app._driver.send_message(event)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type into the focused line."""
        line = self.app.focused
        assert isinstance(line, Input)
        line.value = text
        await self.settle()

    async def settle(self) -> None:
        """Let messages be worked off, requests be answered, and a frame come."""
        await self._work()
        if self.engine.gate is None:
            await eventually(lambda: not self.session.outbox._waiting)
        if not self.engine.gone:
            await self.frame()
        await self._work()

    async def frame(self) -> None:
        """Let one frame come."""
        await eventually(lambda: self.session.store.seq == self.engine.seq)
        before = self.session.store.seq
        self.engine.wake()
        await eventually(lambda: self.session.store.seq > before)

    async def _work(self) -> None:
        """Let messages go from widget to screen to app and back."""
        for _ in range(5):
            await self.pilot._wait_for_screen()

    async def run(self, seconds: float) -> None:
        """Let the engine run for a while, in half seconds."""
        for _ in range(int(seconds * 2)):
            self.engine.step()
            await self.frame()
        await self._work()

    async def later(self) -> None:
        """Let the last message in the footer go."""
        self.clock.now += 10.0
        await self.settle()

    async def stop_blinking(self) -> None:
        """Leave the cursor of every line where it is, visible."""
        for line in self.app.screen.query(Input):
            line.cursor_blink = False
            line._cursor_visible = True
        await self._work()

    async def until(self, words: str) -> None:
        """Wait for some words on the screen."""
        await eventually(lambda: words in self.text(), what=words)

    def text(self) -> str:
        """The screen as lines of text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    def said(self) -> str:
        """What the console says of the last thing that happened, as it can be read."""
        flash = self.app.screen.query_one(FlashLine)
        lines = self.text().split("\n")
        top = flash.region.y
        shown = lines[top : top + flash.region.height] if flash.display else []
        return " ".join(line.strip() for line in shown)

    def line(self, number: int) -> str:
        """One line of the screen; -1 is the footer."""
        return self.text().split("\n")[number]


@asynccontextmanager
async def console(
    engine: FakeEngine | None = None,
    *,
    size: tuple[int, int] = (120, 36),
    theme: str = "chaos",
    seconds: float = 3.0,
    config: ConsoleConfig | None = None,
    greeting: str = "",
) -> AsyncIterator[Console]:
    """Run the console on an engine, after some seconds of traffic."""
    engine = engine or FakeEngine()
    clock = Clock()
    desk = Desk(
        session=Session(engine, clock=clock),
        config=config or ConsoleConfig(theme=theme, glyphs="unicode"),
        owned=True,
        greeting=greeting,
    )
    app = ConsoleApp(desk)
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        shown = Console(app, engine, clock, pilot)
        await shown.settle()
        await shown.run(seconds)
        clock.now += 2.0  # rows are sorted anew, by what they are now
        await shown.settle()
        yield shown
