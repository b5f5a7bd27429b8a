"""Amounts as people type them: ``200ms``, ``1.5s``, ``64k``, read in the unit that is wanted."""

from __future__ import annotations

import math

_SIZES = {"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12}
_SECONDS = {"": 1, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600}


def parse_size(text: str) -> float:
    """Read bytes: ``412``, ``1.5M``, ``20kB`` (decimal). Raises ValueError."""
    return _parse(text, _SIZES, "a size such as 800, 20k or 1.5M")


def parse_seconds(text: str) -> float:
    """Read a duration in seconds: ``1.5``, ``20ms``, ``2m``. Raises ValueError."""
    return _parse(text, _SECONDS, "a time such as 20ms, 1.5s or 2m")


def parse_number(text: str) -> float:
    """Read a plain number. Raises ValueError."""
    return _parse(text, {"": 1, "k": 1e3, "m": 1e6}, "a number")


def read(text: str, unit: str) -> float:
    """Read an amount in ``unit``; a bare number is in that unit already. Raises ValueError."""
    text = text.strip()
    if unit == "s":
        return parse_seconds(text)
    if unit == "ms":
        bare = text.replace(".", "", 1).isdigit()
        return float(text) if bare else parse_seconds(text) * 1000
    return parse_size(text.removesuffix(unit).strip() if unit else text)


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
