"""Plans: what the dice fall on, and how often a handler may hit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from chaostui.engine.faults.plan import Armed, Plan
from chaostui.handler import Handler
from chaostui.handlers.delay import Delay
from chaostui.handlers.errors import Errors


def armed(weight: float = 100.0, kind: type[Handler] = Delay, **options: Any) -> Armed:
    """A handler that is switched on."""
    return Armed(kind, kind.Options(**options), weight)


def plan(*mix: Armed) -> Plan:
    """A plan of a mix alone."""
    return Plan(mix, (), {each.name: each for each in mix})


def test_a_roll_falls_on_the_weights_in_their_order() -> None:
    """20 and 5 percent: below 0.2, from there to 0.25, and from there on normal."""
    delay, errors = armed(20), armed(5, Errors)
    mixed = plan(delay, errors)

    assert [mixed.pick(roll) for roll in (0.0, 0.199, 0.2, 0.249, 0.25, 0.999)] == [
        delay, delay, errors, errors, None, None,
    ]  # fmt: skip


@given(weight=st.floats(0, 100), roll=st.floats(0, 1, exclude_max=True))
def test_a_weight_is_the_share_of_rolls_it_gets(weight: float, roll: float) -> None:
    """A roll is hit if and only if it is below the weight."""
    each = armed(weight)

    assert (plan(each).pick(roll) is each) == (roll * 100 < weight)


def test_a_plan_with_nothing_on_is_quiet() -> None:
    """Where nothing acts, bytes need not be looked at."""
    assert Plan().quiet
    assert not plan(armed(1)).quiet
    assert Plan().pick(0.0) is None


def test_a_plan_keeps_only_the_very_same_handler() -> None:
    """One that was switched off and on again is another one."""
    delay = armed()

    assert plan(delay).keeps(delay)
    assert not plan(armed()).keeps(delay)
    assert not Plan().keeps(delay)


@pytest.mark.parametrize(
    ("options", "hits"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"max_hits": 2}, [1, 2]),
        ({"every": 2}, [2, 4, 6]),
        ({"every": 3, "max_hits": 1}, [3]),
    ],
)
def test_every_and_max_hits_say_which_draws_hit(options: dict[str, Any], hits: list[int]) -> None:
    """Of six draws these hit."""
    each = armed(**options)

    assert [number for number in range(1, 7) if each.take()] == hits


def test_a_draw_that_did_not_hit_can_be_given_back() -> None:
    """What was given back can be taken again."""
    each = armed(max_hits=1)
    assert each.take()
    assert not each.take()
    each.give_back()

    assert each.take()


def test_a_duration_counts_from_when_it_was_switched_on() -> None:
    """Without a duration there is no end."""
    each = armed(duration=5)

    assert each.ends_at == each.since + 5
    assert armed().ends_at is None
