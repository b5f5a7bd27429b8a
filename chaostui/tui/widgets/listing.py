"""A list with a cursor: profiles, options, the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events

from chaostui.tui.keys import Commands, bindings
from chaostui.tui.widgets.lineview import Line, LineView, fit, on_cursor


@dataclass(frozen=True)
class Cell:
    """One cell of an entry: its text, width (0: the rest of the line) and ink."""

    text: str
    width: int = 0
    ink: str = "text"


Entry = Sequence[Cell]


class Listing(LineView, can_focus=True):
    """Entries of cells, one a line; the cursor says which one the keys mean."""

    BINDINGS: ClassVar = bindings("list")
    DEFAULT_CSS = "Listing { height: 1fr; border: round $chaos-dim; }"

    def __init__(self, *, id: str, title: str = "", empty: str = "", context: str = "") -> None:
        super().__init__(id=id)
        self.entries: Sequence[Entry] = ()
        self.title = title
        self.empty = empty
        self.at = 0
        self.CONTEXT = context  # type: ignore[misc]
        self._top = 0

    def show(
        self, entries: Sequence[Entry], title: str | None = None, *, last: bool = False
    ) -> None:
        """Show entries; ``last`` keeps the newest under the cursor if it was there."""
        was_last = self.at >= len(self.entries) - 1
        self.entries = entries
        self.title = self.title if title is None else title
        if last and was_last:
            self.at = len(entries) - 1
        self.at = max(0, min(self.at, len(entries) - 1))
        self.paint()

    def titles(self, width: int) -> tuple[str, str]:
        return f" {self.title} ", self._cut_off(width)

    def _cut_off(self, width: int) -> str:
        """The whole of what the line under the cursor shows only a part of."""
        left, cut = width - 2, list[str]()
        for cell in self.entries[self.at] if self.entries else ():
            room = min(cell.width - 1 if cell.width else left, left)
            if cell_len(cell.text.rstrip()) > room:
                cut.append(cell.text)
            left -= cell.width or left
        return f" {fit(' · '.join(cut), width - 4).rstrip()} " if cut else ""

    def draw(self, width: int, height: int) -> list[Line]:
        if not self.entries:
            return [[], [Segment(f"  {self.empty}", self.ink("dim"))]]
        self._top = max(0, min(self._top, self.at, len(self.entries) - height))
        self._top = max(self._top, self.at - height + 1)
        shown = self.entries[self._top : self._top + height]
        return [self._line(entry, self._top + n == self.at, width) for n, entry in enumerate(shown)]

    def _line(self, entry: Entry, at: bool, width: int) -> Line:
        marker = "> " if at and self.has_focus else "  "
        line = [Segment(marker, self.ink("accent"))]
        left = width - 2
        for cell in entry:
            room = min(cell.width or left, left)
            text = fit(cell.text.rstrip(), room - 1) + " " if cell.width and room > 1 else cell.text
            line.append(Segment(fit(text, room), self.ink(cell.ink)))
            left -= room
        return on_cursor(line, self.ink("cursor")) if at and self.has_focus else line

    def commands(self) -> Commands:
        """Moving the cursor."""
        return {"list.up": lambda _: self.move(-1), "list.down": lambda _: self.move(1)}

    def move(self, step: int) -> None:
        """Move the cursor by some entries."""
        self.at = max(0, min(len(self.entries) - 1, self.at + step))
        self.paint()
        self.ask("list.moved")

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click moves the cursor."""
        event.stop()
        self.focus()
        self.move(self._top + event.y - self.at)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        self.move(-3)
