"""A pane that draws lines of text itself and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.content import Content
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chaostui.safe_text import safe_text
from chaostui.tui.keys import Keys
from chaostui.tui.model.glyphs import HUES, hue
from chaostui.tui.widgets.plain import Inert

_INKS = {
    "text": ("foreground", False),
    "dim": ("chaos-dim", False),
    "good": ("chaos-good", True),
    "warn": ("chaos-warn", True),
    "bad": ("chaos-bad", True),
    "up": ("chaos-up", False),
    "down": ("chaos-down", False),
    "accent": ("primary", True),
    "title": ("foreground", True),
    **{f"h{n}": (f"chaos-{n}", False) for n in range(HUES)},
}
"""Each ink's variable of the theme, and whether it is bold."""

Line = list[Segment]


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text cut or filled to ``width`` columns of the terminal."""
    if text.isascii() or cell_len(text) == len(text):
        if len(text) > width:
            return text[: width - 1] + "…" if width > 1 else text[:width]
        return text.rjust(width) if right else text.ljust(width)
    missing = width - cell_len(text)
    if right and missing > 0:
        return " " * missing + text
    return set_cell_size(text, width)


class LineView(Keys, Widget):
    """Draws ``height`` lines of ``width`` columns; subclasses say what stands in them."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LineView { background: $surface; color: $foreground; }"

    class Clicked(Message):
        """Something on a line was clicked: the line, counted from the top, and the column."""

        def __init__(self, view: LineView, x: int, y: int) -> None:
            super().__init__()
            self.view, self.x, self.y = view, x, y

        @property
        def control(self) -> LineView:
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._titles = ("", "")
        self._inks: dict[str, Style] = {}

    def draw(self, width: int, height: int) -> list[Line]:
        """The lines to show, from the top; fewer than ``height`` leave the rest empty."""
        return []

    def titles(self, width: int) -> tuple[str, str]:
        """What stands in the border, top and bottom; plain text."""
        return "", ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Only what changes colours or glyphs: lines drawn here are inert, and in true colour."""
        done = (Inert, ANSIToTruecolor)
        return [f for f in super().get_line_filters() if not isinstance(f, done)]

    def ink(self, name: str) -> Style:
        """The style of one of the theme's inks, on this pane's ground."""
        if not self._inks:
            self._inks = self._mixed()
        return self._inks[name]

    def _mixed(self) -> dict[str, Style]:
        """All inks. As component classes each would cost a cascade at every change of focus."""
        colors = self.app.theme_variables
        ground = self.rich_style.bgcolor
        cursor = Color.parse(colors["chaos-cursor"]).rich_color
        made = {"ground": self.rich_style, "cursor": Style(bgcolor=cursor, bold=True)}
        for name, (color, bold) in _INKS.items():
            ink = Color.parse(colors[color]).rich_color
            made[name] = Style(color=ink, bgcolor=ground, bold=bold or None)
        return made

    def handler_ink(self, handler: str) -> Style:
        """The style of a handler's hue."""
        return self.ink(f"h{hue(handler)}")

    def tick(self) -> None:
        """A new frame has come."""
        self.paint()

    def paint(self) -> None:
        """Draw again and repaint the lines that changed."""
        if not self.is_attached or not self.size.width or not self.display:
            return
        width, height = self.content_size
        new = [[_inert(part) for part in line] for line in self.draw(width, height)[:height]]
        titles = self.titles(width)
        if titles != self._titles:
            self._titles = titles
            self.border_title = Content(safe_text(titles[0].strip()))
            self.border_subtitle = Content(safe_text(titles[1].strip()))
        old, self._lines = self._lines, new
        changed = [y for y in range(max(len(old), len(new))) if old[y : y + 1] != new[y : y + 1]]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """One line for Textual, filled up with the background."""
        if y >= len(self._lines):
            return Strip.blank(self.content_size.width, self.ink("ground"))
        line = self._lines[y]
        return Strip(line).adjust_cell_length(self.content_size.width, self.ink("ground"))

    def repaint(self) -> None:
        """Draw everything anew: size, theme or focus changed."""
        self._lines = []
        self.paint()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed under the pane."""
        super().notify_style_update()
        self._inks = {}
        if self.is_attached:
            self.call_later(self.repaint)

    def on_resize(self, event: events.Resize) -> None:
        """Draw for the new size."""
        self.repaint()

    def on_show(self) -> None:
        """Draw what was missed while hidden."""
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """Tell where inside the border it was clicked."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self.post_message(self.Clicked(self, offset.x, offset.y))


def _inert(segment: Segment) -> Segment:
    """The last guard: whatever a pane forgot to make safe is written out here."""
    if segment.text.isprintable():
        return segment
    return Segment(safe_text(segment.text, limit=1000), segment.style)


def on_cursor(line: Sequence[Segment], cursor: Style) -> Line:
    """The same line on the cursor's ground."""
    return [Segment(text, (style or Style()) + cursor) for text, style, _ in line]
