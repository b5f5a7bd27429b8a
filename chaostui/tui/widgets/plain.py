"""The last stage before the terminal: whatever a widget drew, in ASCII."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from chaostui.tui.model.plain import ascii_of


class Ascii(LineFilter):
    """Draws every line in ASCII: borders and Textual's own widgets too."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in ASCII, as wide."""
        return [Segment(ascii_of(text), style, control) for text, style, control in segments]
