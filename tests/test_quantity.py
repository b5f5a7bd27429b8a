"""Amounts as people type them, in the unit that is wanted."""

from __future__ import annotations

import pytest

from chaostui import quantity


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("200ms", "s", 0.2),
        ("1.5", "s", 1.5),
        ("2m", "s", 120),
        ("3 us", "s", 3e-6),
        ("200", "ms", 200),
        ("1.5s", "ms", 1500),
        ("20kB", "", 20_000),
        ("1.5M", "", 1_500_000),
        ("64k", "B", 64_000),
        (" 412 ", "", 412),
    ],
)
def test_an_amount_is_read_in_its_unit(text: str, unit: str, amount: float) -> None:
    """A bare number is in the unit already; ``m`` is minutes of time, and a million bytes."""
    assert quantity.read(text, unit) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "x", "1x", "nan", "inf", "1e999", "1 2", "ms", "--1"])
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    """The message quotes what was typed and shows what could be."""
    with pytest.raises(ValueError, match="is not a time such as 20ms"):
        quantity.parse_seconds(text)
    with pytest.raises(ValueError, match="is not a size such as 800"):
        quantity.parse_size(text)


def test_a_number_may_have_a_thousand_at_its_end() -> None:
    """``2k`` of anything is 2000; a unit of time is none of numbers'."""
    assert quantity.parse_number("2k") == 2000
    with pytest.raises(ValueError, match="is not a number"):
        quantity.parse_number("2s")
