"""delay: bytes go on late, in order, and reading goes on meanwhile."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given, strategies as st

from chaostui.actions import Send
from chaostui.handler import Direction
from chaostui.handlers.delay import Delay
from tests.handlers.table import DATA, WHOLE, asked, made

DRAWS = 20_000
SHAPES = ("constant", "uniform", "normal", "lognormal", "pareto")


@pytest.mark.parametrize(
    ("options", "direction", "after"),
    [
        ({}, "upstream", 1.0),
        ({}, "downstream", 0.0),
        ({"sleep": 0.2}, "upstream", 0.2),
        ({"sleep": 0}, "upstream", 0.0),
        ({"sleep": 2, "direction": "downstream"}, "downstream", 2.0),
        ({"sleep": 2, "direction": "downstream"}, "upstream", 0.0),
        ({"sleep": 2, "direction": "both"}, "upstream", 2.0),
        ({"sleep": 2, "direction": "both"}, "downstream", 2.0),
    ],
)
def test_the_chosen_direction_is_held_back(
    options: dict[str, Any], direction: Direction, after: float
) -> None:
    """By default the request is late by a second; the reply, or both, where it says so."""
    delay = made(Delay, direction, **options)

    assert asked(delay.on_data(WHOLE)) == [Send(DATA, after=after)]


@given(
    sleep=st.floats(0, 86_400),
    jitter=st.floats(0, 86_400),
    shape=st.sampled_from(SHAPES),
)
def test_a_delay_is_never_negative_and_has_an_end(sleep: float, jitter: float, shape: str) -> None:
    """Whatever the shape, a draw lies between 0 and ``sleep + 20 * jitter``."""
    seconds = made(Delay, sleep=sleep, jitter=jitter, distribution=shape).seconds()

    assert 0 <= seconds <= sleep + 20 * jitter


def draws(shape: str, sleep: float = 1.0, jitter: float = 0.1) -> list[float]:
    """Many delays of one shape, from fixed dice."""
    delay = made(Delay, sleep=sleep, jitter=jitter, distribution=shape)
    return [delay.seconds() for _ in range(DRAWS)]


@pytest.mark.parametrize("shape", ["constant", "uniform"])
def test_a_uniform_spread_stays_within_the_jitter(shape: str) -> None:
    """``sleep`` plus or minus ``jitter``, evenly: also where no shape is named."""
    found = draws(shape)

    assert 0.9 <= min(found) < 0.901
    assert 1.099 < max(found) <= 1.1
    assert statistics.mean(found) == pytest.approx(1.0, abs=0.005)


def test_a_normal_spread_has_mean_and_deviation() -> None:
    """``sleep`` is the mean, ``jitter`` the standard deviation."""
    found = draws("normal")

    assert statistics.mean(found) == pytest.approx(1.0, abs=0.005)
    assert statistics.stdev(found) == pytest.approx(0.1, abs=0.005)


def test_a_lognormal_spread_has_its_median_and_a_deviation_above() -> None:
    """``sleep`` is the median; 84.1 % lie below ``sleep + jitter``."""
    found = sorted(draws("lognormal"))

    assert statistics.median(found) == pytest.approx(1.0, abs=0.005)
    assert found[int(DRAWS * 0.8413)] == pytest.approx(1.1, abs=0.01)


def test_a_pareto_spread_begins_at_sleep_with_a_long_tail() -> None:
    """Nothing is faster than ``sleep``; the mean is ``sleep + jitter``; some are far slower."""
    found = draws("pareto")

    assert min(found) >= 1.0
    assert statistics.mean(found) == pytest.approx(1.1, abs=0.01)
    assert max(found) > 1.5


def test_new_options_count_from_the_next_bytes_on() -> None:
    """The engine replaces ``options``; the handler reads them each time."""
    delay = made(Delay, sleep=1)
    delay.options = Delay.Options(sleep=3)

    assert asked(delay.on_data(WHOLE)) == [Send(DATA, after=3.0)]
