"""Profiles: which there are, what loading one would change, load and save; and the chains."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from chaostui.client import calls
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model.changes import Call, Change, Step
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.widgets.chainlist import ChainList
from chaostui.tui.widgets.listing import Cell, Entry, Listing
from chaostui.tui.work import start
from chaostui.wire.shapes import Difference

OWNERS = ("control", "log_output")
"""What only the start of an engine can set; loading a profile leaves it as it is."""
MOST = 500
"""So many profiles of a folder are listed."""


class RulesScreen(ConsoleScreen):
    """The profiles of a folder, and the difference between the selected one and what runs."""

    BINDINGS: ClassVar = bindings("rules")
    CONTEXT = "rules"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.profiles = Listing(
            id="profiles", title="Profiles", empty="no *.toml here: S saves one", context="rules"
        )
        self.diff = Listing(
            id="diff", title="Difference", empty="d compares the selected profile", context="rules"
        )
        self.chain = ChainList(self.session)
        self.paths: list[Path] = []
        self._loaded: Path | None = None
        """What was loaded last, where that is not the engine's own file."""

    def content(self) -> Iterable[Widget]:
        """Profiles, beside them the difference; the chains below both."""
        yield Vertical(Horizontal(self.profiles, self.diff, id="files"), self.chain)

    def on_mount(self) -> None:
        """The profiles have the focus."""
        self.profiles.focus()

    def on_screen_resume(self) -> None:
        """Look at the folder anew."""
        self.refresh_list()
        super().on_screen_resume()

    @property
    def own(self) -> Path | None:
        """The file that the engine was started with."""
        return Path(self.session.profile) if self.session.profile else None

    @property
    def selected(self) -> Path | None:
        """The profile under the cursor."""
        return self.paths[self.profiles.at] if self.paths else None

    def refresh_list(self) -> None:
        """List the folder."""
        own = self.own
        folder = Path(self.desk.config.profiles or (own.parent if own else "."))
        found = sorted(p for p in folder.glob("*.toml") if p.name != "pyproject.toml")[:MOST]
        if own is not None and own.exists() and own.absolute() not in map(Path.absolute, found):
            found.insert(0, own)
        self.paths = found
        entries = [
            (Cell("●" if own and path.absolute() == own.absolute() else " ", 2, "good"),
             Cell(safe_text(path.name, limit=60)))
            for path in found
        ]  # fmt: skip
        saves = f" · S saves to {own.name}" if own else " · W saves to a new file"
        title = f"Profiles in {safe_text(str(folder), limit=60)}{safe_text(saves, limit=60)}"
        self.profiles.show(entries, title)

    def commands(self) -> Commands:
        """Compare, load and save."""
        return {
            "rules.diff": lambda _: self.start(self._diff),
            "rules.load": self._ask_load,
            "rules.reload": lambda _: self._reload(),
            "rules.save": lambda _: self._ask_save(),
            "rules.save-as": lambda name: (
                self.start(partial(self._save_as, name)) if name else self.ask("ask.file")
            ),
            "list.moved": lambda _: self.start(self._diff),
            "view.back": lambda _: self.ask("screen.live"),
        }

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something that takes a moment; the newest request wins."""
        start(self, work, "rules")

    def _ask_load(self, name: str) -> None:
        path = Path(name) if name else self.selected
        if path is None:
            self.session.flash("there is no profile here", "warn")
        elif name or self.session.twice.confirmed(f"load {path}", self.session.clock()):
            self.start(partial(self._load, path))
        else:
            self.session.flash(
                f"press enter again to load {path.name}, any other key cancels", "warn"
            )

    def _reload(self) -> None:
        if self.own is None:
            self.session.flash("the engine was started without a profile", "warn")
        else:
            self.start(partial(self._load, self.own))

    def _ask_save(self) -> None:
        """What was loaded from another file would overwrite the engine's own one."""
        own, other = self.own, self._loaded
        asks = own is not None and other is not None
        if asks and not self.session.twice.confirmed("save", self.session.clock()):
            text = f"{other} was loaded: press S again to write what runs to {own} all the same"
            self.session.flash(text, "warn")
        else:
            self.start(self._save)

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            profile = tomllib.loads(path.read_text())
            return {key: value for key, value in profile.items() if key not in OWNERS}
        except (OSError, ValueError) as error:
            self.session.flash(f"{path.name}: {error}", "bad")
            return None

    async def _diff(self) -> None:
        path = self.selected
        profile = self._read(path) if path is not None else None
        if path is None or profile is None:
            return
        try:
            answer = await self.session.link.do(calls.diff_profile(profile))
        except (ChaosError, OSError) as error:
            text = safe_text(str(error), limit=300)
            self.diff.show([(Cell(text, 0, "bad"),)], f"{path.name} cannot be used")
            return
        entries = [entry for change in answer for entry in _difference(change)]
        title = f"Loading {safe_text(path.name, limit=40)} would change"
        empty = [(Cell("no difference: this is what runs", 0, "good"),)]
        self.diff.show(entries or empty, title if entries else safe_text(path.name, limit=40))

    async def _load(self, path: Path) -> None:
        profile = self._read(path)
        if profile is None:
            return
        try:
            before = await self.session.link.do(calls.profile())
        except (ChaosError, OSError) as error:
            self.session.flash(f"{path.name}: {error}", "bad")
            return
        back = {key: value for key, value in before.items() if key not in OWNERS}
        step = Step(
            Call(calls.apply_profile(profile), take=self._taken(path)),
            (Call(calls.apply_profile(back), take=self._taken(self._loaded)),),
        )
        self.session.apply(Change(f"{path.name} loaded", (step,)))
        self.tick()

    def _taken(self, path: Path | None) -> Callable[[object, object], None]:
        """What is done once the profile of that file is in force."""

        def take(known: object, answer: object) -> None:
            own = self.own
            is_own = path is None or (own is not None and path.absolute() == own.absolute())
            self._loaded = None if is_own else path
            self.start(self._diff)

        return take

    async def _save(self) -> None:
        try:
            answer = await self.session.link.do(calls.save_profile())
        except (ChaosError, OSError) as error:
            self.session.flash(f"not saved: {error} · W saves to a new file", "bad")
        else:
            self.session.saved()
            self._loaded = None
            self.session.flash(f"saved to {answer}, comments kept", "good")
        self.tick()

    async def _save_as(self, name: str) -> None:
        path = Path(name)
        try:
            text = await self.session.link.do(calls.profile_toml())
            await asyncio.to_thread(_write_new, path, text)
        except FileExistsError:
            self.session.flash(f"{path} exists: choose another name", "bad")
        except (ChaosError, OSError) as error:
            self.session.flash(f"not saved: {error}", "bad")
        else:
            self.session.flash(f"saved to {path}", "good")
        self.refresh_list()
        self.tick()


def _write_new(path: Path, text: str) -> None:
    with path.open("x") as file:
        file.write(text)


def _difference(change: Difference) -> list[Entry]:
    """One changed value: its path, then what runs and what the profile says."""
    running, given = _value(change.running), _value(change.given)
    return [
        (Cell(safe_text(change.path, limit=80), 0, "title"),),
        (Cell("  - ", 4, "bad"), Cell(running, 0, "bad")),
        (Cell("  + ", 4, "good"), Cell(given, 0, "good")),
    ]


def _value(value: object) -> str:
    if value is None:
        return "absent"
    text = "nothing" if value in ("", [], {}) else str(value)
    return safe_text(text, limit=200)
