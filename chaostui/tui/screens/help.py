"""Help: the keys of this screen, of the focused pane, the filter language, and any short text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from chaostui.tui.actions import EVERYWHERE, of, shown
from chaostui.tui.model import words
from chaostui.tui.widgets.lineview import Line, LineView, fit

FILTER_HELP = (
    ("handler:delay", "the handler's name contains delay"),
    ("client:10.", "the client's address contains 10."),
    ("request=GET", "the request is exactly GET"),
    ("bytes>1M  rate>=20k", "more than so many bytes; at least so many a second"),
    ("age>1m  idle<500ms", "times, with us, ms, s, m or h"),
    ("/10\\.0\\.[12]\\./", "a regular expression, in any text"),
    ('"two words"', "words with a blank between"),
    ("-closed", "not closed: - turns any term round"),
    ("10.0 delay", "bare words: found in any text"),
    ("delay client:10. OR hang", "OR joins groups of terms, which are joined by AND"),
    ("", ""),
    ("texts", "client backend proxy handler state request pinned opaque"),
    ("numbers", "id up down bytes rate reply held exchanges hits age idle"),
    ("events", "kind proxy handler text, connection seq"),
)

Section = tuple[str, Sequence[tuple[str, str]]]


class _Page(LineView, can_focus=True):
    DEFAULT_CSS = "_Page { height: 1fr; background: $surface; }"

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__()
        self._sections = sections
        self._top = 0

    def draw(self, width: int, height: int) -> list[Line]:
        left = max((len(k) for _, rows in self._sections for k, _ in rows), default=0)
        columns = 2 if width >= 110 else 1
        each = width // columns
        lines: list[Line] = []
        for title, rows in self._sections:
            parts = textwrap.wrap(title, max(20, width - 2))
            lines += [[Segment(f" {part}", self.ink("title"))] for part in parts]
            cells = [self._cell(key, what, min(left, 26), each) for key, what in rows]
            half = -(-len(cells) // columns)
            for n in range(half):
                beside = cells[n + half] if columns == 2 and n + half < len(cells) else []
                lines.append([*cells[n], *beside])
            lines.append([])
        self._top = max(0, min(self._top, len(lines) - height))
        return lines[self._top :]

    def _cell(self, key: str, what: str, left: int, width: int) -> Line:
        return [
            Segment(f"  {fit(key, left)}  ", self.ink("accent")),
            Segment(fit(what, max(0, width - left - 4)), self.ink("text")),
        ]

    def move(self, step: int) -> None:
        self._top += step
        self.paint()


class HelpScreen(ModalScreen[None]):
    """Sections of keys and words; any of escape, q, ? and enter closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,enter,f1", "dismiss(None)", "close"),
        ("up,k", "move(-1)", "up"),
        ("down,j", "move(1)", "down"),
        ("pageup", "move(-10)", "page up"),
        ("pagedown,space", "move(10)", "page down"),
    ]

    def __init__(self, title: str, sections: Sequence[Section]) -> None:
        super().__init__()
        self._page = _Page(sections)
        self._title = title

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        with Vertical(classes="page") as page:
            page.border_title = self._title
            page.border_subtitle = "↑ ↓ scroll   esc closes"
            yield self._page

    def on_mount(self) -> None:
        """The page has the focus."""
        self._page.focus()

    def action_move(self, step: int) -> None:
        """Scroll."""
        self._page.move(step)


def key_sections(contexts: Sequence[str], keymap: Mapping[str, str]) -> list[Section]:
    """The keys of some contexts, as the operator's keymap has them."""
    sections: list[Section] = []
    for context in dict.fromkeys(contexts):
        rows = []
        for action in of(context):
            keys = keymap.get(action.id, ",".join(action.keys))
            if keys:
                written = " ".join(shown(key) for key in keys.split(","))
                rows.append(("1 … 9" if action.id == "fault.toggle" else written, action.help))
        if rows:
            sections.append((context, rows))
    return sections


def screen_help(context: str, keymap: Mapping[str, str]) -> HelpScreen:
    """All keys that work now, those of the focused pane first."""
    own = [context, *(["weights"] if context in ("connections", "mix", "settings") else [])]
    contexts = [*own, *EVERYWHERE]
    ids = ("ids, for [keymap] in config.toml (chaostui config sample)", id_rows(contexts, keymap))
    return HelpScreen("Keys", [*key_sections(contexts, keymap), ids])


def id_rows(contexts: Sequence[str], keymap: Mapping[str, str]) -> list[tuple[str, str]]:
    """The key and the id of every action of some contexts, as config.toml names them."""
    bound = [
        (keys, identity) for action in of(*contexts) for keys, identity, _ in action.bindings()
    ]
    return [
        (" ".join(map(shown, keymap.get(identity, keys).split(","))), identity)
        for keys, identity in bound
        if keys
    ]


def pane_help(context: str, prose: str, keymap: Mapping[str, str]) -> HelpScreen:
    """What the focused pane is and its keys."""
    sections: list[Section] = [(prose, [])] if prose else []
    told: list[Section] = [("words on the screen", words.of(context))]
    return HelpScreen(f"Help: {context}", [*sections, *key_sections([context], keymap), *told])


def filter_help() -> HelpScreen:
    """How to write a filter."""
    return HelpScreen("Filter language", [("filter", FILTER_HELP)])
