"""ASCII in place of glyphs: wherever something is drawn, and where it is chosen by itself."""

from __future__ import annotations

import pytest

from chaostui.tui.config import ConsoleConfig
from tests.tui.console import Console, console
from tests.tui.fake import FakeEngine
from tests.tui.pictures import PAYLOAD
from tests.wait import eventually

ASCII = ConsoleConfig(glyphs="ascii")
WAYS = (
    (), ("b",), ("0",), ("slash",), ("v",), ("v", "p"), ("t",), ("y",), ("question_mark",), ("f1",),
    ("ctrl+p",), ("ctrl+o",), ("e",), ("enter", "p"), ("T",), ("E",), ("R", "d"), ("O",), ("J",),
)  # fmt: skip


def foreign(shown: Console) -> set[str]:
    """The characters of the screen that are not printable ASCII."""
    return {c for c in shown.text() if c != "\n" and not 0x20 <= ord(c) <= 0x7E}


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (160, 48)])
async def test_every_screen_is_ascii(size: tuple[int, int]) -> None:
    """Screens, dialogs and Textual's own palette: nothing outside of printable ASCII is drawn."""
    engine = FakeEngine(proxies=("grüße", "b"), profile="größe.toml")
    engine.payload = [{"direction": d, "offset": at, "bytes": data} for d, at, data in PAYLOAD]
    async with console(engine, size=size, config=ASCII) as shown:
        for keys in WAYS:
            await shown.press(*keys)
            await eventually(lambda: shown.text().strip(), what=f"a picture of {keys}")

            assert (keys, foreign(shown)) == (keys, set())
            await shown.press("escape", "escape", "L")


async def test_the_timeline_tells_handlers_apart_without_colour() -> None:
    """Its stacks are made of the handlers' own glyphs, where colour says nothing."""
    async with console(config=ASCII) as shown:
        await shown.press("T")

        assert "@@@" in shown.text()


async def test_glyphs_are_switched_while_it_runs() -> None:
    """``view: glyphs`` draws this screen and all others in ASCII, and in glyphs again."""
    async with console(config=ConsoleConfig(glyphs="unicode")) as shown:
        await shown.press("T", "L")
        before = foreign(shown)
        shown.app._commands["view.glyphs"]("")
        await shown.settle()
        live = foreign(shown)
        await shown.press("T")
        timeline = foreign(shown)
        shown.app._commands["view.glyphs"]("")
        await shown.settle()

        assert {"●", "╭"} <= before
        assert (live, timeline) == (set(), set())
        assert "╭" in foreign(shown)
