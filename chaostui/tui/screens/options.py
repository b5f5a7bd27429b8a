"""Every effective setting of the engine, of each proxy and of the console, with its origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.widget import Widget

from chaostui.client import calls
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures
from chaostui.tui.model.changes import Change, Step, put_proxy
from chaostui.tui.model.lines import Line
from chaostui.tui.model.origins import Setting, settings
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.widgets.bars import FilterBar
from chaostui.tui.widgets.listing import Cell, Listing
from chaostui.tui.work import start


class OptionsScreen(ConsoleScreen):
    """One line a setting: place, name, value, where it comes from, and what it means."""

    BINDINGS: ClassVar = bindings("options")
    CONTEXT = "options"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = Listing(id="options", title="Options", empty="asking …", context="options")
        self.bar = FilterBar(self._search)
        self._profile: dict[str, Any] = {}
        self._settings: list[Setting] = []
        self._word = ""
        self._revision: int | None = None
        """Of the engine whose settings are shown."""

    def content(self) -> Iterable[Widget]:
        """One list and its search."""
        yield self.list
        yield self.bar

    def on_mount(self) -> None:
        """The list has the focus."""
        self.list.focus()

    def on_screen_resume(self) -> None:
        """Ask anew."""
        self._revision = None
        super().on_screen_resume()

    def tick(self, lines: Sequence[Line] = ()) -> None:
        """Ask anew once somebody has changed something."""
        engine = self.session.store.engine
        if engine is not None and engine.revision != self._revision:
            self._revision = engine.revision
            start(self, self._learn, "options")
        super().tick(lines)

    def commands(self) -> Commands:
        """Search and edit."""
        return {
            "options.filter": lambda _: self.bar.open(self._word),
            "connections.filter": lambda _: self.bar.open(self._word),
            "options.edit": lambda _: self._edit(),
            "options.enter": self._typed,
            "view.back": lambda _: self.ask("screen.live"),
        }

    def on_filter_bar_closed(self) -> None:
        """Back to the list."""
        self.session.guard()
        self.list.focus()

    def _search(self, word: str) -> str:
        self._word = word
        self._show()
        return ""

    async def _learn(self) -> None:
        try:
            self._profile = await self.session.link.do(calls.profile())
        except (ChaosError, OSError) as error:
            self.session.flash(str(error), "bad")
        self._show()

    def _show(self) -> None:
        engine = self.session.store.engine
        found = settings(self._profile, engine, self.desk.config, self.session.profile)
        word = self._word.casefold()
        self._settings = [s for s in found if word in f"{s.place} {s.name} {s.help}".casefold()]
        entries = [
            (
                Cell(safe_text(s.place, limit=20), 16, "dim"),
                Cell(s.name, 22, "title" if s.editable else "text"),
                Cell(safe_text(s.value, limit=60), 28, "good" if s.origin != "default" else "text"),
                Cell(s.origin, 16, "warn" if s.origin != "default" else "dim"),
                Cell(safe_text(s.help, limit=120), 0, "dim"),
            )
            for s in self._settings
        ]
        shown = f"Options · {len(entries)} settings · bold ones can be edited"
        self.list.show(entries, shown)

    def _edit(self) -> None:
        chosen = self._settings[self.list.at] if self._settings else None
        if chosen is None or not chosen.editable:
            self.session.flash("this one is set at the start: change the profile", "warn")
        else:
            self.ask("ask.option", f"{chosen.name}\0{chosen.value}")

    def _typed(self, text: str) -> None:
        chosen = self._settings[self.list.at]
        try:
            value = chosen.read(text)
        except ValueError as error:
            self.session.flash(f"{chosen.name}: {error}", "bad")
            return
        do, back = (put_proxy(chosen.place, {chosen.name: each}) for each in (value, chosen.raw))
        label = f"{chosen.place}: {chosen.name} {chosen.value} → {text.strip() or figures.NONE}"
        self.session.apply(Change(label, (Step(do, (back,)),)))
