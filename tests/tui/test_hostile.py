"""Untrusted bytes can neither steer a terminal nor style a line, on whatever way they come."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import tomlkit

from chaostui.wire.views import ChainView
from tests.tui.console import Console, console
from tests.tui.fake import FakeEngine
from tests.wait import eventually

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
        assert VISIBLE in shown.text()


async def test_an_error_of_the_engine_is_inert() -> None:
    """What the engine says when it refuses is written out."""
    engine = FakeEngine()
    engine.refuse["POST", "/reset"] = HOSTILE
    async with console(engine) as shown:
        await shown.press("0")

        assert VISIBLE in shown.said()
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
    async with console(FakeEngine(profile="")) as shown:
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


def storm_engine() -> FakeEngine:
    """An engine with a handler of a user's, whose name and help are hostile, in mix and chain."""
    engine = FakeEngine(connections=3)
    option = {"name": HOSTILE, "type": "string", "default": HOSTILE, "help": HOSTILE,
              "choices": [HOSTILE, "b"], "unit": HOSTILE}  # fmt: skip
    engine.catalogue = [
        {"name": HOSTILE, "aliases": [], "help": HOSTILE, "options": [option]},
        *engine.catalogue,
    ]
    entry = ChainView(name=HOSTILE, handler=HOSTILE, direction="both", probability=1,
                      options={HOSTILE: "b"})  # fmt: skip
    engine.put_chain(entry)
    for row in engine.rows:
        row.update(client=HOSTILE, request=HOSTILE)
    return engine


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ("2", VISIBLE),
        ("e", VISIBLE),
        ("e enter", "]52;c;aGk="),  # a line to type in takes no controls
        ("y", VISIBLE),
        ("s", VISIBLE),
        ("t", VISIBLE),
        ("R tab tab enter", VISIBLE),
    ],
)
async def test_a_users_handler_is_inert(keys: str, seen: str, size: tuple[int, int]) -> None:
    """Its name, help and options are written out in mix, settings, dialogs and chain."""
    async with console(storm_engine(), size=size) as shown:
        shown.session.select(HOSTILE)
        await shown.press(*keys.split())

        assert_inert(shown)
        assert seen in shown.text()


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("handler: solo \\x1b]52", "handler: solo \\x1b]52;c;aGk="),
        ("[red]", "\n  [red]\n"),
        ("\x1b]52;c;aGk=\x07\x1b]0;t\x07 4", "\n  ]52;c;aGk=]0;t 4\n"),
        ("x", f"handler: solo {VISIBLE}"),
    ],
)
async def test_the_palette_is_inert(typed: str, seen: str) -> None:
    """A handler's name neither steers nor styles the list of commands, nor what is typed."""
    async with console(storm_engine()) as shown:
        await shown.press("ctrl+p")
        await shown.type(typed)
        await eventually(lambda: not shown.app.screen._show_busy)  # type: ignore[attr-defined]
        await shown.settle()

        assert_inert(shown)
        assert seen in shown.text()


async def test_a_warning_is_inert() -> None:
    """What an engine warns of is written out, in the log and in the journal's export."""
    async with console() as shown:
        shown.engine.warn(HOSTILE)
        await shown.settle()

        assert VISIBLE in shown.text()
        assert_inert(shown)


async def test_a_profiles_texts_are_inert_in_the_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and values of a profile that was not written here are written out."""
    text = tomlkit.dumps({"proxy": [{"name": "redis", "backend": HOSTILE, HOSTILE: HOSTILE}]})
    (tmp_path / "a.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    async with console(FakeEngine(profile="a.toml")) as shown:
        await shown.press("R", "d")
        await shown.until("would change")

        assert shown.text().count(VISIBLE) >= 2
        assert_inert(shown)


async def test_what_is_copied_is_inert(copied: Callable[[], str]) -> None:
    """A client's bytes that are pasted into a shell press no keys there."""
    engine = storm_engine()
    engine.payload = [{"direction": "upstream", "offset": 0, "bytes": HOSTILE.encode()}]
    async with console(engine) as shown:
        await shown.press("p")
        for key in ("d", "q", "p"):
            await shown.press("y", key)
            text = copied()

            assert VISIBLE in text
            assert not any(unicodedata.category(c) in CONTROLS for c in text.replace("\n", ""))


@pytest.mark.parametrize("name", ["mix", "bypass", "a/mix", "../chain", "?", "%2F", HOSTILE])
async def test_a_chain_entry_of_any_name_is_changed(name: str) -> None:
    """No answer is understood by the end of its path: an entry may be called like one."""
    engine = FakeEngine()
    engine.put_chain(engine.entry("delay", name, probability=0.5), engine.entry("hang", "other"))
    async with console(engine) as shown:
        await shown.press("R", "tab", "tab", "plus", "minus", "minus", "x", "u")
        chain = engine.proxy().chain

        assert [(e.name, e.probability) for e in chain] == [(name, 0.45), ("other", 1.0)]
        assert shown.session.store.proxies[0].chain == chain
