"""The dice: evenly spread, without memory, the same for the same seed."""

from __future__ import annotations

from hypothesis import given, strategies as st

from chaostui.engine.faults.dice import Dice

numbers = st.integers(min_value=0, max_value=2**40)


@given(seed=numbers, proxy=st.text(max_size=20), connection=numbers, exchange=numbers)
def test_a_roll_depends_on_what_is_rolled_for_alone(
    seed: int, proxy: str, connection: int, exchange: int
) -> None:
    """Other dice of the same seed roll the same, from 0 to below 1, in whatever order."""
    dice, again = Dice(seed, proxy), Dice(seed, proxy)
    again.roll(1, 1)
    again.random(connection, exchange, "before").random()

    assert 0 <= dice.roll(connection, exchange) < 1
    assert again.roll(connection, exchange) == dice.roll(connection, exchange)


def test_seed_proxy_connection_exchange_and_purpose_all_matter() -> None:
    """Each of the five changes the roll."""
    rolls = {
        Dice(1, "a").roll(1, 1),
        Dice(2, "a").roll(1, 1),
        Dice(1, "b").roll(1, 1),
        Dice(1, "a").roll(2, 1),
        Dice(1, "a").roll(1, 2),
        Dice(1, "a").roll(1, 1, "chain x"),
        Dice(1, "a").roll(1, 1, "chain y"),
        Dice(1, "a").roll(11, 1),
        Dice(1, "a").roll(1, 11),
    }

    assert len(rolls) == 9


def test_rolls_are_spread_evenly() -> None:
    """Of 20,000 rolls each tenth of the range gets a tenth, to 10 %."""
    dice = Dice(7, "a")
    tenths = [0] * 10
    for connection in range(200):
        for exchange in range(100):
            tenths[int(dice.roll(connection, exchange) * 10)] += 1

    assert all(1800 <= count <= 2200 for count in tenths)


def test_a_handlers_own_dice_are_the_same_again() -> None:
    """A generator for one purpose gives the same numbers each time it is made."""
    one, two = (Dice(7, "a").random(3, 4, "delay upstream") for _ in range(2))

    assert [one.random() for _ in range(5)] == [two.random() for _ in range(5)]
    assert Dice(7, "a").random(3, 4, "delay downstream").random() != one.random()
