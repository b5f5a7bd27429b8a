"""One connection: what it is, its exchanges and faults in order, and its payload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
from rich.segment import Segment
from textual.containers import Vertical
from textual.widget import Widget

from chaostui.client import calls
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.actions import BY_ID
from chaostui.tui.keys import Commands, bindings, bindings_of
from chaostui.tui.model import changes, figures
from chaostui.tui.model.glyphs import glyph
from chaostui.tui.model.lines import line
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.session import Session
from chaostui.tui.widgets.eventpane import EventPane
from chaostui.tui.widgets.lineview import Line, LineView, fit
from chaostui.tui.widgets.streampane import StreamPane
from chaostui.tui.work import start

_SHARES = (0.33, 0.31, 0.18, 0.18)
_LABELS = (7, 7, 5, 6)
"""Each column of facts: its share of the width, and the room for its names."""


class Facts(LineView):
    """The head of a connection's detail."""

    DEFAULT_CSS = "Facts { height: 6; border: round $chaos-dim; }"

    def __init__(self, session: Session, connection: int) -> None:
        super().__init__(id="facts")
        self._session = session
        self._connection = connection

    def titles(self, width: int) -> tuple[str, str]:
        return f" Connection #{self._connection} ", " x reset (twice)  a pin  esc back "

    def draw(self, width: int, height: int) -> list[Line]:
        rows = self._session.store.rows
        at = rows.find(self._connection)
        if at is None:
            return [[Segment(" closed; what it was told is below", self.ink("dim"))]]
        words = {n: safe_text(rows.texts(n)[at], limit=60) for n in ("client", "backend", "proxy")}
        handler = safe_text(rows.texts("handler")[at], limit=20)
        pinned = safe_text(rows.texts("pinned")[at], limit=20)
        number = {
            n: rows.numbers(n)[at]
            for n in ("age", "idle", "up", "down", "exchanges", "hits", "held", "rate")
        }
        cells = [
            ("client", words["client"]), ("backend", words["backend"]),
            ("proxy", words["proxy"]), ("state", rows.texts("state")[at]),
            ("handler", f"{glyph(handler)} {handler}"), ("pinned", pinned or "no"),
            ("age", figures.age(number["age"])), ("idle", figures.age(number["idle"])),
            ("request", safe_text(rows.texts("request")[at], limit=60) or "-"),
            ("parsed", safe_text(rows.texts("opaque")[at], limit=60) or "yes"),
            ("up ↑", figures.size(number["up"])), ("down ↓", figures.size(number["down"])),
            ("rate", figures.rate(number["rate"])), ("held", figures.size(number["held"])),
            ("exch", figures.count(number["exchanges"])), ("hits", figures.count(number["hits"])),
        ]  # fmt: skip
        return [self._row(cells[n : n + 4], width) for n in range(0, 16, 4)]

    def _row(self, cells: Sequence[tuple[str, str]], width: int) -> Line:
        """Four facts in columns that stand below each other."""
        line: Line = []
        for (name, value), share, label in zip(cells, _SHARES, _LABELS, strict=True):
            room = int(width * share) - label - 3
            line.append(Segment(f" {fit(name, label)} ", self.ink("dim")))
            line.append(Segment(f"{fit(value, room)} ", self.ink("title")))
        return line


class ConnectionScreen(ConsoleScreen):
    """The timeline of exchanges and injected faults, beside the payload where it is tapped."""

    BINDINGS: ClassVar = [
        *bindings("stream"),
        *bindings_of(BY_ID["connections.reset"], BY_ID["connections.pin"]),
    ]
    CONTEXT = "stream"

    def __init__(self, desk: Desk, connection: int) -> None:
        super().__init__(desk)
        self.connection = connection
        self.happened = EventPane(self.session, id="connection-events", connection=connection)
        self.stream = StreamPane(self.session, id="connection-stream")
        self.stream.as_hex = True

    def footer(self) -> str:
        """Its own keys, whichever pane has the focus."""
        return "connection"

    def connection_id(self) -> int:
        """The connection of this screen."""
        return self.connection

    def content(self) -> Iterable[Widget]:
        """Facts, events, payload."""
        yield Facts(self.session, self.connection)
        yield Vertical(self.happened, self.stream, id="detail")

    def on_mount(self) -> None:
        """The payload has the focus."""
        self.stream.focus()
        start(self, self._learn, "history")

    async def _learn(self) -> None:
        """Ask what happened on this connection before the console saw it."""
        try:
            events = await self.session.link.do(calls.recent_events(connection=self.connection))
        except (ChaosError, OSError):
            return
        self.happened.remember([line(msgspec.to_builtins(event)) for event in events])

    def commands(self) -> Commands:
        """What can be done to this one connection."""
        return {
            "view.back": lambda _: self.dismiss(),
            "view.pane": lambda _: self._turn(),
            "connections.reset": lambda _: self._reset(),
            "connections.pin": lambda _: self._pin(),
            "connections.detail": lambda _: None,
        }

    def _turn(self) -> None:
        self.stream.as_hex = not self.stream.as_hex
        self.stream.paint()

    def _reset(self) -> None:
        if self.session.twice.confirmed(f"reset {self.connection}", self.session.clock()):
            self.session.apply(changes.reset([self.connection]))
        else:
            text = f"press x again to reset #{self.connection}, any other key cancels"
            self.session.flash(text, "warn")

    def _pin(self) -> None:
        rows = self.session.store.rows
        at = rows.find(self.connection)
        if at is not None:
            before = rows.texts("pinned")[at]
            handler = None if before == self.session.selected else self.session.selected
            self.session.apply(changes.pin({self.connection: before}, handler))
