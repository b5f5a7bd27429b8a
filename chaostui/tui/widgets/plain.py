"""The last stages before the terminal, for whatever a widget drew: Textual's own ones too."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from chaostui.tui.model.plain import ascii_of


class Inert(LineFilter):
    """Leaves out characters that steer a terminal, such as those pasted into a line."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, as wide, without control, format and private characters."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(_shown(text), style, control) for text, style, control in segments]


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" * cell_len(c) for c in text)


class Ascii(LineFilter):
    """Draws every line in ASCII: borders and Textual's own widgets too."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in ASCII, as wide."""
        return [Segment(ascii_of(text), style, control) for text, style, control in segments]
