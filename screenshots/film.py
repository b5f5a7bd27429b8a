"""An animated SVG of a console: every line of it once, shown for as long as it stood there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

CELL, LINE, SIZE = 8.4, 19.0, 14
"""Width of a character, height of a line and size of the font, in pixels."""
EDGE, HEAD, FOOT = 10.0, 10.0, 56.0


@dataclass
class Film:
    """Frames with the second from which each stands, and what is said below them."""

    theme: TerminalTheme
    at: list[float] = field(default_factory=list)
    frames: list[list[Strip]] = field(default_factory=list)
    words: list[tuple[float, str, str]] = field(default_factory=list)
    """From which second on, which key is shown, and which words beside it."""

    def add(self, at: float, strips: Iterable[Strip]) -> None:
        """Add a frame."""
        self.at.append(at)
        self.frames.append(list(strips))

    def say(self, at: float, key: str, text: str) -> None:
        """Show a key and some words from then on."""
        self.words.append((at, key, text))

    def svg(self, end: float) -> str:
        """The whole film, which begins anew after ``end`` seconds."""
        return _Drawing(self, end).svg()


class _Drawing:
    """The text of an SVG in the making."""

    def __init__(self, film: Film, end: float) -> None:
        self._film, self._end = film, end
        self._inks: dict[tuple[str, bool], str] = {}

    def svg(self) -> str:
        film = self._film
        rows = len(film.frames[0])
        wide = film.frames[0][0].cell_length * CELL + 2 * EDGE
        high = HEAD + rows * LINE + FOOT
        parts = [self._row(number) for number in range(rows)]
        parts += [self._caption(n, HEAD + rows * LINE + 34) for n in range(len(film.words))]
        inks = "".join(
            f".{name}{{fill:{colour}{';font-weight:bold' if bold else ''}}}"
            for (colour, bold), name in self._inks.items()
        )
        ground = _colour(film.theme.background_color)
        font = "'Fira Code','DejaVu Sans Mono',Menlo,Consolas,monospace"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}"'
            f' width="{wide:g}" height="{high:g}">'
            f"<style>text{{font:{SIZE}px {font};white-space:pre}}{inks}"
            f".key{{fill:#111;font-weight:bold}}</style>"
            f'<rect width="{wide:g}" height="{high:g}" rx="8" fill="{ground}"/>'
            + "".join(parts)
            + "</svg>\n"
        )

    def _row(self, number: int) -> str:
        """All that a line of the screen says in turn."""
        top = HEAD + number * LINE
        drawn = [(at, self._line(strips[number], top)) for at, strips in self._stages()]
        versions: dict[str, list[tuple[float, float]]] = {}
        runs = [(text, list(run)) for text, run in groupby(drawn, key=lambda each: each[1])]
        for n, (text, run) in enumerate(runs):
            until = runs[n + 1][1][0][0] if n + 1 < len(runs) else self._end
            versions.setdefault(text, []).append((run[0][0], until))
        return "".join(self._shown(text, times) for text, times in versions.items() if text)

    def _stages(self) -> Iterable[tuple[float, list[Strip]]]:
        return zip(self._film.at, self._film.frames, strict=True)

    def _shown(self, text: str, times: list[tuple[float, float]]) -> str:
        """Some of the drawing, at some times only."""
        if times == [(self._film.at[0], self._end)]:
            return f"<g>{text}</g>"
        keys: list[tuple[float, str]] = [] if times[0][0] <= 0 else [(0.0, "none")]
        for begin, until in times:
            keys.append((begin / self._end, "inline"))
            if until < self._end:
                keys.append((until / self._end, "none"))
        moments = ";".join(f"{at:.4g}" for at, _ in keys)
        values = ";".join(value for _, value in keys)
        first = keys[0][1]
        return (
            f'<g display="{first}"><animate attributeName="display" values="{values}"'
            f' keyTimes="{moments}" dur="{self._end:g}s" calcMode="discrete"'
            f' repeatCount="indefinite"/>{text}</g>'
        )

    def _line(self, strip: Strip, top: float) -> str:
        """One line: its grounds, then its words, each where it stands."""
        grounds, words, at = [], [], 0
        for colours, run in groupby(_cells(strip, self._film.theme), key=lambda each: each[1]):
            text = "".join(character for character, _ in run)
            ink, ground, bold = colours
            if ground != _colour(self._film.theme.background_color):
                grounds.append(
                    f'<rect x="{EDGE + at * CELL:.1f}" y="{top:g}"'
                    f' width="{len(text) * CELL:.1f}" height="{LINE + 0.4:g}" fill="{ground}"/>'
                )
            inner = text.strip()
            if inner:
                begin = at + len(text) - len(text.lstrip())
                name = self._inks.setdefault((ink, bold), f"i{len(self._inks)}")
                words.append(
                    f'<text class="{name}" x="{EDGE + begin * CELL:.1f}" y="{top + 14:g}"'
                    f' textLength="{len(inner) * CELL:.1f}">{escape(inner, quote=False)}</text>'
                )
            at += len(text)
        return "".join(grounds + words)

    def _caption(self, number: int, base: float) -> str:
        """A key cap and the words beside it."""
        begin, key, text = self._film.words[number]
        after = self._film.words[number + 1 :]
        until = after[0][0] if after else self._end
        cap, x = "", EDGE + 12
        if key:
            cap = (
                f'<rect x="{x:g}" y="{base - 21:g}" width="30" height="30" rx="6" fill="#f5c542"/>'
                f'<text class="key" x="{x + 10.5:g}" y="{base:g}" style="font-size:18px">{key}</text>'
            )
            x += 46
        name = self._inks.setdefault(("#ffffff", False), f"i{len(self._inks)}")
        said = f'<text class="{name}" x="{x:g}" y="{base - 1:g}" style="font-size:17px">{escape(text)}</text>'
        return self._shown(cap + said, [(begin, until)])


def _cells(strip: Strip, theme: TerminalTheme) -> Iterable[tuple[str, tuple[str, str, bool]]]:
    """Each character with its ink, its ground, and whether it is bold.

    A blank takes the ink before it, so that words of one colour are one piece.
    """
    last: tuple[str, bool] = (_colour(theme.foreground_color), False)
    for segment in Segment.simplify(strip):
        ink, ground, bold = _look(segment.style or Style(), theme)
        for character in segment.text:
            if character != " ":
                last = (ink, bold)
            yield character, (last[0], ground, last[1])


def _look(style: Style, theme: TerminalTheme) -> tuple[str, str, bool]:
    ink = style.color.get_truecolor(theme) if style.color else theme.foreground_color
    ground = style.bgcolor.get_truecolor(theme, foreground=False) if style.bgcolor else None
    ground = ground or theme.background_color
    if style.reverse:
        ink, ground = ground, ink
    if style.dim:
        ink = tuple((i + g) // 2 for i, g in zip(ink, ground, strict=True))
    return _colour(ink), _colour(ground), bool(style.bold)


def _colour(triplet: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*triplet)
