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

KEYS = 9
"""So many handlers have a key of their own."""


class MixPane(LineView, can_focus=True):
    """A list of handlers where there is room, one strip of them where there is not.

    Those that are on stand first, whatever their key.
    """

    CONTEXT = "mix"
    BINDINGS: ClassVar = bindings("mix")
    HELP = (
        "The mix: weights in percent of handlers that exclude each other; those that are on stand "
        "first. Keys 1 to 9 toggle. [x] on, [ ] off, [~] on for some of the proxies in view. "
        "0 makes the whole engine normal, z the proxies in view."
    )
    DEFAULT_CSS = "MixPane { height: 13; border: round $chaos-dim; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="mix")
        self._session = session
        self._top = 0
        self._room = 0
        self._shown: tuple[str, ...] = ()

    def commands(self) -> Commands:
        """Moving the selection."""
        return {
            "mix.up": lambda _: self._move(-1),
            "mix.down": lambda _: self._move(1),
            "mix.toggle": lambda _: self._toggle(self._session.selected),
        }

    def _toggle(self, name: str) -> None:
        self.ask("fault.toggle", name, by_key=True)

    def titles(self, width: int) -> tuple[str, str]:
        proxies = self._session.proxies
        below = len(self._session.names) - self._top - self._room
        more = f" {below} more ▼ " if below > 0 and self.size.height >= 5 else ""
        if len(proxies) > 1:
            return f" Handlers of {len(proxies)} proxies ", more
        owners = [f.owner for proxy in proxies for f in proxy.faults[-1:] if f.session and f.owner]
        if owners:
            return f" Handlers · by {safe_text(owners[0], limit=max(8, width - 16))} ", more
        return " Handlers ", more

    def draw(self, width: int, height: int) -> list[Line]:
        weights = self._weights()
        names = self._session.names
        on = [name for name in names if any(weights.get(name, ()))]
        self._shown = names = tuple(dict.fromkeys((*on, *names)))
        if height < 3:
            return self._strip(names, weights, width, height)
        foot = self._foot(width)
        self._room = room = max(1, height - len(foot))
        at = names.index(self._session.selected) if self._session.selected in names else 0
        self._top = max(0, min(self._top, at, len(names) - room))
        self._top = max(self._top, at - room + 1)
        shown = names[self._top : self._top + room]
        lines = [self._entry(name, weights.get(name, ()), width) for name in shown]
        lines += [[] for _ in range(room - len(lines))]
        return lines + foot

    def _weights(self) -> dict[str, tuple[float, ...]]:
        """The weights of each handler, one for each proxy in view."""
        mixes = [mix.read(proxy.behavior) for proxy in self._session.proxies]
        whole = [{mix.NORMAL: 100.0 - mix.faulty(each), **each} for each in mixes]
        names = dict.fromkeys(name for each in whole for name in each)
        return {name: tuple(each.get(name, 0.0) for each in whole) for name in names}

    def _key(self, name: str) -> str:
        index = self._session.place(name)
        return str(index + 1) if index < KEYS else " "

    def _pending(self, name: str) -> bool:
        return any(each == name for _, each in self._session.pending)

    def _entry(self, name: str, weights: tuple[float, ...], width: int) -> Line:
        weight = max(weights, default=0.0)
        ink = self.handler_ink(name) if weight else self.ink("dim")
        pending = self._pending(name)
        hits = figures.short(self._session.store.sparks.newest.hits.get(name, 0))
        tail = f"{_percents(weights):>6}{'…' if pending else ' '}"
        tail += f"{hits + '/s' if hits != '0' else '':>7}" if width >= 40 else ""
        label = f"{glyph(name)} {fit(safe_text(name, limit=16), 12)}"
        room = max(0, width - 6 - len(label) - 1 - len(tail))
        line = [
            Segment(f"{self._key(name):>2} ", self.ink("accent")),
            Segment(_box(weights), self.ink("text" if weight else "dim")),
            Segment(f" {label}", ink),
            Segment(figures.bar(weight / 100, room - 1) + " ", ink),
            Segment(tail, self.ink("warn") if pending else ink),
        ]
        return on_cursor(line, self.ink("cursor")) if name == self._session.selected else line

    def _foot(self, width: int) -> list[Line]:
        newest = self._session.store.sparks.newest
        faulty = tuple(mix.faulty(mix.read(p.behavior)) for p in self._session.proxies)
        lines = [[Segment("─" * width, self.ink("dim"))]]
        words = f" faults {_percents(faulty)}"
        hits = f"hits {figures.short(newest.injected)}/s "
        gap = " " * max(1, width - len(words) - len(hits))
        lines.append([Segment(words + gap + hits, self.ink("text"))])
        several = len(self._session.proxies) > 1
        entries = [(proxy, e) for proxy in self._session.proxies for e in proxy.chain]
        for proxy, entry in entries[:3]:
            place = f"{safe_text(proxy.name, limit=10)} " if several else ""
            text = (
                f"{place}{glyph(entry.handler)} {safe_text(entry.handler, limit=16)} always "
                f"{ARROWS.get(entry.direction, '?')} {entry.probability * 100:.4g}%"
            )
            ink = self.handler_ink(entry.handler)
            lines.append([Segment(" + ", self.ink("accent")), Segment(fit(text, width - 3), ink)])
        return lines

    def _strip(
        self, names: tuple[str, ...], weights: dict[str, tuple[float, ...]], width: int, height: int
    ) -> list[Line]:
        """``1●normal 55% 2◷delay 20%``: those that are on, then others, as many as fit."""
        lines: list[Line] = [[]]
        used = 0
        for name in names:
            own = weights.get(name, ())
            figure = f"{_percents(own)}{'…' if self._pending(name) else ' '}"
            key = self._key(name).strip()
            word = f"{glyph(name)}{safe_text(name, limit=16)}"
            size = len(key) + len(word) + 1 + len(figure)
            if used + size > width:
                if len(lines) == height:
                    break
                lines.append([])
                used = 0
            used += size
            ink = self.handler_ink(name) if any(own) else self.ink("dim")
            part = [
                Segment(key, self.ink("accent")),
                Segment(f"{word} ", ink),
                Segment(figure, self.ink("title") if any(own) else self.ink("dim")),
            ]
            chosen = name == self._session.selected
            lines[-1] += on_cursor(part, self.ink("cursor")) if chosen else part
        return lines

    def _move(self, step: int) -> None:
        names = self._shown or self._session.names
        at = names.index(self._session.selected) if self._session.selected in names else 0
        self.ask("mix.select", names[max(0, min(len(names) - 1, at + step))])

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click selects a handler; on its box it toggles."""
        event.stop()
        index = self._top + event.y
        if self.content_size.height >= 3 and index < len(self._shown):
            name = self._shown[index]
            self.ask("mix.select", name)
            if 2 <= event.x <= 6:
                self._toggle(name)


def _box(weights: tuple[float, ...]) -> str:
    """On, off, or on for some of the proxies in view."""
    if not any(weights):
        return "[ ]"
    return "[x]" if all(weights) else "[~]"


def _percents(weights: tuple[float, ...]) -> str:
    """One figure, or from where to where it goes on the proxies in view."""
    low, high = min(weights, default=0.0), max(weights, default=0.0)
    return figures.percent(high) if low == high else f"{low:.3g}-{high:.3g}%"
