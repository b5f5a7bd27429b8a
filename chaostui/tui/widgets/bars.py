"""One-line bars: the filter with its verdict while typing, and the banner of what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from chaostui.safe_text import safe_text
from chaostui.tui.model import figures
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit
from chaostui.wire.views import NotReached


class FilterBar(Horizontal):
    """A filter is tried with each letter: ✓ and its colour say that it can be read."""

    DEFAULT_CSS = """
    FilterBar {
        height: 1; display: none; background: $panel;
        &.open { display: block; }
        & > #filter-label { width: auto; color: $primary; text-style: bold; padding: 0 1; }
        & > Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
        & > #filter-verdict { width: auto; max-width: 60%; padding: 0 1; color: $chaos-dim; }
        &.valid > Input { color: $chaos-good; }
        &.invalid > Input { color: $chaos-bad; }
        &.invalid > #filter-verdict { color: $chaos-bad; }
    }
    """

    class Closed(Message):
        """The bar was closed; the filter stays unless it was cleared."""

    def __init__(self, attempt: Callable[[str], str]) -> None:
        super().__init__(id="filterbar")
        self._attempt = attempt

    def compose(self) -> ComposeResult:
        """A label, the line, and what is thought of it."""
        yield Static("filter ›", id="filter-label", markup=False)
        yield Input(
            compact=True, placeholder="handler:delay client:10. bytes>1M /regex/ -closed",
            select_on_focus=False,
        )  # fmt: skip
        yield Static("", id="filter-verdict", markup=False)

    def open(self, text: str, attempt: Callable[[str], str] | None = None) -> None:
        """Show the bar with the filter in force, of another pane where ``attempt`` is its."""
        self._attempt = attempt or self._attempt
        self.add_class("open")
        line = self.query_one(Input)
        line.value = text
        line.cursor_position = len(text)
        line.focus()

    def close(self) -> None:
        """Hide the bar."""
        self.remove_class("open")
        self.post_message(self.Closed())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Try the filter with each letter."""
        event.stop()
        if not self.has_class("open"):
            return
        problem = self._attempt(event.value)
        self.set_class(bool(problem), "invalid")
        self.set_class(not problem, "valid")
        verdict = f"✕ {safe_text(problem)}" if problem else "✓ enter keeps  esc clears  f1 help"
        self.query_one("#filter-verdict", Static).update(verdict)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter keeps the filter."""
        event.stop()
        self.close()

    def on_key(self, event: events.Key) -> None:
        """Escape clears it."""
        if event.key == "escape":
            event.stop()
            self._attempt("")
            self.close()


class Banner(LineView):
    """A full-width line under the top bar on what is wrong, else the greeting if there is one."""

    DEFAULT_CSS = """
    Banner { height: 1; display: none; background: $panel; }
    Banner.open { display: block; }
    """

    def __init__(self, session: Session, *, restartable: bool, greeting: str = "") -> None:
        super().__init__(id="banner")
        self._session = session
        self._greeting = greeting
        self._restartable = restartable

    def message(self) -> str:
        """What is wrong and what to do; empty when nothing is."""
        session = self._session
        if session.lost:
            way_out = "R restarts it" if self._restartable else "looking for it again"
            return f"ENGINE LOST · {way_out} · q quits · last data shown · {session.lost}"
        for proxy in session.store.in_view:
            if proxy.last_error:
                return safe_text(f"{proxy.name}: {proxy.last_error}")
        for proxy in session.store.proxies:
            if proxy.not_reached is not None:
                return safe_text(f"{proxy.name}: {unreached(proxy.not_reached)}")
        if session.store.engine is not None and session.store.engine.unauthenticated:
            return "the control API answers other hosts without a token"
        return ""

    def tick(self) -> None:
        """Show or hide itself."""
        message = self.message() or self._greeting
        if self.has_class("open") != bool(message):
            self.set_class(bool(message), "open")
        self.paint()

    def draw(self, width: int, height: int) -> list[Line]:
        if message := self.message():
            return [[Segment(fit(f" ▲ {message}", width), self.ink("bad"))]]
        return [[Segment(fit(f" {self._greeting}", width), self.ink("accent"))]]


def unreached(found: NotReached) -> str:
    """Which faults cannot act on how many connections, why, and what mends it."""
    number = figures.number(found.connections, "connection", "connections")
    mend = " ".join(f'{name} = "{value}"' for name, value in found.remedy.items())
    mends = f" · {mend} lets new ones be read (O edits it)" if mend else ""
    return f"{', '.join(found.handlers)} cannot act on {number}: {found.why}{mends}"
