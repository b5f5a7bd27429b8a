"""The strip of key figures, each with its sparkline; one line where room is short."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment

from chaostui.tui.model import figures
from chaostui.tui.model.history import History, Sample
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit

_CARDS = (
    ("CONNS", "open", "accent"),
    ("EVENTS", "events", "text"),
    ("UP ↑", "upstream", "up"),
    ("DOWN ↓", "downstream", "down"),
    ("INJECTED", "injected", "bad"),
)


class Kpis(LineView):
    """Connections, events, bytes each way, and what is injected."""

    DEFAULT_CSS = "Kpis { height: 3; padding: 0 1; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="kpis")
        self._session = session

    def draw(self, width: int, height: int) -> list[Line]:
        sparks = self._session.store.sparks
        if height < 3:
            return [self._short(sparks.newest, width)]
        gap = 2
        each = (width - gap * (len(_CARDS) - 1)) // len(_CARDS)
        head: Line = []
        value: Line = []
        spark: Line = []
        for index, (title, name, ink) in enumerate(_CARDS):
            space = Segment(" " * (gap if index else 0), self.ink("text"))
            note = self._note(name, sparks)
            room = max(0, each - len(title) - 1)
            head += [space, Segment(f"{title} ", self.ink("dim"))]
            head.append(Segment(fit(note, room, right=True), self.ink("dim")))
            value += [
                space,
                Segment(fit(self._value(name, sparks.newest), each), self.ink("title")),
            ]
            line = figures.sparkline(sparks.values(name, each), each)
            spark += [space, Segment(line, self.ink(ink))]
        return [head, value, spark]

    def _value(self, name: str, sample: Sample) -> str:
        match name:
            case "open":
                return figures.count(sample.open)
            case "upstream" | "downstream":
                return f"{figures.size(getattr(sample, name))}B/s".replace("-B", "0 B")
            case _:
                return f"{figures.short(getattr(sample, name))}/s"

    def _note(self, name: str, sparks: History) -> str:
        sample = sparks.newest
        match name:
            case "open":
                return f"+{figures.short(sample.opened)}/s"
            case "events":
                engine = self._session.store.engine
                return f"drop {figures.short(engine.events_dropped if engine else 0)}"
            case "upstream" | "downstream":
                return f"peak {figures.size(max(sparks.values(name, 120), default=0))}"
            case _:
                return f"late {figures.seconds(sample.late_p99)}"

    def _short(self, sample: Sample, width: int) -> Line:
        parts = (
            ("conn", f"{sample.open:,} +{figures.short(sample.opened)}/s", "title"),
            ("ev", f"{figures.short(sample.events)}/s", "title"),
            ("↑", f"{figures.size(sample.upstream)}/s", "up"),
            ("↓", f"{figures.size(sample.downstream)}/s", "down"),
            ("inj", f"{figures.short(sample.injected)}/s", "bad"),
        )
        line: Line = []
        shown: Sequence[tuple[str, str, str]] = parts
        if width < 70:  # what happens matters more than how much of it is told
            shown = (parts[0], *parts[2:])
        for word, figure, ink in shown:
            line += [Segment(f"{word} ", self.ink("dim")), Segment(f"{figure}  ", self.ink(ink))]
        return line
