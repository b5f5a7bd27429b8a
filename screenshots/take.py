"""Takes the pictures of this folder, of a real engine with real traffic.

    pip install -e '.[test]' pillow     # and Redis, PostgreSQL, nginx, chromium and Fira Code
    python screenshots/take.py          # or: python screenshots/take.py filter light

Redis, PostgreSQL and nginx run on this machine, and clients with seeded dice use them through an
engine with a seed. Times are those of the machine, so no two pictures are alike to the letter.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.terminal_theme import DIMMED_MONOKAI, TerminalTheme

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from film import Film  # noqa: E402
from shop import Shop, clients, engine, servers  # noqa: E402

from chaostui.client import AsyncClient  # noqa: E402
from chaostui.tui.app import ConsoleApp  # noqa: E402
from chaostui.tui.config import ConsoleConfig  # noqa: E402
from chaostui.tui.link import connect  # noqa: E402
from chaostui.tui.screens.base import Desk  # noqa: E402
from chaostui.tui.session import Session  # noqa: E402
from tests.wait import eventually  # noqa: E402

ACTOR = "console ann@laptop 4711"
COLOURS = 128
"""A picture's palette; a console has fewer, and their edges are smooth with so many."""


class Shown:
    """A console on the engine, and what is done with it."""

    def __init__(self, app: ConsoleApp) -> None:
        self.app = app

    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    async def press(self, *keys: str) -> None:
        """Press keys as fingers do; a text of several letters is typed."""
        for key in keys:
            self.app.simulate_key(key)
            await asyncio.sleep(0.4)

    async def until(self, words: str) -> None:
        """Wait for some words on the screen."""
        await eventually(lambda: words in self.text(), within=60, what=words)

    async def without(self, words: str) -> None:
        """Wait until some words are gone."""
        await eventually(lambda: words not in self.text(), within=60, what=f"no {words}")


@contextlib.asynccontextmanager
async def console(
    endpoint: str, size: tuple[int, int], theme: str, profile: str
) -> AsyncIterator[Shown]:
    """Run a console of that size on the engine at ``endpoint``."""
    link = connect(endpoint, actor=ACTOR)
    config = ConsoleConfig(theme=theme, glyphs="unicode")
    app = ConsoleApp(Desk(session=Session(link, actor=ACTOR, profile=profile), config=config))
    app.animation_level = "none"
    async with app.run_test(size=size):
        shown = Shown(app)
        await shown.until("● live")
        yield shown
    await link.close()


Steps = Callable[[Shown], Awaitable[None]]


async def _flaky(shown: Shown) -> None:
    """On redis: a fifth late by a second, one in twenty an error."""
    await shown.press("n", "2", "3", "minus", "minus", "minus")
    await shown.until("FAULTS ON redis 25%")
    await shown.press("2", "2", "j", "j", "j")
    await asyncio.sleep(14)


async def _both(shown: Shown) -> None:
    await shown.press("n", "2", "n", "3", "minus", "minus", "N", "N")
    await shown.until("3 proxies")
    await shown.press("j", "j", "j")
    await asyncio.sleep(14)


async def _filter(shown: Shown) -> None:
    await _flaky(shown)
    await shown.press("slash", *"handler:delay -closed")
    await shown.until("enter keeps")
    await asyncio.sleep(1)


async def _detail(shown: Shown) -> None:
    await shown.press("n", "2", "3")
    await shown.until("FAULTS ON redis 40%")
    await shown.press("j", "enter")
    await shown.until("esc back")
    await shown.press("p", "v", "v")
    await asyncio.sleep(12)


async def _timeline(shown: Shown) -> None:
    await shown.press("n")
    for keys in (("2",), ("3",), ("plus", "plus"), ("0",), ("u", "u")):
        await shown.press(*keys)
        await asyncio.sleep(9)
    await shown.press("T")
    await asyncio.sleep(9)


async def _diff(shown: Shown) -> None:
    await shown.press("n", "2")
    await shown.until("FAULTS ON")
    await shown.press("R")
    await asyncio.sleep(1)
    await shown.press("k", "k", "j", "d")
    await shown.until("would change")
    await asyncio.sleep(9)


@dataclass(frozen=True)
class Picture:
    """One picture: its size and theme, and the steps that lead there."""

    name: str
    steps: Steps
    size: tuple[int, int] = (120, 36)
    theme: str = "chaos"


PICTURES = (
    Picture("main_120x36", _flaky),
    Picture("main_80x24", _flaky, size=(80, 24)),
    Picture("main_160x48", _both, size=(160, 48)),
    Picture("filter", _filter),
    Picture("detail_hex", _detail),
    Picture("timeline", _timeline),
    Picture("profile_diff", _diff),
    Picture("light", _flaky, theme="chaos-light"),
)
FILM = "press_2_then_0"
FRAME = 0.75
"""Seconds between two frames of it: what they cost is room."""


async def take(picture: Picture, endpoint: str) -> str:
    """Take one picture of the engine, which is normal before; the answer is an SVG."""
    api = endpoint.rpartition("/")[2]
    host, _, port = api.rpartition(":")
    async with AsyncClient(host, int(port), actor=ACTOR) as client:
        await client.reset()
    async with console(endpoint, picture.size, picture.theme, "checkout.toml") as shown:
        await asyncio.sleep(8)
        await picture.steps(shown)
        print(shown.text())
        return shown.app.export_screenshot(title="chaostui")


async def film(endpoint: str) -> str:
    """Press ``2``, see the delay, press ``0``."""
    async with console(endpoint, (100, 30), "chaos", "cache.toml") as shown:
        await asyncio.sleep(12)
        theme = shown.app.ansi_theme
        rolling = Film(theme)
        begun = time.monotonic()

        async def roll(seconds: float, key: str = "", text: str = "") -> None:
            rolling.say(time.monotonic() - begun if rolling.at else 0.0, key, text)
            if key:
                shown.app.simulate_key(key)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.sleep(FRAME)
                at = time.monotonic() - begun if rolling.at else 0.0
                rolling.add(at, shown.app.screen._compositor.render_strips())

        await roll(2.3, "", "All requests to Redis pass through as they are.")
        await roll(5.5, "2", "One request in five is now late by a second.")
        await roll(4, "0", "All is normal again.")
        return rolling.svg(round(time.monotonic() - begun + 0.5, 2))


def png(svg: str, path: Path) -> None:
    """Draw an SVG in its own size with Chromium, with a palette of its own."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    size = ",".join(str(math.ceil(float(number))) for number in found.groups())
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    with tempfile.TemporaryDirectory() as folder:
        drawn, source = Path(folder, "drawn.png"), Path(folder, "source.svg")
        source.write_text(svg)
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--force-device-scale-factor=1", f"--window-size={size}",
             "--default-background-color=00000000", f"--screenshot={drawn}", source.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        Image.open(drawn).quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


async def main(names: list[str]) -> None:
    """Take those that are named, or all of them."""
    wanted = [picture for picture in PICTURES if not names or picture.name in names]
    with tempfile.TemporaryDirectory() as name, servers() as shop:
        folder = Path(name)
        shop.write(folder)
        with contextlib.chdir(folder):
            if wanted:
                await _pictures(shop, folder, wanted)
            if not names or FILM in names:
                with engine(folder / "cache.toml") as endpoint:
                    async with clients(shop, cache=30):
                        (HERE / f"{FILM}.svg").write_text(await film(endpoint))
                        print(FILM)


async def _pictures(shop: Shop, folder: Path, wanted: list[Picture]) -> None:
    with engine(folder / "checkout.toml") as endpoint:
        async with clients(shop, cache=60, database=16, pages=24):
            await asyncio.sleep(5)  # until all of them have come
            for picture in wanted:
                svg = await take(picture, endpoint)
                await asyncio.to_thread(png, svg, HERE / f"{picture.name}.png")
                print(picture.name)


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    asyncio.run(main(sys.argv[1:]))
