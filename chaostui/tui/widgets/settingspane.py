"""The settings of the selected handler, made from its declared options, units and bounds."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from rich.segment import Segment

from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures, form
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit, on_cursor


class SettingsPane(LineView, can_focus=True):
    """One line a setting: arrows step a value, enter types an exact one."""

    CONTEXT = "settings"
    BINDINGS: ClassVar = bindings("settings")
    HELP = "Settings of the selected handler. They act at once on live connections."
    DEFAULT_CSS = "SettingsPane { height: 1fr; border: round $chaos-dim; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="settings")
        self._session = session
        self._at = 0
        self._differ: dict[str, str] = {}
        """The options that are not the same on all proxies in view, with whose value is shown."""

    @property
    def fields(self) -> tuple[form.Field, ...]:
        """The fields of the selected handler."""
        return self._session.catalogue.get(self._session.selected, ())

    @property
    def field(self) -> form.Field | None:
        """The field under the cursor."""
        return self.fields[min(self._at, len(self.fields) - 1)] if self.fields else None

    def commands(self) -> Commands:
        """Moving between fields and changing the one under the cursor."""
        return {
            "settings.up": lambda _: self._move(-1),
            "settings.down": lambda _: self._move(1),
            "settings.less": lambda _: self._step(-1),
            "settings.more": lambda _: self._step(1),
            "settings.much-less": lambda _: self._step(-1, large=True),
            "settings.much-more": lambda _: self._step(1, large=True),
            "settings.default": lambda _: self._put(None),
            "settings.exact": lambda _: self._exact(),
            "settings.enter": self._typed,
        }

    def titles(self, width: int) -> tuple[str, str]:
        below = " enter exact  ← → step " if self.has_focus else " e edit "
        return f" {safe_text(self._session.selected, limit=20)} · settings ", below

    def draw(self, width: int, height: int) -> list[Line]:
        fields = self.fields
        if not fields:
            return [[Segment(" no settings", self.ink("dim"))]]
        handler = self._session.selected
        names = [proxy.name for proxy in self._session.store.in_view]
        values = self._session.options(handler)
        others = [self._session.options_on(name, handler) for name in names[1:]]
        differ = {n for each in others for n, value in each.items() if value != values.get(n)}
        self._differ = dict.fromkeys(differ, safe_text(names[0], limit=12) if names else "")
        foot = self._foot(width) if height >= len(fields) + 4 else []
        room = max(1, height - len(foot))
        self._at = min(self._at, len(fields) - 1)
        top = max(0, self._at - room + 1)
        lines = [
            self._entry(field, values.get(field.name), top + n == self._at, width)
            for n, field in enumerate(fields[top : top + room])
        ]
        if foot:
            lines += self._help(width, room - len(lines))
        return lines + [[] for _ in range(room - len(lines))] + foot

    def _entry(self, field: form.Field, value: object, at: bool, width: int) -> Line:
        chosen = at and self.has_focus
        name = safe_text(field.name, limit=20)
        shown = safe_text(field.show(value), limit=60)
        own = value != field.default
        touched = (f"{self._session.selected}.{field.name}",)
        pending = any(name in touched for _, name in self._session.pending)
        text = f"‹ {shown} ›" if chosen else f"  {shown}"
        text += " …" if pending else ""
        text += (
            f" on {self._differ[field.name]}, others differ" if field.name in self._differ else ""
        )
        common = field.name in form.COMMON and not own
        line = [
            Segment(f" {fit(name, 13)} ", self.ink("dim" if common else "text")),
            Segment(fit(text, width - 15), self.ink("title" if own else "dim")),
        ]
        return on_cursor(line, self.ink("cursor")) if chosen else line

    def _help(self, width: int, room: int) -> list[Line]:
        """What the field under the cursor means, where there is room."""
        field = self.field
        if field is None or room < 3:
            return []
        texts = [safe_text(field.help, limit=120), safe_text(field.bounds(), limit=120)]
        lines = [line for text in texts for line in textwrap.wrap(text, max(10, width - 2))]
        return [[], *([Segment(f" {line}", self.ink("dim"))] for line in lines[: room - 1])]

    def _foot(self, width: int) -> list[Line]:
        """What this handler did in the last seconds: holds or reply times, and its hits."""
        sparks = self._session.store.sparks
        name = self._session.selected
        hits = [sample.hits.get(name, 0.0) for sample in list(sparks.samples)[-width + 2 :]]
        times = sparks.times(name)
        word, found = ("held", times.delay) if times.delay.count else ("replies", times.latency)
        measured = f" {word} p50 {figures.seconds(found.p50)}  p99 {figures.seconds(found.p99)}"
        return [
            [Segment(fit(measured, width), self.ink("text"))],
            [Segment(f" {figures.sparkline(hits, width - 2)}", self.handler_ink(name))],
        ]

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self.fields) - 1, self._at + step))
        self.paint()

    def _step(self, direction: int, *, large: bool = False) -> None:
        field = self.field
        if field is not None:
            value = self._session.options(self._session.selected).get(field.name)
            if field.kind in ("text", "table"):
                self._exact()
            else:
                self._put(field.step(value, direction, large=large))

    def _put(self, value: object) -> None:
        field, handler = self.field, self._session.selected
        if field is None:
            return
        before = self._session.options(handler)
        if value == before.get(field.name):
            self._session.flash(f"{field.name} is {field.bounds()}", "warn")
            return
        self._session.put_option(handler, field.name, value)
        self.paint()

    def _exact(self) -> None:
        field = self.field
        if field is not None:
            now = field.show(self._session.options(self._session.selected).get(field.name))
            self.ask("ask.setting", now)

    def _typed(self, text: str) -> None:
        field = self.field
        if field is not None:
            try:
                self._put(field.read(text))
            except form.FieldError as error:
                self._session.flash(str(error), "bad")

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click moves to a field; on its value it asks for an exact one."""
        event.stop()
        if event.y < len(self.fields):
            self._at = event.y
            self.paint()
            if event.x > 14:
                self._exact()
