"""The timeline: hits of each handler stacked, rates, delays, and where the mix changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.widget import Widget

from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures
from chaostui.tui.model.glyphs import glyph
from chaostui.tui.model.lines import Line as EventLine
from chaostui.tui.model.timeline import SCALES, Bucket, buckets
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, fit
from chaostui.tui.widgets.stack import StackView, marks

MARGIN = 24


class Chart(StackView, can_focus=True):
    """Figures over time, the newest at the right, all with the same time axis."""

    CONTEXT = "timeline"
    BINDINGS: ClassVar = bindings("timeline")
    HELP = "Figures over time. + and - zoom, = is one second a column, m drops a marker."
    DEFAULT_CSS = "Chart { height: 1fr; border: round $chaos-dim; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="chart")
        self._session = session
        self._scale = 0
        self.marks: list[EventLine] = []

    def commands(self) -> Commands:
        """Zooming."""
        return {
            "timeline.in": lambda _: self._zoom(self._scale - 1),
            "timeline.out": lambda _: self._zoom(self._scale + 1),
            "timeline.fit": lambda _: self._zoom(0),
        }

    def _zoom(self, scale: int) -> None:
        self._scale = max(0, min(len(SCALES) - 1, scale))
        self.paint()

    def titles(self, width: int) -> tuple[str, str]:
        span = (width - MARGIN) * SCALES[self._scale]
        return f" Timeline · {SCALES[self._scale]} s a column, {figures.age(span)} ", ""

    def draw(self, width: int, height: int) -> list[Line]:
        samples = list(self._session.store.timeline.samples)
        room = width - MARGIN
        if not samples or room < 10:
            return [[], [Segment("  collecting the first seconds …", self.ink("dim"))]]
        shown = buckets(samples, SCALES[self._scale], room)
        tall = max(3, height - (10 if height >= 21 else 6))
        lines = self._stacked(shown, tall, room)
        lines.append(self._marks(shown, room))
        lines += self._graph("up ↑", [b.mean("upstream") for b in shown], "up", room, figures.rate)
        lines += self._graph(
            "down ↓", [b.mean("downstream") for b in shown], "down", room, figures.rate
        )
        lines += self._graph(
            "requests/s", [b.mean("exchanges") for b in shown], "text", room, figures.short
        )
        lines += self._graph(
            "conns", [b.mean("open") for b in shown], "accent", room, figures.short
        )
        if height >= 21:
            for word, name, ink in (
                ("reply p50", "latency_p50", "text"),
                ("reply p99", "latency_p99", "text"),
                ("held p99", "delay_p99", "warn"),
                ("late p99", "late_p99", "bad"),
            ):
                values = [b.highest(name) for b in shown]
                lines += self._graph(word, values, ink, room, figures.seconds)
        lines.append(self._axis(shown, room))
        return lines

    def _stacked(self, shown: Sequence[Bucket], tall: int, room: int) -> list[Line]:
        """Hits a second of each handler, stacked, one colour and glyph each."""
        names = sorted({n for b in shown for n in b.hits}, key=self._session.place)
        top = max((sum(b.hits.values()) for b in shown), default=0.0)
        rows = self.levels(shown, names, top, tall)
        lines: list[Line] = []
        pad = " " * (room - len(shown))
        for level, row in zip(range(tall - 1, -1, -1), rows, strict=True):
            label = f"{figures.short(top)}/s" if level == tall - 1 else ""
            label = "hits 0" if level == 0 else label
            legend = tall - 2 - level
            if 0 <= legend < len(names) and level:
                label = f"{glyph(names[legend])} {names[legend][:10]}"
                ink = self.handler_ink(names[legend])
            else:
                ink = self.ink("dim")
            head = [Segment(fit(f" {label}", MARGIN), ink), Segment(pad, self.ink("text"))]
            lines.append([*head, *row])
        return lines

    def _marks(self, shown: Sequence[Bucket], room: int) -> Line:
        return [
            Segment(fit(" ▲ changes", MARGIN), self.ink("dim")),
            Segment(marks(shown, self.marks).rjust(room), self.ink("warn")),
        ]

    def _graph(
        self, word: str, values: Sequence[float], ink: str, room: int, show: Callable[[float], str]
    ) -> list[Line]:
        newest = show(values[-1]) if values else ""
        label = f" {fit(word, 11)} {newest:>10} "
        line = figures.sparkline(values, room)
        return [[Segment(label, self.ink("dim")), Segment(line, self.ink(ink))]]

    def _axis(self, shown: Sequence[Bucket], room: int) -> Line:
        """The time of day under every twentieth column."""
        text = [" "] * (room + 8)
        offset = room - len(shown)
        for n in range(len(shown) - 1, -1, -20):
            stamp = time.strftime("%H:%M:%S", time.localtime(shown[n].end))
            at = offset + n - len(stamp) + 1
            if at >= 0:
                text[at : at + len(stamp)] = stamp
        return [Segment(fit("", MARGIN) + "".join(text)[:room], self.ink("dim"))]


class TimelineScreen(ConsoleScreen):
    """Figures over the last minutes, up to an hour."""

    CONTEXT = "timeline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._chart = Chart(self.session)

    def content(self) -> Iterable[Widget]:
        """One chart."""
        yield self._chart

    def on_mount(self) -> None:
        """The chart has the focus."""
        self._chart.focus()

    def tick(self, lines: Sequence[EventLine] = ()) -> None:
        """Take the changes of the mix as marks."""
        self._chart.marks = list(self.session.store.log.changes)
        super().tick(lines)
