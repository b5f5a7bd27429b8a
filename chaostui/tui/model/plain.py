"""ASCII in place of glyphs: for terminals, fonts and locales that have none."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len

_PAIRS = {
    # Handlers: each one its own; their words stand beside them.
    "●": "*", "◷": "@", "✕": "x", "◌": "_", "■": "%", "◐": "/", "◎": "&", "≠": "!", "≈": "~",
    "≡": "=", "▶": ">", "◇": "c", "◈": "a", "∅": "0", "▼": "v", "‖": '"', "◆": "u", "▲": "^",
    "◉": "$", "○": "o",
    # Bars and sparklines, from little to much.
    "·": "-", "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#",
    # Arrows, marks and punctuation.
    "↔": "=", "→": ">", "←": "<", "↑": "^", "↓": "v", "‹": "<", "›": ">", "✓": "+", "…": "~",
    "–": "-", "—": "-", "×": "x", "±": "~", "µ": "u", "⏎": "<",
    # Borders and scroll bars.
    "─": "-", "━": "-", "│": "|", "┃": "|", "▔": "-", "▀": "-", "▐": "|", "▕": "|",
    # Eighths of a bar, from little to much.
    "▏": ".", "▎": ":", "▍": ";", "▌": "|", "▋": "+", "▊": "*", "▉": "%",
}  # fmt: skip
_BOX = range(0x2500, 0x2580)


def ascii_of(text: str) -> str:
    """The same text, as wide, in ASCII; what has no counterpart is ``?`` for each column."""
    return text if text.isascii() else "".join(map(_one, text))


def _one(character: str) -> str:
    if character.isascii():
        return character
    if character in _PAIRS:
        return _PAIRS[character]
    return "+" if ord(character) in _BOX else "?" * cell_len(character)


def wanted(glyphs: str, environ: Mapping[str, str]) -> bool:
    """Whether ``glyphs`` (``auto``, ``unicode`` or ``ascii``) means ASCII here.

    ``auto`` does where the locale names another encoding than UTF-8, and on the Linux console,
    whose font has few glyphs.
    """
    if glyphs != "auto":
        return glyphs == "ascii"
    names = (environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next(filter(None, names), "utf-8").lower()
    return environ.get("TERM") == "linux" or not ("utf-8" in locale or "utf8" in locale)
