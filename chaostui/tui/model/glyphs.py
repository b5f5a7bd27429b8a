"""A glyph and a hue for each handler; the word always stands beside them."""

from __future__ import annotations

import zlib

HUES = 8
"""Handlers share so many hues; the theme says which colours they are."""

_KNOWN = {
    "normal": ("●", "o", 0),
    "delay": ("◷", "d", 1),
    "errors": ("✕", "x", 2),
    "hang": ("◌", "h", 3),
    "blackout": ("■", "B", 4),
    "abort": ("◐", "a", 2),
    "transient": ("◎", "t", 6),
    "reset": ("≠", "R", 2),
    "throttle": ("≈", "~", 5),
    "slice": ("≡", "=", 5),
    "truncate": ("▶", "|", 6),
    "slow_close": ("◇", "c", 1),
    "timeout": ("∅", "0", 3),
    "corrupt": ("#", "#", 6),
    "loss": ("▼", "v", 7),
    "refuse": ("‖", "!", 4),
    "unreachable": ("◆", "u", 4),
    "bounce": ("▲", "^", 7),
}
OWN = "◉"
"""The glyph of a handler that is none of the built-in ones."""


def glyph(handler: str, *, ascii_only: bool = False) -> str:
    """The glyph of a handler, one column wide."""
    fancy, plain, _ = _KNOWN.get(handler, (OWN, "*", 0))
    return plain if ascii_only else fancy


def hue(handler: str) -> int:
    """The number of a handler's hue; a user's own handler always gets the same one."""
    if handler in _KNOWN:
        return _KNOWN[handler][2]
    return 1 + zlib.crc32(handler.encode()) % (HUES - 1)
