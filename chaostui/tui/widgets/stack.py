"""Hits of each handler stacked, a column of cells a span of time: for timeline and minimap."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment

from chaostui.tui.model.glyphs import glyph
from chaostui.tui.model.lines import Line as EventLine
from chaostui.tui.model.timeline import Bucket, stack
from chaostui.tui.widgets.lineview import Line, LineView


class StackView(LineView):
    """A view that draws such stacks, and marks where somebody changed something."""

    def levels(
        self, shown: Sequence[Bucket], names: Sequence[str], top: float, tall: int
    ) -> list[Line]:
        """The rows of the stack, the topmost first; ``top`` is the sum that fills a column."""
        columns = [stack(bucket.hits, names, top, tall) for bucket in shown]
        return [self._row([column[n] for column in columns]) for n in range(tall - 1, -1, -1)]

    def _row(self, names: Sequence[str]) -> Line:
        """Neighbours of one handler as one segment; its glyph, where no colour tells it apart."""
        app, line = self.app, list[Segment]()
        alike = self.ink("h0").color == self.ink("h1").color
        full = None if alike or app.no_color or getattr(app, "plain", False) else "█"
        start = 0
        for n in range(1, len(names) + 1):
            if n == len(names) or names[n] != names[start]:
                name = names[start]
                text = (full or glyph(name) if name else " ") * (n - start)
                line.append(Segment(text, self.handler_ink(name) if name else self.ink("text")))
                start = n
        return line


def marks(shown: Sequence[Bucket], changes: Sequence[EventLine]) -> str:
    """▲ where somebody changed something, ▼ for the tester's own markers."""
    cells = [" "] * len(shown)
    for change in changes:
        for n, bucket in enumerate(shown):
            if bucket.start < change.at <= bucket.end:
                cells[n] = "▼" if ": note" in change.text or "marker" in change.text else "▲"
    return "".join(cells)
