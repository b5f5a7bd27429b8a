"""Small dialogs at the lower edge: one line to type, or one of some choices by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chaostui.safe_text import safe_text
from chaostui.tui.widgets.lineview import Line, LineView, fit, on_cursor


class Prompt(ModalScreen[str | None]):
    """One line to type; ``attempt`` says what is wrong with it, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)", "cancel")]

    def __init__(
        self,
        label: str,
        value: str = "",
        *,
        hint: str = "",
        attempt: Callable[[str], str] = lambda text: "",
    ) -> None:
        super().__init__()
        self._label, self._hint = safe_text(label, limit=60), safe_text(hint, limit=200)
        self._value = value
        self._attempt = attempt

    def compose(self) -> ComposeResult:
        """A label, the line, and a hint that turns into what is wrong."""
        with Vertical(classes="dialog"):
            with Horizontal(classes="dialog-line"):
                yield Static(f"{self._label} ›", classes="dialog-label", markup=False)
                yield Input(self._value, compact=True, select_on_focus=True)
            yield Static(self._hint, classes="dialog-hint", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say at once what is wrong."""
        problem = self._attempt(event.value) if event.value != self._value else ""
        self.set_class(bool(problem), "invalid")
        self.query_one(".dialog-hint", Static).update(
            f"✕ {safe_text(problem)}" if problem else self._hint
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the line, unless it is wrong."""
        if not self._attempt(event.value):
            self.dismiss(event.value)


@dataclass(frozen=True)
class Choice:
    """One choice of a menu: its key, its words, and what choosing it answers."""

    key: str
    label: str
    answer: str


class _Choices(LineView, can_focus=True):
    DEFAULT_CSS = "_Choices { height: auto; background: $panel; }"

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.choices = choices
        self.at = 0
        self.styles.height = min(len(choices), 24)

    def draw(self, width: int, height: int) -> list[Line]:
        top = max(0, self.at - height + 1)
        lines = []
        for n, choice in enumerate(self.choices[top : top + height], top):
            line = [
                Segment(f" {choice.key or ' ':>2}  ", self.ink("accent")),
                Segment(fit(choice.label, max(0, width - 5)), self.ink("text")),
            ]
            lines.append(on_cursor(line, self.ink("cursor")) if n == self.at else line)
        return lines

    def move(self, step: int) -> None:
        self.at = max(0, min(len(self.choices) - 1, self.at + step))
        self.paint()


class Menu(ModalScreen[str | None]):
    """Some choices: by their keys, by arrows and enter, or by a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss(None)", "cancel"),
        ("up,k", "move(-1)", "up"),
        ("down,j", "move(1)", "down"),
        ("enter", "choose", "choose"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = safe_text(title, limit=100)
        self._list = _Choices(choices)

    def compose(self) -> ComposeResult:
        """A title and the choices."""
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="dialog-label", markup=False)
            yield self._list

    def on_mount(self) -> None:
        """The choices have the focus."""
        self._list.focus()

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        self._list.move(step)

    def action_choose(self) -> None:
        """Take the choice under the cursor."""
        if self._list.choices:
            self.dismiss(self._list.choices[self._list.at].answer)

    def on_key(self, event: events.Key) -> None:
        """A choice's own key takes it."""
        for choice in self._list.choices:
            if choice.key and event.character == choice.key:
                event.stop()
                self.dismiss(choice.answer)
                return

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click takes a choice."""
        if event.y < len(self._list.choices):
            self.dismiss(self._list.choices[event.y].answer)
