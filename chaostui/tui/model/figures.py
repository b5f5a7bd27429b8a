"""Numbers as people read them, and people's numbers as the engine reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
_SIZES = {"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12}
_SECONDS = {"": 1, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600}


def size(value: float) -> str:
    """Bytes in at most six characters: ``412``, ``59.6M``; ``-`` for none."""
    if value < 1:
        return "-"
    for unit in ("", "K", "M", "G", "T"):
        if value < 999.95:
            return f"{value:.0f}" if not unit else f"{value:.1f}{unit}"
        value /= 1000
    return f"{value:.0f}P"


def count(value: float) -> str:
    """A whole number with thousands marked: ``5,213``."""
    return f"{value:,.0f}"


def number(value: int, one: str, many: str) -> str:
    """A number with its noun: ``1 entry``, ``2 entries``."""
    return f"{value:,} {one if value == 1 else many}"


def short(value: float) -> str:
    """A number in at most six characters: ``512``, ``21.4k``."""
    return size(value).lower().replace("-", "0")


def percent(value: float) -> str:
    """A weight: ``20%``, ``12.5%``."""
    return f"{value:.4g}%"


def seconds(value: float) -> str:
    """A duration with its unit: ``0.40 ms``, ``14.2 s``, ``2:05``; ``-`` for none."""
    if value <= 0:
        return "-"
    if value < 0.01:
        return f"{value * 1e3:.2f} ms"
    if value < 1:
        return f"{value * 1e3:.0f} ms"
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 60 else clock(value)


def clock(value: float) -> str:
    """Minutes and seconds, ``0:04``; hours where there are any, ``1:02:03``."""
    whole = max(0, math.ceil(value - 1e-6))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def age(value: float) -> str:
    """An age in at most six characters: ``0.4s``, ``12s``, ``3m20``, ``2h05``, ``3d04``."""
    if value < 10:
        return f"{max(value, 0):.1f}s"
    if value < 60:
        return f"{value:.0f}s"
    if value < 3600:
        return f"{int(value // 60)}m{int(value % 60):02}"
    if value < 86_400:
        return f"{int(value // 3600)}h{int(value % 3600 // 60):02}"
    return f"{int(value // 86_400)}d{int(value % 86_400 // 3600):02}"


def parse_size(text: str) -> float:
    """Read bytes: ``412``, ``1.5M``, ``20kB`` (decimal). Raises ValueError."""
    return _parse(text, _SIZES, "a size such as 800, 20k or 1.5M")


def parse_seconds(text: str) -> float:
    """Read a duration in seconds: ``1.5``, ``20ms``, ``2m``. Raises ValueError."""
    return _parse(text, _SECONDS, "a time such as 20ms, 1.5s or 2m")


def parse_number(text: str) -> float:
    """Read a plain number. Raises ValueError."""
    return _parse(text, {"": 1, "k": 1e3, "m": 1e6}, "a number")


def _parse(text: str, units: dict[str, float], expected: str) -> float:
    text = text.strip().lower()
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzµ")
    try:
        value = float(digits) * units[text[len(digits) :].strip()]
    except (KeyError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not {expected}")
    return value


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
    """A share from 0 to 1 as a bar; more than nothing always shows one block."""
    full = min(width, max(round(share * width), 1 if share > 0 else 0))
    return "█" * full + "·" * (width - full)
