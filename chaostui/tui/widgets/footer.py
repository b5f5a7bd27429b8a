"""The lowest lines: what the keys do where the focus is, and above it what just happened."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping

from rich.cells import cell_len
from rich.segment import Segment

from chaostui.tui.actions import BY_ID, FOOTERS, shown
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit

_ALWAYS = ("help.keys", "help.palette", "help.quit")


class FlashLine(LineView):
    """What just happened, for a while: it lies over the line above the footer, or more of them."""

    DEFAULT_CSS = """
    FlashLine {
        display: none; dock: bottom; layer: flash; height: 1; margin-bottom: 1;
        background: $panel;
    }
    FlashLine.open { display: block; }
    """
    MOST = 4

    def __init__(self, session: Session) -> None:
        super().__init__(id="flash")
        self._session = session

    def _text(self) -> list[str]:
        flash = self._session.flashed
        if not flash.text or self._session.clock() >= flash.until:
            return []
        width = max(20, self.app.size.width - 2)
        lines = textwrap.wrap(flash.text, width, break_long_words=True)
        if len(lines) > self.MOST:
            lines = [*lines[: self.MOST - 1], fit(" ".join(lines[self.MOST - 1 :]), width)]
        return lines

    def tick(self) -> None:
        """Show or hide itself."""
        lines = self._text()
        if self.has_class("open") != bool(lines):
            self.set_class(bool(lines), "open")
        if lines and self.size.height != len(lines):
            self.styles.height = len(lines)
        self.paint()

    def draw(self, width: int, height: int) -> list[Line]:
        ink = self.ink(self._session.flashed.role)
        return [[Segment(f" {line}", ink)] for line in self._text()]


class Footer(LineView):
    """Hand-picked keys of the focused pane; a click on one presses it."""

    DEFAULT_CSS = "Footer { height: 1; background: $panel; }"

    def __init__(
        self, session: Session, context: Callable[[], str], keymap: Mapping[str, str]
    ) -> None:
        super().__init__(id="footer")
        self._session = session
        self._focus_context = context
        self._keymap = keymap
        self._spans: list[tuple[int, int, str]] = []

    def key(self, identity: str) -> str:
        """The key of an action as the operator's keymap has it."""
        if identity == "fault.toggle":
            return "1-9"
        keys = self._keymap.get(identity, ",".join(BY_ID[identity].keys)).split(",")
        return shown(keys[0])

    def draw(self, width: int, height: int) -> list[Line]:
        tail = self._words(_ALWAYS)
        if width < 100:
            tail = [(f"{key}  ", key, identity) for _, key, identity in tail]
        room = width - sum(cell_len(word) for word, _, _ in tail) - 1
        line, used = self._keys(room)
        line.append(Segment(" " * max(0, room - used), self.ink("text")))
        x = max(room, used)
        for word, key, identity in tail:
            self._spans.append((x, x + cell_len(word), identity))
            x += cell_len(word)
            line += self._segments(word, key)
        return [line]

    def _keys(self, room: int) -> tuple[Line, int]:
        self._spans = []
        line = [Segment(" ", self.ink("text"))]
        used = 1
        for word, key, identity in self._words(
            FOOTERS.get(self._focus_context(), ("fault.normal",))
        ):
            if used + cell_len(word) > room:
                continue
            self._spans.append((used, used + cell_len(word), identity))
            used += cell_len(word)
            line += self._segments(word, key)
        return line, used

    def _words(self, identities: tuple[str, ...]) -> list[tuple[str, str, str]]:
        words = []
        for identity in identities:
            action = BY_ID[identity]
            key = self.key(identity)
            key = "+/-" if identity in ("fault.more", "chain.more") else key
            key = "shift+↑↓" if identity == "chain.later" else key
            key = "← →" if identity == "settings.less" else key
            words.append(
                (f"{key} {action.short or action.palette.split(': ')[1]}  ", key, identity)
            )
        return words

    def _segments(self, word: str, key: str) -> Line:
        return [
            Segment(key, self.ink("accent")),
            Segment(word[len(key) :], self.ink("dim")),
        ]

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click on a word does what its key does."""
        event.stop()
        for start, end, identity in self._spans:
            if start <= event.x < end and identity != "fault.toggle":
                self.ask(identity)
