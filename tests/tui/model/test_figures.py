"""Numbers as people read them, and back."""

from __future__ import annotations

import pytest

from chaostui.tui.model import figures


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "–"), (1, "1 B"), (412, "412 B"), (999, "999 B"), (1000, "1.0 kB"),
        (878_700, "878.7 kB"), (999_940, "999.9 kB"), (999_960, "1.0 MB"),
        (59_600_000, "59.6 MB"), (2e9, "2.0 GB"), (3e12, "3.0 TB"), (5e15, "5 PB"),
    ],
)  # fmt: skip
def test_sizes_have_units_and_fit_eight_characters(value: float, shown: str) -> None:
    """Bytes are shown with one decimal and a decimal unit."""
    assert figures.size(value) == shown
    assert len(shown) <= 8


def test_rates_have_units() -> None:
    """Nothing a second is still a rate."""
    assert (figures.rate(0), figures.rate(281_600_000)) == ("0 B/s", "281.6 MB/s")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "–"), (-1, "–"), (0.0004, "0.40 ms"), (0.02, "20 ms"), (1.63, "1.63 s"),
        (14.2, "14.2 s"), (125, "2.1 min"),
    ],
)  # fmt: skip
def test_durations_have_units(value: float, shown: str) -> None:
    """A duration is shown in the unit that fits it."""
    assert figures.seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0:00"), (3.2, "0:04"), (60, "1:00"), (3723, "1:02:03")]
)
def test_a_countdown_never_says_less_than_is_left(value: float, shown: str) -> None:
    """A countdown rounds up."""
    assert figures.clock(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.44, "0.4 s"), (9.97, "10 s"), (12, "12 s"), (59.9, "59 s"), (60, "1.0 min"),
        (200, "3.3 min"), (3599, "59 min"), (7500, "2.1 h"), (86_399, "23 h"), (274_000, "3.2 d"),
        (9e6, "104 d"), (-1, "0.0 s"),
    ],
)  # fmt: skip
def test_ages_have_units_and_fit_seven_characters(value: float, shown: str) -> None:
    """An age is shown in its largest unit, with a blank before it as everywhere."""
    assert figures.age(value) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("text", "value"), [("800", 800), ("1.5M", 1.5e6), ("20kB", 20e3), (" 2 g", 2e9), ("3b", 3)]
)
def test_sizes_are_read(text: str, value: float) -> None:
    """Sizes are read with decimal units, in either case."""
    assert figures.parse_size(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), ("20ms", 0.02), ("2m", 120), ("1h", 3600), ("5us", 5e-6)]
)
def test_durations_are_read(text: str, value: float) -> None:
    """Durations are read in seconds, with units from us to h."""
    assert figures.parse_seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "x", "1x", "nan", "inf", "1.2.3", "--1"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """What cannot be read is refused with an example of what can."""
    with pytest.raises(ValueError, match="is not a size such as"):
        figures.parse_size(text)


def test_a_sparkline_scales_to_its_highest_value() -> None:
    """The newest values are drawn, zero as the lowest block, the highest as a full one."""
    assert figures.sparkline([9, 0, 1, 4, 8], 4) == "▁▁▄█"
    assert figures.sparkline([], 3) == "   "
    assert figures.sparkline([0, 0], 3) == " ▁▁"
    assert figures.sparkline([1], 0) == ""


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, "········"), (0.001, "▏·······"), (0.5, "████····"), (0.55, "████▍···"), (1, "████████")],
)
def test_a_bar_shows_any_share(share: float, drawn: str) -> None:
    """Bars count in eighths of a block; more than nothing always shows one."""
    assert figures.bar(share, 8) == drawn


@pytest.mark.parametrize("width", [7, 8, 11, 20])
def test_five_ten_and_twenty_percent_have_different_bars(width: int) -> None:
    """The shares that people use can be told apart in the narrowest bar."""
    bars = [figures.bar(share, width) for share in (0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25)]
    assert len(set(bars)) == len(bars)
    assert {len(bar) for bar in bars} == {width}


def test_short_numbers_and_counts() -> None:
    """Counts have thousands marked, short ones a unit."""
    assert (figures.count(5213), figures.short(21_400), figures.short(0)) == ("5,213", "21.4k", "0")
    assert (figures.percent(20), figures.percent(12.5)) == ("20%", "12.5%")
