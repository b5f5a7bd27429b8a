"""The strip of key figures, each with its sparkline; one line where room is short."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment

from chaostui.tui.model import figures
from chaostui.tui.model.history import History, Sample
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit

GAP = 2
NARROWEST = 11
"""Columns that a figure needs; where they do not all fit, the last but one is left out."""


def _each_second(value: float) -> str:
    return f"{figures.short(value)}/s"


_Card = tuple[str, str, str, str, Callable[[float], str]]

_CARDS: tuple[_Card, ...] = (
    ("CONNS", "conn", "open", "accent", figures.count),
    ("REQUESTS", "req", "exchanges", "text", _each_second),
    ("REPLY p50", "p50", "latency_p50", "text", figures.seconds),
    ("REPLY p99", "p99", "latency_p99", "warn", figures.seconds),
    ("UP ↑", "↑", "upstream", "up", figures.rate),
    ("DOWN ↓", "↓", "downstream", "down", figures.rate),
    ("HITS", "hits", "injected", "bad", _each_second),
)
"""Title, its short form, the sample's field, its ink, and how its value is shown."""


class Kpis(LineView):
    """Connections, requests and their reply times, bytes each way, and what is injected."""

    DEFAULT_CSS = "Kpis { height: 3; padding: 0 1; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="kpis")
        self._session = session

    def draw(self, width: int, height: int) -> list[Line]:
        sparks = self._session.store.sparks
        if height < 3:
            return [self._short(sparks.newest, width)]
        cards = list(_CARDS)
        while len(cards) > 1 and (width + GAP) // len(cards) - GAP < NARROWEST:
            del cards[-2]
        each = (width + GAP) // len(cards) - GAP
        head: Line = []
        value: Line = []
        spark: Line = []
        for title, _, name, ink, show in cards:
            space = Segment(" " * (GAP if head else 0), self.ink("text"))
            note = self._note(name, sparks)
            room = each - len(title)
            note = note.rjust(room) if len(note) < room else " " * room
            head += [space, Segment(title + note, self.ink("dim"))]
            value += [
                space,
                Segment(fit(show(getattr(sparks.newest, name)), each), self.ink("title")),
            ]
            line = figures.sparkline(sparks.values(name, each), each)
            spark += [space, Segment(line, self.ink(ink))]
        return [head, value, spark]

    def _note(self, name: str, sparks: History) -> str:
        """What stands beside a figure, where there is room."""
        sample, engine = sparks.newest, self._session.store.engine
        match name:
            case "open":
                return f"+{figures.short(sample.opened)}/s"
            case "latency_p50" | "latency_p99":
                return f"{engine.window:.0f} s" if engine is not None else ""
            case "injected":
                return f"late {figures.seconds(sample.late_p99)}"
        return ""

    def _short(self, sample: Sample, width: int) -> Line:
        """One line: what happens matters more than how much of it is told."""
        parts = {word: show(getattr(sample, name)) for _, word, name, _, show in _CARDS}
        inks = {word: ink for _, word, _, ink, _ in _CARDS}
        for dropped in ("↑", "↓", "p50"):
            if sum(len(word) + len(figure) + 3 for word, figure in parts.items()) > width:
                del parts[dropped]
        line: Line = []
        for word, figure in parts.items():
            ink = self.ink("title" if inks[word] in ("text", "accent") else inks[word])
            line += [Segment(f"{word} ", self.ink("dim")), Segment(f"{figure}  ", ink)]
        return line
