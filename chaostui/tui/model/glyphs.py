"""A glyph and a hue for each handler; the word always stands beside them."""

from __future__ import annotations

import zlib

HUES = 8
"""Handlers share so many hues; the theme says which colours they are."""

_KNOWN = {
    "normal": ("●", 0),
    "delay": ("◷", 1),
    "errors": ("✕", 2),
    "hang": ("◌", 3),
    "blackout": ("■", 4),
    "abort": ("◐", 2),
    "transient": ("◎", 6),
    "reset": ("≠", 2),
    "throttle": ("≈", 5),
    "slice": ("≡", 5),
    "truncate": ("▶", 6),
    "slow_accept": ("◈", 1),
    "slow_close": ("◇", 1),
    "timeout": ("∅", 3),
    "corrupt": ("#", 6),
    "loss": ("▼", 7),
    "refuse": ("‖", 4),
    "unreachable": ("◆", 4),
    "bounce": ("▲", 7),
}
OWN = "◉"
"""The glyph of a handler that is none of the built-in ones."""


def glyph(handler: str) -> str:
    """The glyph of a handler, one column wide."""
    return _KNOWN[handler][0] if handler in _KNOWN else OWN


def hue(handler: str) -> int:
    """The number of a handler's hue; a user's own handler always gets the same one."""
    if handler in _KNOWN:
        return _KNOWN[handler][1]
    return 1 + zlib.crc32(handler.encode()) % (HUES - 1)
