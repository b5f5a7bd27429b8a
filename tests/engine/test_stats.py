"""Histograms: exact to 3.1 %, whatever is recorded, of all time and of the last seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.engine.observe.stats import SLOT, WINDOW, Histogram, Stats, quantiles
from chaostui.wire.views import Quantiles

NOW = 1000.0


def histogram(values: list[float]) -> Histogram:
    """A histogram of some seconds, all of one moment."""
    made = Histogram()
    for value in values:
        made.record(value, NOW)
    return made


def whole(values: list[float]) -> Quantiles:
    """What a histogram of some seconds tells."""
    return histogram(values).whole().quantiles()


def test_nothing_recorded_is_all_zeros() -> None:
    """An empty histogram has no quantiles to tell."""
    assert quantiles(NOW, Histogram()) == Quantiles()
    assert Histogram().whole().quantiles() == Quantiles()


def test_a_value_may_count_for_many() -> None:
    """Recorded three times at once, or one by one: the same."""
    at_once = Histogram()
    at_once.record(0.5, NOW)
    at_once.record(2.0, NOW, 3)

    assert quantiles(NOW, at_once) == quantiles(NOW, histogram([0.5, 2.0, 2.0, 2.0]))
    assert at_once.total == 6.5


@given(seconds=st.floats(min_value=1e-6, max_value=200_000))
def test_one_value_is_its_own_quantiles(seconds: float) -> None:
    """From a microsecond to two days every quantile is within 3.1 % of the one value."""
    told = whole([seconds])

    assert told.count == 1
    assert told.max == seconds
    for quantile in (told.p50, told.p95, told.p99):
        assert quantile == pytest.approx(seconds, rel=1 / 32)
        assert quantile <= told.max


@given(st.lists(st.floats(min_value=1e-6, max_value=1000), min_size=1, max_size=200))
def test_quantiles_are_those_of_the_sorted_values(values: list[float]) -> None:
    """Each quantile is the value that so many are not above, to 3.1 %."""
    told = whole(values)
    ordered = sorted(values)

    for share, quantile in ((50, told.p50), (95, told.p95), (99, told.p99)):
        rank = -(-len(ordered) * share // 100)
        assert quantile == pytest.approx(ordered[rank - 1], rel=1 / 16)
    assert told.p50 <= told.p95 <= told.p99 <= told.max == ordered[-1]


@pytest.mark.parametrize("seconds", [0.0, 1e-12, 1e9])
def test_what_is_out_of_range_goes_to_the_nearest_bucket(seconds: float) -> None:
    """Nothing, hardly anything and 30 years are counted, not lost, and break nothing."""
    told = whole([seconds, 0.5])

    assert told.count == 2
    assert told.max == max(seconds, 0.5)


def test_a_mean_can_be_made_of_total_and_count() -> None:
    """Metrics need the sum of all time: it is exact, and no window ends it."""
    told = quantiles(NOW + 3 * WINDOW, histogram([0.25, 0.5, 0.75]))

    assert (told.total_seconds, told.total_count, told.count) == (1.5, 3, 0)


def test_percentiles_forget_what_is_older_than_the_window() -> None:
    """A slow minute is out of the percentiles ten seconds after it was healed."""
    made = Histogram()
    for second in range(60):
        made.record(2.0, NOW + second)
    healed = NOW + 60
    for second in range(int(WINDOW + SLOT) + 1):
        made.record(0.001, healed + second)

    told = quantiles(healed + WINDOW + SLOT, made)
    assert told.max == 0.001
    assert told.count <= WINDOW + 2
    assert made.whole().quantiles().max == 2.0
    assert made.whole().quantiles().count == made.count == 60 + int(WINDOW + SLOT) + 1


@given(
    st.lists(st.tuples(st.floats(0, 40), st.floats(min_value=1e-3, max_value=10)), max_size=60).map(
        sorted
    ),
    st.floats(0, 30),
    st.booleans(),
)
def test_the_window_holds_its_seconds_and_at_most_a_slot_more(
    values: list[tuple[float, float]], later: float, looked: bool
) -> None:
    """All that came within WINDOW is counted, nothing from before WINDOW and a slot is."""
    made = Histogram()
    for at, seconds in values:
        made.record(seconds, NOW + at)
        if looked:  # looking changes nothing
            quantiles(NOW + at, made)
    end = (values[-1][0] if values else 0.0) + later

    count = quantiles(NOW + end, made).count

    assert sum(end - at < WINDOW for at, _ in values) <= count
    assert count <= sum(end - at <= WINDOW + SLOT for at, _ in values)
    assert made.whole().quantiles().count == len(values)


def test_times_are_told_by_handler() -> None:
    """What one handler did to replies and bytes is not mixed with what others did."""
    stats = Stats()
    stats.normal.record(0.001, NOW)
    stats.latency_of("delay").record(0.5, NOW)
    stats.held(0.5, 0.0002, ["delay"], NOW)

    told = stats.times(NOW).by_handler

    assert set(told) == {"normal", "delay"}
    assert (told["normal"].latency.max, told["delay"].latency.max) == (0.001, 0.5)
    assert told["delay"].delay.max == 0.5
    assert stats.times(NOW).latency.count == stats.latency_whole().count == 2
    assert stats.times(NOW + 2 * WINDOW).by_handler == {}


def test_times_may_be_a_little_old_for_those_who_look_often() -> None:
    """Ten looks a second do not add everything up ten times; others get what is now."""
    stats = Stats()
    stats.normal.record(0.001, NOW)
    assert stats.times(NOW).latency.count == 1
    stats.normal.record(0.001, NOW)

    assert stats.times(NOW + 0.1, old=0.5).latency.count == 1
    assert stats.times(NOW + 0.1).latency.count == 2
