"""Numbers as people read them, and people's numbers as the engine reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chaostui.quantity import parse_number, parse_seconds, parse_size

__all__ = [
    "parse_number",
    "parse_seconds",
    "parse_size",
]

BLOCKS = " ▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉█"
NONE = "–"
"""Stands where there is no number: nothing measured, no limit."""


def size(value: float) -> str:
    """Bytes in at most eight characters: ``412 B``, ``59.6 MB``; ``–`` for none."""
    if value < 1:
        return NONE
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.95:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.0f} PB"


def rate(value: float) -> str:
    """Bytes a second: ``59.6 MB/s``, ``0 B/s``."""
    return f"{size(value)}/s" if value >= 1 else "0 B/s"


def count(value: float) -> str:
    """A whole number with thousands marked: ``5,213``."""
    return f"{value:,.0f}"


def number(value: int, one: str, many: str) -> str:
    """A number with its noun: ``1 entry``, ``2 entries``."""
    return f"{value:,} {one if value == 1 else many}"


def short(value: float) -> str:
    """A number in at most six characters: ``512``, ``21.4k``, ``1.2M``."""
    for unit in ("", "k", "M", "G", "T"):
        if value < 999.95:
            return f"{value:.0f}" if not unit else f"{value:.1f}{unit}"
        value /= 1000
    return f"{value:.0f}P"


def percent(value: float) -> str:
    """A weight: ``20%``, ``12.5%``."""
    return f"{value:.4g}%"


def seconds(value: float) -> str:
    """A duration with its unit: ``0.40 ms``, ``14.2 s``, ``2.1 min``; ``–`` for none."""
    if value <= 0:
        return NONE
    if value < 0.01:
        return f"{value * 1e3:.2f} ms"
    if value < 1:
        return f"{value * 1e3:.0f} ms"
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 60 else age(value)


def clock(value: float) -> str:
    """Minutes and seconds, ``0:04``; hours where there are any, ``1:02:03``."""
    whole = max(0, math.ceil(value - 1e-6))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def age(value: float) -> str:
    """An age in at most seven characters: ``0.4 s``, ``3.3 min``, ``21 h``, ``3.2 d``."""
    if value < 60:
        return f"{max(value, 0):.1f} s" if value < 9.95 else f"{min(value, 59):.0f} s"
    for unit, seconds, most in (("min", 60, 60), ("h", 3600, 24)):
        number = value / seconds
        if number < most:
            return f"{number:.1f} {unit}" if number < 9.95 else f"{int(number)} {unit}"
    return f"{value / 86_400:.1f} d" if value < 8_640_000 else f"{value / 86_400:.0f} d"


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest ``width`` values as one line of blocks, scaled to the highest of them."""
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    if top <= 0:
        return (BLOCKS[1] * len(shown)).rjust(max(width, 0))
    line = "".join(
        BLOCKS[max(1, math.ceil(value / top * 8)) if value > 0 else 1] for value in shown
    )
    return line.rjust(width)


def bar(share: float, width: int) -> str:
    """A share from 0 to 1 as a bar of eighths; more than nothing always shows an eighth."""
    eighths = min(8 * width, max(round(share * width * 8), 1 if share > 0 else 0))
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width, "·")
