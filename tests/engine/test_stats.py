"""Histograms: exact to 3.1 %, whatever is recorded."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.engine.stats import Histogram
from chaostui.engine.views import Quantiles


def histogram(values: list[float]) -> Histogram:
    """A histogram of some seconds."""
    made = Histogram()
    for value in values:
        made.record(value)
    return made


def test_nothing_recorded_is_all_zeros() -> None:
    """An empty histogram has no quantiles to tell."""
    assert Histogram().quantiles() == Quantiles()


def test_a_value_may_count_for_many() -> None:
    """Recorded three times at once, or one by one: the same."""
    at_once = Histogram()
    at_once.record(0.5)
    at_once.record(2.0, 3)

    assert at_once.quantiles() == histogram([0.5, 2.0, 2.0, 2.0]).quantiles()
    assert at_once.total == 6.5


@given(seconds=st.floats(min_value=1e-6, max_value=200_000))
def test_one_value_is_its_own_quantiles(seconds: float) -> None:
    """From a microsecond to two days every quantile is within 3.1 % of the one value."""
    told = histogram([seconds]).quantiles()

    assert told.count == 1
    assert told.max == seconds
    for quantile in (told.p50, told.p95, told.p99):
        assert quantile == pytest.approx(seconds, rel=1 / 32)
        assert quantile <= told.max


@given(st.lists(st.floats(min_value=1e-6, max_value=1000), min_size=1, max_size=200))
def test_quantiles_are_those_of_the_sorted_values(values: list[float]) -> None:
    """Each quantile is the value that so many are not above, to 3.1 %."""
    told = histogram(values).quantiles()
    ordered = sorted(values)

    for share, quantile in ((50, told.p50), (95, told.p95), (99, told.p99)):
        rank = -(-len(ordered) * share // 100)
        assert quantile == pytest.approx(ordered[rank - 1], rel=1 / 16)
    assert told.p50 <= told.p95 <= told.p99 <= told.max == ordered[-1]


@pytest.mark.parametrize("seconds", [0.0, 1e-12, 1e9])
def test_what_is_out_of_range_goes_to_the_nearest_bucket(seconds: float) -> None:
    """Nothing, hardly anything and 30 years are counted, not lost, and break nothing."""
    told = histogram([seconds, 0.5]).quantiles()

    assert told.count == 2
    assert told.max == max(seconds, 0.5)


def test_a_mean_can_be_made_of_total_and_count() -> None:
    """Metrics need the sum: it is exact."""
    made = histogram([0.25, 0.5, 0.75])

    assert (made.total, made.count) == (1.5, 3)
