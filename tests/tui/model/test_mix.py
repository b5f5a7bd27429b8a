"""Weights: what is left of 100 is normal, and never less than nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.tui.model import mix

HALF = {"delay": 20.0, "errors": 30.0}


@pytest.mark.parametrize(
    ("weights", "name", "delta", "after"),
    [
        (HALF, "delay", 5, {"delay": 25, "errors": 30}),
        (HALF, "delay", -5, {"delay": 15, "errors": 30}),
        (HALF, "delay", -50, {"delay": 0, "errors": 30}),
        (HALF, "delay", 90, {"delay": 70, "errors": 30}),
        (HALF, "hang", 1, {"delay": 20, "errors": 30, "hang": 1}),
        (HALF, "normal", -10, {"delay": 24, "errors": 36}),
        (HALF, "normal", 100, {"delay": 0, "errors": 0}),
        ({}, "normal", -10, {}),
    ],
)
def test_steps_stay_within_what_is_left(
    weights: mix.Weights, name: str, delta: float, after: mix.Weights
) -> None:
    """A weight moves between nothing and what the others leave; normal scales the others."""
    assert mix.step(weights, name, delta) == after


@pytest.mark.parametrize(
    ("weights", "name", "weight", "on", "after"),
    [
        (HALF, "delay", 20, False, {"delay": 0, "errors": 30}),
        (HALF, "delay", 99, True, HALF),
        ({"delay": 0.0}, "delay", 35, True, {"delay": 35}),
        ({"delay": 0.0}, "delay", 35, False, {"delay": 0}),
        ({"errors": 95.0}, "hang", 20, True, {"errors": 95, "hang": 5}),
        (HALF, "normal", 50, False, {"delay": 40, "errors": 60}),
        ({"delay": 40.0, "errors": 60.0}, "normal", 50, True, {"delay": 20, "errors": 30}),
    ],
)
def test_switching_has_one_direction(
    weights: mix.Weights, name: str, weight: float, on: bool, after: mix.Weights
) -> None:
    """Off is nothing, on the weight as far as there is room; what is so already stays."""
    assert mix.switch(weights, name, weight, on=on) == after


def test_equal_shares() -> None:
    """All that is on gets the same, normal included where it has a share."""
    assert mix.equal(HALF) == {"delay": 33.3, "errors": 33.3}
    assert mix.equal({"delay": 90.0, "errors": 10.0}) == {"delay": 50, "errors": 50}
    assert mix.equal({"delay": 5.0, "hang": 0.0}) == {"delay": 50, "hang": 0}
    assert mix.equal({}) == {}


def test_solo() -> None:
    """Solo gives everything to one; solo of normal is nothing but normal."""
    assert mix.solo("delay") == {"delay": 100}
    assert mix.solo("normal") == {}


def test_reading_and_writing() -> None:
    """A behavior is read without normal and written without what is off."""
    assert mix.read("50:normal,20:delay,5:errors") == {"delay": 20, "errors": 5}
    assert mix.write({"delay": 20.0, "hang": 0.0, "errors": 2.5}) == "20:delay,2.5:errors"
    assert mix.read("") == {}


def test_keys_keep_their_meaning() -> None:
    """The profile's handlers come first; a name that has a key keeps it."""
    names = mix.order("5:hang,20:delay", ["normal", "delay", "errors"])

    assert names == ("normal", "hang", "delay", "errors")
    assert mix.order("1:own", ["normal", "delay"], names) == (*names, "own")


@given(
    st.dictionaries(st.sampled_from(["delay", "errors", "hang"]), st.floats(0, 33)),
    st.lists(
        st.tuples(
            st.sampled_from(["normal", "delay", "errors", "hang", "own"]), st.floats(-100, 100)
        ),
        max_size=8,
    ),
)
def test_the_sum_never_passes_100(weights: mix.Weights, steps: list[tuple[str, float]]) -> None:
    """Whatever is pressed, the faults share between nothing and everything."""
    for name, delta in steps:
        weights = mix.step(weights, name, delta)

        assert 0 <= sum(weights.values()) <= 100.01
        assert all(weight >= 0 for weight in weights.values())
