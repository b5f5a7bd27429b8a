"""The payload of one tapped connection, as text or hex, with the injected faults between."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events

from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures
from chaostui.tui.model.tap import ARROWS
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit

_DIRECTIONS = ("both", "upstream", "downstream")


class StreamPane(LineView, can_focus=True):
    """What passes on the selected connection. Payload is off until it is asked for."""

    CONTEXT = "stream"
    BINDINGS: ClassVar = bindings("stream")
    HELP = "Payload of the tapped connection: p switches it on, v text or hex, d direction."
    DEFAULT_CSS = "StreamPane { height: 1fr; border: round $chaos-dim; }"

    def __init__(self, session: Session, *, id: str = "stream") -> None:
        super().__init__(id=id)
        self._session = session
        self.connection = 0
        self.as_hex = False
        self.direction = "both"
        self.problem = ""
        self._back = 0

    def titles(self, width: int) -> tuple[str, str]:
        tap = self._session.tap
        form = "Hex" if self.as_hex else "Stream"
        arrow = "" if self.direction == "both" else f" {ARROWS[self.direction]} only"
        who = f" · #{tap.connection}" if tap.connection else ""
        missing = f" · {figures.size(tap.missing)} not shown" if tap.missing else ""
        return f" {form}{who}{arrow}{missing} ", " v hex/text  d direction  p payload "

    def draw(self, width: int, height: int) -> list[Line]:
        tap = self._session.tap
        if self.problem or not tap.connection:
            text = self.problem or "payload is off · p shows that of the selected connection"
            return [[], [Segment(f" {text}", self.ink("dim"))]]
        rows = tap.rows(as_hex=self.as_hex, width=width, direction=self.direction)
        if not rows:
            return [[], [Segment(f" waiting for bytes of #{tap.connection}", self.ink("dim"))]]
        self._back = max(0, min(self._back, len(rows) - height))
        end = len(rows) - self._back
        lines = []
        for row in rows[max(0, end - height) : end]:
            ink = {"upstream": "up", "downstream": "down"}.get(row.direction, "warn")
            head = f" {ARROWS.get(row.direction, ' ')} {row.head} "
            body = Segment(fit(row.text, max(0, width - len(head))), self.ink(ink))
            lines.append([Segment(head, self.ink("dim")), body])
        return lines

    def commands(self) -> Commands:
        """The direction that is shown."""
        return {"stream.direction": lambda _: self.turn()}

    def turn(self) -> None:
        """Both directions, upstream only, downstream only."""
        self.direction = _DIRECTIONS[(_DIRECTIONS.index(self.direction) + 1) % 3]
        self.paint()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel goes back."""
        self._back += 3
        self.paint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel goes forward."""
        self._back = max(0, self._back - 3)
        self.paint()
