"""The whole session at a glance: hits of each handler over time, where there is room for it."""

from __future__ import annotations

from rich.segment import Segment

from chaostui.tui.model import figures
from chaostui.tui.model.timeline import SCALES, buckets
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView
from chaostui.tui.widgets.stack import StackView, marks


class Minimap(StackView):
    """All the samples there are, in one pane; a click opens the timeline."""

    DEFAULT_CSS = "Minimap { height: 7; display: none; border: round $chaos-dim; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="minimap")
        self._session = session

    def _scale(self, width: int) -> int:
        """Seconds of a column: so many that the session fits."""
        number = len(self._session.store.timeline.samples)
        return next((scale for scale in SCALES if number <= scale * width), SCALES[-1])

    def titles(self, width: int) -> tuple[str, str]:
        number = len(self._session.store.timeline.samples)
        scale = self._scale(max(1, width))
        return f" Timeline · {figures.age(number)}, {scale} s a column ", " T full screen "

    def draw(self, width: int, height: int) -> list[Line]:
        store = self._session.store
        shown = buckets(list(store.timeline.samples), self._scale(width), width)
        if not shown:
            return [[Segment(" collecting the first seconds …", self.ink("dim"))]]
        names = sorted({n for b in shown for n in b.hits}, key=self._session.place)
        top = max(sum(bucket.hits.values()) for bucket in shown)
        pad = Segment(" " * (width - len(shown)), self.ink("text"))
        changes = [line for line in store.log.lines() if line.kind == "change"]
        below = [pad, Segment(marks(shown, changes), self.ink("warn"))]
        return [[pad, *row] for row in self.levels(shown, names, top, height - 1)] + [below]

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click opens the timeline."""
        event.stop()
        self.ask("screen.timeline")
