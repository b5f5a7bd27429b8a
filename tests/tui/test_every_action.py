"""Every action of the table, run by its name in the palette and by each of its keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.command import Command, CommandList
from textual.widgets import Input

from chaostui.tui.actions import ACTIONS, Action
from tests.tui.console import Console, console
from tests.tui.fake import FakeEngine
from tests.tui.pictures import PAYLOAD, PROFILE
from tests.wait import eventually

Keys = tuple[str, ...]

PANES = {
    "mix": "#mix",
    "settings": "#settings",
    "events": "#events",
    "stream": "#stream",
    "chain": "#chain",
}
"""Contexts that are panes."""
SCREENS = {
    "timeline": "T",
    "rules": "R",
    "options": "O",
    "journal": "J",
    "list": "O",
    "chain": "R",
    "proxies": "P",
}


@dataclass(frozen=True)
class Case:
    """What an action needs: keys before it, and what its dialog is told."""

    before: Keys = ()
    typed: str = ""
    after: Keys = ()


CASES = {
    "fault.toggle 1": Case(after=("1",)),
    "fault.solo": Case(after=("s",)),
    "fault.freeze": Case(after=("F",)),
    "fault.weight": Case(typed="delay 40", after=("enter",)),
    "fault.timed": Case(typed="10s", after=("enter",)),
    "fault.undo": Case(before=("0",)),
    "fault.redo": Case(before=("0", "u")),
    "handler.set": Case(typed="delay sleep 20ms", after=("enter",)),
    "settings.up": Case(before=("e", "down")),
    "settings.exact": Case(typed="20ms", after=("enter",)),
    "settings.default": Case(before=("e", "right")),
    "connections.up": Case(before=("j", "j")),
    "connections.top": Case(before=("G",)),
    "connections.page-up": Case(before=("G",)),
    "connections.pin-all": Case(after=("A",)),
    "connections.reset": Case(after=("x",)),
    "connections.reset-all": Case(after=("X",)),
    "stream.direction": Case(before=("v",)),
    "view.back": Case(before=("tab",)),
    "journal.mark": Case(typed="hi", after=("enter",)),
    "copy.text": Case(before=("v", "p")),
    "copy.hex": Case(before=("v", "p")),
    "screen.live": Case(before=("J",)),
    "timeline.fit": Case(before=("minus",)),
    "timeline.in": Case(before=("minus",)),
    "list.up": Case(before=("down", "down")),
    "rules.load": Case(after=("enter",)),
    "rules.save-as": Case(typed="new.toml", after=("enter",)),
    "chain.add": Case(typed="corrupt upstream 40% rate=0.5", after=("enter",)),
    "chain.edit": Case(after=("enter", "7", "enter")),
    "chain.earlier": Case(before=("down",)),
    "proxy.add": Case(typed="", after=("enter",)),
    "proxies.add": Case(typed="", after=("enter",)),
    "proxy.edit": Case(after=("down", "x", "colon", "1", "enter")),
    "proxy.remove": Case(after=("x",)),
    "options.edit": Case(typed="other.local:6379", after=("enter",)),
}
ALONE = Case()

UNSEEN = {"help.suspend"}
"""What shows in a terminal with a shell alone."""


async def reach(shown: Console, action: Action, case: Case) -> None:
    """Go to where the action works."""
    if action.context in SCREENS:
        await shown.press(SCREENS[action.context])
    if action.context in PANES:
        shown.app.screen.query_one(PANES[action.context]).focus()
    await shown.press(*case.before)
    if action.id == "connections.clear-filter":
        shown.table.set_filter("id<3")
    if action.id == "options.edit":
        await shown.press("slash")
        await shown.type("backend")
        await shown.press("enter")
    if action.context in PANES:
        shown.app.screen.query_one(PANES[action.context]).focus()
    if action.id in ("events.down", "events.page-down", "events.bottom"):
        await shown.press("g")
    if case.before:
        await shown.later()


async def choose(shown: Console, title: str) -> None:
    """Find a command in the palette by its whole name, and run it."""
    await shown.press("ctrl+p")
    await shown.type(title)
    found = shown.app.screen.query_one(CommandList)

    def there() -> bool:
        for at, option in enumerate(found.options):
            assert isinstance(option, Command)
            if str(option.hit.text) == title:
                found.highlighted = at
                return True
        return False

    await eventually(there, what=title)
    await shown.press("enter")


def seen(shown: Console) -> tuple[Any, ...]:
    """Everything that an operator could notice, colours included."""
    strips = shown.app.screen._compositor.render_strips()
    focus = shown.app.focused
    return [list(strip) for strip in strips], focus and focus.id, shown.app._exit, shown.app.theme


def bare(path: str) -> str:
    """A path without its query."""
    return path.partition("?")[0]


WAYS = [(a, way) for a in ACTIONS if a.id not in UNSEEN for way in (a.palette, *a.keys)]


@pytest.mark.parametrize(("action", "way"), WAYS, ids=[f"{a.id} {way}" for a, way in WAYS])
async def test_an_action_does_what_it_names(
    action: Action, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An action shows that it was done, and makes the very request that the table names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "redis-flaky.toml").write_text(PROFILE)
    case = CASES.get(f"{action.id} {way}") or CASES.get(action.id, ALONE)
    proxies = ("redis", "mysql") if action.context == "view" else ("redis",)
    engine = FakeEngine(proxies=proxies)
    engine.payload = [{"direction": d, "offset": at, "bytes": data} for d, at, data in PAYLOAD]
    if action.context == "chain":
        engine.put_chain(engine.entry("delay", probability=0.5, sleep=0.2), engine.entry("corrupt"))
    async with console(engine, seconds=1.0) as shown:
        await reach(shown, action, case)
        if way == action.palette:
            await shown.press("ctrl+p", "escape")
        before = seen(shown)
        engine.requests.clear()
        engine.reads.clear()
        if way == action.palette:
            await choose(shown, way)
        else:
            await shown.press(way)
        if case.typed and isinstance(shown.app.focused, Input):
            await shown.type(case.typed)
        await shown.press(*case.after)
        await eventually(lambda: engine.requests or seen(shown) != before, what=action.help)
        if action.request:
            method, path = action.request.split(" ", 1)
            wanted = re.sub(r"\\{\w+\\}", "[^/?]+", re.escape(path))
            await eventually(lambda: any(
                made == method and re.fullmatch(wanted, asked if "?" in path else bare(asked))
                for made, asked in [*((m, p) for m, p, _ in engine.requests), *engine.reads]
            ), what=f"{action.request} in {engine.requests or engine.reads}")  # fmt: skip
