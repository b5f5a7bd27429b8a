"""The events as they come, and the payload of the selected connection, in one pane."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events

from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model.filter import EVENT_FIELDS, Filter, FilterError, parse
from chaostui.tui.model.glyphs import glyph
from chaostui.tui.model.lines import Line as EventLine, LineColumns
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit, on_cursor

_WORDS = {"open": "up", "dial": "dim", "close": "dim", "change": "warn", "warning": "bad"}


class EventPane(LineView, can_focus=True):
    """The newest events last; it follows them until the cursor is moved up."""

    CONTEXT = "events"
    BINDINGS: ClassVar = bindings("events")
    HELP = "Events. f follows the newest, @ goes to a time, / filters (kind:fault handler:delay)."
    DEFAULT_CSS = "EventPane { height: 1fr; border: round $chaos-dim; }"

    def __init__(
        self,
        session: Session,
        *,
        id: str = "events",
        connection: int = 0,
    ) -> None:
        super().__init__(id=id)
        self._session = session
        self._connection = connection
        self.filter = Filter()
        self.following = True
        self.lines: Sequence[EventLine] = ()
        self._at = 0
        self._seen = (-1, "")
        self._older: list[EventLine] = []

    def tick(self) -> None:
        """Take the newest events, unless the display is frozen."""
        log = self._session.store.log
        seen = (log.total, self._session.store.scope)
        if self._session.frozen_at is None and self._seen != seen:
            self._seen = seen
            self._take()
        self.paint()

    def _take(self) -> None:
        log = self._session.store.log
        at_seq = self.lines[self._at].seq if self._at < len(self.lines) else 0
        scope = self._session.store.scope
        if self.filter or self._connection or scope:
            lines = log.lines()
            if scope:
                lines = [line for line in lines if line.proxy in ("", scope)]
            if self._connection:
                lines = [line for line in lines if line.connection == self._connection]
                first = lines[0].seq if lines else 1 << 63
                lines = [line for line in self._older if line.seq < first] + lines
            kept = self.filter.apply(LineColumns(lines), range(len(lines)))
            self.lines = [lines[i] for i in kept]
        elif self.following:
            self.lines = log.tail(400)
        else:
            self.lines = log.lines()
        if self.following:
            self._at = len(self.lines) - 1
        else:
            self._at = bisect.bisect_left(self.lines, at_seq, key=lambda line: line.seq)
        self._at = max(0, min(self._at, len(self.lines) - 1))

    def remember(self, older: Sequence[EventLine]) -> None:
        """Take what the engine still knew of this connection before it was looked at."""
        self._older = list(older)
        self._take()
        self.paint()

    def set_filter(self, text: str) -> str:
        """Filter by ``text``; the answer says what is wrong with it, or nothing."""
        try:
            self.filter = parse(text, EVENT_FIELDS)
        except FilterError as error:
            return str(error)
        self._take()
        self.paint()
        return ""

    def go_to(self, at: float) -> None:
        """Put the cursor on the first event at or after a time (epoch seconds)."""
        self._leave()
        self._at = bisect.bisect_left(self.lines, at, key=lambda line: line.at)
        self._at = max(0, min(self._at, len(self.lines) - 1))
        self.paint()

    def titles(self, width: int) -> tuple[str, str]:
        log = self._session.store.log
        state = "following ▼" if self.following else f"{self._at + 1:,} of {len(self.lines):,}"
        what = f" · filter {safe_text(self.filter.text, limit=40)}" if self.filter else ""
        skipped = f" {log.skipped:,} not shown " if log.skipped else ""
        return f" Events · {state}{what} ", skipped

    def draw(self, width: int, height: int) -> list[Line]:
        if not self.lines:
            return [[Segment(" nothing happened yet", self.ink("dim"))]]
        if self.following:
            first = max(0, len(self.lines) - height)
        else:
            first = max(0, min(self._at - height // 2, len(self.lines) - height))
        shown = self.lines[first : first + height]
        moved = not self.following and self.has_focus
        return [self._line(e, width, moved and first + n == self._at) for n, e in enumerate(shown)]

    def _line(self, entry: EventLine, width: int, at: bool) -> Line:
        dim, text = self.ink("dim"), self.ink("text")
        number = f"#{entry.connection}" if entry.connection else ""
        line = [Segment(f"{'>' if at else ' '}{entry.clock()} {number:>6} ", dim)]
        if entry.handler and entry.kind in ("fault", "exchange"):
            ink = self.handler_ink(entry.handler) if entry.kind == "fault" else dim
            line.append(Segment(f"{glyph(entry.handler)} {fit(entry.handler, 9)} ", ink))
        else:
            ink = self.ink(_WORDS.get(entry.kind, "text"))
            line.append(Segment(f"  {fit(entry.kind, 9)} ", ink))
        rest = max(0, width - 34)
        store = self._session.store
        several = len(store.proxies) > 1 and not store.scope and entry.proxy
        shown = f"{fit_name(entry.proxy, width)}: {entry.text}" if several else entry.text
        line.append(Segment(fit(shown, rest), text if entry.kind != "exchange" else dim))
        return on_cursor(line, self.ink("cursor")) if at else line

    def commands(self) -> Commands:
        """Moving through the events."""
        page = max(1, self.content_size.height - 1)
        return {
            "events.down": lambda _: self.move(1),
            "events.up": lambda _: self.move(-1),
            "events.page-down": lambda _: self.move(page),
            "events.page-up": lambda _: self.move(-page),
            "events.top": lambda _: self.move(-1_000_000),
            "events.bottom": lambda _: self._follow(),
            "events.goto": lambda _: self.ask("ask.time"),
            "events.at": lambda at: self.go_to(float(at)),
            "events.follow": lambda _: self._leave() if self.following else self._follow(),
        }

    def move(self, step: int) -> None:
        """Move the cursor; moving past the newest follows again."""
        self._leave()
        if self._at + step >= len(self.lines):
            self._follow()
            return
        self._at = max(0, self._at + step)
        self.paint()

    def _leave(self) -> None:
        if self.following:
            newest = self.lines[-1].seq if self.lines else 0
            self.following = False
            self._take()
            self._at = bisect.bisect_left(self.lines, newest, key=lambda line: line.seq)
            self.paint()

    def _follow(self) -> None:
        self.following = True
        self._take()
        self.paint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves through the events."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves through the events."""
        self.move(-3)


def fit_name(name: str, width: int) -> str:
    """A proxy's name, shortened where the pane is narrow."""
    most = 24 if width > 90 else 8
    return name if len(name) <= most else f"{name[: most - 1]}…"
