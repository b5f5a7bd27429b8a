"""The mix: each handler with its key, whether it is on, its weight as a bar, and its hits."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment

from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures, mix
from chaostui.tui.model.chain import ARROWS
from chaostui.tui.model.glyphs import glyph
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit, on_cursor


class MixPane(LineView, can_focus=True):
    """A list of handlers where there is room, one strip of them where there is not."""

    CONTEXT = "mix"
    BINDINGS: ClassVar = bindings("mix")
    HELP = "The mix: weights in percent of handlers that exclude each other. Keys 1 to 9 toggle."
    DEFAULT_CSS = "MixPane { height: 13; border: round $chaos-dim; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="mix")
        self._session = session
        self._top = 0
        self._room = 0

    def commands(self) -> Commands:
        """Moving the selection."""
        return {
            "mix.up": lambda _: self._move(-1),
            "mix.down": lambda _: self._move(1),
            "mix.toggle": lambda _: self.ask("fault.toggle", self._session.selected),
        }

    def titles(self, width: int) -> tuple[str, str]:
        proxies = self._session.proxies
        same = len({proxy.behavior for proxy in proxies}) < 2
        below = len(self._session.names) - self._top - self._room
        more = f" {below} more ▼ " if below > 0 and self.size.height >= 5 else ""
        if same:
            return " Handlers ", more
        return f" Handlers of {safe_text(proxies[0].name, limit=8)} · others differ ", more

    def draw(self, width: int, height: int) -> list[Line]:
        if height < 3:
            return self._strip(width, height)
        names = self._session.names
        foot = self._foot(width)
        self._room = room = max(1, height - len(foot))
        at = names.index(self._session.selected) if self._session.selected in names else 0
        self._top = max(0, min(self._top, at, len(names) - room))
        self._top = max(self._top, at - room + 1)
        shown = names[self._top : self._top + room]
        lines = [self._entry(name, self._top + n, width) for n, name in enumerate(shown)]
        lines += [[] for _ in range(room - len(lines))]
        return lines + foot

    def _weights(self) -> mix.Weights:
        proxies = self._session.proxies
        weights = mix.read(proxies[0].behavior) if proxies else {}
        return {mix.NORMAL: 100.0 - mix.faulty(weights), **weights}

    def _entry(self, name: str, index: int, width: int) -> Line:
        weight = self._weights().get(name, 0.0)
        ink = self.handler_ink(name) if weight else self.ink("dim")
        pending = any(n == name for _, n in self._session.pending)
        hits = figures.short(self._session.store.sparks.newest.hits.get(name, 0))
        tail = f"{figures.percent(weight):>6}{'…' if pending else ' '}"
        tail += f"{hits + '/s' if hits != '0' else '':>7}" if width >= 40 else ""
        label = f"{glyph(name)} {fit(safe_text(name, limit=16), 12)}"
        key = str(index + 1) if index < 9 else " "
        room = max(0, width - 6 - len(label) - 1 - len(tail))
        line = [
            Segment(f"{key:>2} ", self.ink("accent")),
            Segment("[x]" if weight else "[ ]", self.ink("text" if weight else "dim")),
            Segment(f" {label}", ink),
            Segment(figures.bar(weight / 100, room - 1) + " ", ink),
            Segment(tail, self.ink("warn") if pending else ink),
        ]
        return on_cursor(line, self.ink("cursor")) if name == self._session.selected else line

    def _foot(self, width: int) -> list[Line]:
        newest = self._session.store.sparks.newest
        faulty = mix.faulty(self._weights())
        lines = [[Segment("─" * width, self.ink("dim"))]]
        words = f" faults {figures.percent(faulty)}"
        hits = f"hits {figures.short(newest.injected)}/s "
        gap = " " * max(1, width - len(words) - len(hits))
        lines.append([Segment(words + gap + hits, self.ink("text"))])
        for proxy in self._session.proxies[:1]:
            lines += [
                [
                    Segment(" + ", self.ink("accent")),
                    Segment(
                        fit(
                            f"{glyph(e.handler)} {safe_text(e.handler, limit=16)} always "
                            f"{ARROWS.get(e.direction, '?')} {e.probability * 100:.4g}%",
                            width - 3,
                        ),
                        self.handler_ink(e.handler),
                    ),
                ]
                for e in proxy.chain[:3]
            ]
        return lines

    def _strip(self, width: int, height: int) -> list[Line]:
        """``1●normal 55% 2◷delay 20%``: the first nine, as many as fit on the lines there are."""
        weights = self._weights()
        lines: list[Line] = [[]]
        used = 0
        for index, name in enumerate(self._session.names[:9]):
            pending = any(n == name for _, n in self._session.pending)
            figure = f"{weights.get(name, 0):.3g}%{'…' if pending else ' '}"
            word = f"{glyph(name)}{safe_text(name, limit=16)}"
            size = 1 + len(word) + 1 + len(figure)
            if used + size > width:
                if len(lines) == height:
                    break
                lines.append([])
                used = 0
            used += size
            ink = self.handler_ink(name) if weights.get(name, 0) else self.ink("dim")
            part = [
                Segment(str(index + 1), self.ink("accent")),
                Segment(f"{word} ", ink),
                Segment(figure, self.ink("title") if weights.get(name, 0) else self.ink("dim")),
            ]
            chosen = name == self._session.selected
            lines[-1] += on_cursor(part, self.ink("cursor")) if chosen else part
        return lines

    def _move(self, step: int) -> None:
        names = self._session.names
        at = names.index(self._session.selected) if self._session.selected in names else 0
        self.ask("mix.select", names[max(0, min(len(names) - 1, at + step))])

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click selects a handler; on its box it toggles."""
        event.stop()
        index = self._top + event.y
        if self.content_size.height >= 3 and index < len(self._session.names):
            name = self._session.names[index]
            self.ask("mix.select", name)
            if 2 <= event.x <= 6:
                self.ask("fault.toggle", name)
