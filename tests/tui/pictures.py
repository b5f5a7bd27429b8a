"""The snapshots of the console: how each is made."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from textual.command import CommandList, CommandPalette

from chaostui.tui.config import ConsoleConfig
from chaostui.tui.widgets.chainlist import ChainList
from chaostui.tui.widgets.footer import FlashLine
from tests.tui.console import Console, console
from tests.tui.fake import FakeEngine
from tests.wait import eventually

PROFILE = """\
# A flaky cache for the checkout tests.
seed = 42

[[proxy]]
name = "redis"
listen = "127.0.0.1:16379"
backend = "cache0.local:6379"
protocol = "redis"
behavior = "30:delay,2:errors"      # the staging mix
"""

PAYLOAD = [
    ("upstream", 0, b"*3\r\n$3\r\nSET\r\n$7\r\nuser:42\r\n$5\r\nalice\r\n"),
    ("downstream", 0, b"+OK\r\n"),
    ("upstream", 36, b"*2\r\n$3\r\nGET\r\n$7\r\nuser:42\r\n"),
    ("downstream", 5, b"$5\r\nalice\r\n"),
    ("upstream", 62, b"*2\r\n$3\r\nGET\r\n$9\r\nsession:7\r\n"),
    ("downstream", 16, b"-LOADING Redis is loading the dataset in memory\r\n"),
]

Steps = Callable[[Console], Awaitable[None]]


def pressing(*keys: str) -> Steps:
    """Press keys."""

    async def steps(shown: Console) -> None:
        await shown.press(*keys)

    return steps


def filtering(text: str) -> Steps:
    """Type a filter."""

    async def steps(shown: Console) -> None:
        await shown.press("slash")
        await shown.type(text)
        await eventually(lambda: "enter keeps" in shown.text() or "✕ '" in shown.text())

    return steps


async def _frozen(shown: Console) -> None:
    await shown.press("space")
    await shown.run(4)
    shown.clock.now += 11
    await shown.settle()


async def _lost(shown: Console) -> None:
    shown.engine.gone = "no engine answers at unix:/run/user/1000/chaostui/1.sock: gone"
    shown.engine.wake()
    await shown.until("ENGINE LOST")


async def _detail(shown: Console) -> None:
    shown.engine.payload = [
        {"direction": direction, "offset": offset, "bytes": data, "at": 0.0}
        for direction, offset, data in PAYLOAD
    ]
    for handler in ("normal", "normal", "delay", "normal"):
        shown.engine.now += 0.4
        shown.engine.happen(3, handler)
    await shown.press("slash")
    await shown.type("id=3")
    await shown.press("enter", "enter", "p")
    await shown.until("73 65 73 73")
    for handler in ("normal", "delay", "normal", "errors"):
        shown.engine.now += 0.7
        shown.engine.happen(3, handler)
        await shown.frame()
    await shown.later()


async def _diff(shown: Console) -> None:
    await shown.press("R", "d")
    await shown.until("would change")
    await shown.later()


async def _timeline(shown: Console) -> None:
    for keys in (("2",), ("5",), ("plus", "plus"), ("0",), ("u",)):
        await shown.press(*keys)
        await shown.run(12)
    await shown.press("T")
    await shown.later()


async def _journal(shown: Console) -> None:
    shown.engine.change("test_checkout (pid 812)", "/proxies/redis/mix", {"delay": 40})
    await shown.press("m", *"deploy", "enter", "b", "J")
    await shown.until("bypass")
    await shown.later()


async def _chain(shown: Console) -> None:
    new = shown.engine.entry
    shown.engine.put_chain(
        new("delay", "lag", probability=0.5, sleep=0.2, jitter=0.05),
        new("corrupt", direction="upstream", probability=0.01),
        new("throttle", direction="both", rate=64),
    )
    await shown.press("R")
    shown.app.screen.query_one(ChainList).focus()
    await shown.press("down")
    await shown.later()


async def _palette(shown: Console) -> None:
    await shown.press("ctrl+p")
    await shown.type("delay 40")
    await shown.until("set delay weight 40%")
    palette = shown.app.screen
    assert isinstance(palette, CommandPalette)
    found = palette.query_one(CommandList)

    def settled() -> bool:
        whole = found.option_count == 1 and found.size.height == found.virtual_size.height == 2
        return whole and not palette._show_busy

    await eventually(settled, what="one command, and no more room than it needs")
    await shown.settle()


async def _nothing(shown: Console) -> None:
    await shown.settle()


@dataclass(frozen=True)
class Picture:
    """One picture: its size and theme, the traffic before it, and the steps that lead there."""

    name: str
    size: tuple[int, int] = (120, 36)
    theme: str = "chaos"
    steps: Steps = _nothing
    connections: int = 500
    proxies: tuple[str, ...] = ("redis",)
    no_color: bool = False
    glyphs: Literal["unicode", "ascii"] = "unicode"
    seconds: float = 20.0


PICTURES = (
    Picture("main_120x36", steps=pressing("j", "j", "j")),
    Picture("main_80x24", size=(80, 24), steps=pressing("j", "j", "j")),
    Picture("main_160x48", size=(160, 48), steps=pressing("j", "j", "j")),
    Picture("filter", steps=filtering("handler:delay rate>200k -closed")),
    Picture("detail_hex", steps=_detail),
    Picture("timeline", steps=_timeline),
    Picture("profile_diff", steps=_diff),
    Picture("light", theme="chaos-light", steps=pressing("j", "j", "j")),
    Picture("main_100x30", size=(100, 30)),
    Picture("main_60x15", size=(60, 15)),
    Picture("main_50x12", size=(50, 12)),
    Picture("mono", theme="chaos-mono"),
    Picture("colorblind", theme="chaos-colorblind"),
    Picture("no_color", no_color=True),
    Picture("ascii", glyphs="ascii"),
    Picture("timeline_mono", theme="chaos-mono", steps=_timeline),
    Picture("filter_invalid", steps=filtering("handler:delay bytes>many")),
    Picture("frozen", steps=_frozen),
    Picture("bypass", steps=pressing("b")),
    Picture("lost", steps=_lost),
    Picture("help", steps=pressing("question_mark")),
    Picture("chain", steps=_chain),
    Picture("palette", steps=_palette),
    Picture("copy", steps=pressing("y")),
    Picture("events", steps=pressing("E")),
    Picture("options", steps=pressing("O")),
    Picture("journal", steps=_journal),
    Picture("several", proxies=("redis", "mysql")),
    Picture("empty", connections=0),
    Picture("first_run", connections=0, proxies=()),
    Picture("proxies", steps=pressing("P"), size=(120, 36), proxies=("redis", "mysql")),
)


@contextlib.contextmanager
def _surroundings(picture: Picture, folder: Path):  # type: ignore[no-untyped-def]
    """A working directory with one profile, and NO_COLOR where it is wanted."""
    (folder / "redis-flaky.toml").write_text(PROFILE)
    before = os.environ.pop("NO_COLOR", None)
    if picture.no_color:
        os.environ["NO_COLOR"] = "1"
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        os.environ.pop("NO_COLOR", None)
        if before is not None:
            os.environ["NO_COLOR"] = before


async def take(picture: Picture, folder: Path) -> tuple[str, str]:
    """Take a picture in ``folder``: as SVG that is the same each time, and as text."""
    engine = FakeEngine(connections=picture.connections, proxies=picture.proxies)
    with _surroundings(picture, folder):
        async with console(
            engine, size=picture.size, seconds=picture.seconds,
            config=ConsoleConfig(theme=picture.theme, glyphs=picture.glyphs),
        ) as shown:  # fmt: skip
            await picture.steps(shown)
            for flash in shown.app.screen.query(FlashLine):
                flash.tick()  # what was said may be over since it was drawn last
            await shown.settle()
            await shown.stop_blinking()
            return stable(shown.app.export_screenshot(title="chaostui")), shown.text()


def stable(svg: str) -> str:
    """The same SVG without the random number in its class names."""
    return re.sub(r"terminal-\d+-", "terminal-0-", svg)
