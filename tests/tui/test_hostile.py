"""Untrusted bytes can neither steer a terminal nor style a line, on whatever way they come."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import msgspec
import pytest

from chaostui.engine.views import ChainView
from tests.tui.console import Console, console
from tests.tui.fake import FakeEngine

HOSTILE = "\x1b]52;c;aGk=\x07\x1b]0;t\x07\x1b[6n\x9b31m\u202e\u2066[/][red]x\r\n"
VISIBLE = "\\x1b]52"
CONTROLS = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def assert_inert(shown: Console) -> None:
    """No character that steers a terminal is on the screen, nor an event handler of markup."""
    text = shown.text().replace("\n", "")
    bad = {f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in CONTROLS}

    assert bad == set()


def hostile_engine() -> FakeEngine:
    """An engine in which every name and text is hostile."""
    engine = FakeEngine(connections=12, behavior="20:delay", proxies=(HOSTILE, "b"))
    engine.handlers[-1] = HOSTILE
    engine.rows[0]["handler"] = len(engine.handlers) - 1
    chain = (ChainView(name=HOSTILE, handler=HOSTILE, direction="both", probability=1,
                       options={"kind": HOSTILE}),)  # fmt: skip
    first = msgspec.structs.replace(engine.engine.proxies[0], chain=chain, last_error=HOSTILE,
                                    listen=HOSTILE, backend=HOSTILE)  # fmt: skip
    engine.engine = msgspec.structs.replace(
        engine.engine, proxies=(first, *engine.engine.proxies[1:])
    )
    for row in engine.rows:
        row.update(client=HOSTILE, backend=HOSTILE, request=HOSTILE, pinned=HOSTILE)
    engine.payload = [{"direction": "upstream", "offset": 0, "bytes": HOSTILE.encode()}]
    engine.change(HOSTILE, "/proxies/b/mix", {"delay": 40})
    return engine


@pytest.mark.parametrize("keys", ["", "T", "E", "R", "O", "J", "v", "p v", "enter", "x", "n 0"])
async def test_every_screen_is_inert(keys: str) -> None:
    """Whatever screen is looked at, hostile names, requests and payload are written out."""
    async with console(hostile_engine(), size=(160, 48)) as shown:
        await shown.press(*keys.split())
        await shown.run(2)

        assert_inert(shown)
        if keys in ("", "E", "J", "enter"):
            assert VISIBLE in shown.text()


async def test_an_error_of_the_engine_is_inert() -> None:
    """What the engine says when it refuses is written out."""
    engine = FakeEngine()
    engine.refuse["PUT", "/proxies/redis/mix"] = HOSTILE
    async with console(engine) as shown:
        await shown.press("0")

        assert VISIBLE in shown.line(-1)
        assert_inert(shown)


async def test_a_lost_engine_is_told_inertly() -> None:
    """Why the engine is lost is written out."""
    async with console() as shown:
        shown.engine.gone = HOSTILE
        shown.engine.wake()
        await shown.until("ENGINE LOST")

        assert VISIBLE in shown.text()
        assert_inert(shown)


async def test_a_profile_with_a_hostile_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's name is written out, and what is wrong inside it too."""
    (tmp_path / "a\x1b]0;t\x07.toml").write_text("seed = '\x1b'")
    monkeypatch.chdir(tmp_path)
    async with console(profile="") as shown:
        await shown.press("R", "d")

        assert "\\x1b]0;t" in shown.text()
        assert_inert(shown)


async def test_what_somebody_typed_is_inert() -> None:
    """A note or a filter with controls in it is written out."""
    async with console() as shown:
        shown.table.set_filter(f'"{HOSTILE}"')
        shown.engine.change(HOSTILE, "/journal", {"note": HOSTILE}, "POST")
        await shown.settle()

        assert_inert(shown)
