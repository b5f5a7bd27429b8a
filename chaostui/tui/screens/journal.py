"""The journal: who changed what and when, the tester's markers, and its export."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from textual.widget import Widget

from chaostui.client import calls
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures
from chaostui.tui.model.export import journal_as_markdown
from chaostui.tui.model.lines import Line, line
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.widgets.listing import Cell, Entry, Listing
from chaostui.tui.work import start


class JournalScreen(ConsoleScreen):
    """Changes by whomever: this console, the API, a profile, a timer; oldest first."""

    BINDINGS: ClassVar = bindings("journal")
    CONTEXT = "journal"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = Listing(
            id="journal", title="Journal", empty="nothing was changed yet", context="journal"
        )
        self.entries: list[Mapping[str, Any]] = []

    def content(self) -> Iterable[Widget]:
        """One list."""
        yield self.list

    def on_mount(self) -> None:
        """The list has the focus."""
        self.list.focus()

    def on_screen_resume(self) -> None:
        """Ask anew."""
        super().on_screen_resume()
        start(self, self._learn, "journal")

    def tick(self, lines: Sequence[Line] = ()) -> None:
        """Somebody changed something: ask for it."""
        super().tick(lines)
        if any(entry.kind == "change" for entry in lines):
            start(self, self._learn, "journal")

    def commands(self) -> Commands:
        """Export."""
        return {
            "journal.export": lambda _: self._export(),
            "export.write": lambda _: self._export(),
            "view.back": lambda _: self.ask("screen.live"),
        }

    async def _learn(self) -> None:
        try:
            changes = await self.session.link.do(calls.journal())
            self.entries = [msgspec.to_builtins(change) for change in changes]
        except (ChaosError, OSError) as error:
            self.session.flash(str(error), "bad")
        number = figures.number(len(self.entries), "entry", "entries")
        title = f"Journal · {number} · w exports Markdown · m adds a marker"
        self.list.show([_entry(entry) for entry in self.entries], title, last=True)

    def _export(self) -> None:
        now = time.time()
        text = journal_as_markdown(self.entries, self.session.store.engine, now)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        path = Path(f"chaostui-journal-{stamp}.md")
        try:
            with path.open("x") as file:
                file.write(text)
        except OSError as error:
            self.session.flash(f"not written: {error}", "bad")
        else:
            self.session.flash(f"written to {path.absolute()}", "good")
        self.tick()


def _entry(entry: Mapping[str, Any]) -> Entry:
    happened = line(entry)
    who = safe_text(str(entry.get("actor", "")), limit=40)
    marker = "note" in entry.get("what", "") or "marker" in entry.get("what", "")
    return (
        Cell(happened.clock(), 14, "dim"),
        Cell(who, 28, "accent"),
        Cell(happened.proxy, 12, "dim"),
        Cell(happened.text.removeprefix(f"{who}: "), 0, "warn" if marker else "text"),
    )
