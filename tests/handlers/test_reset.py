"""reset: connection reset by peer."""

from __future__ import annotations

import pytest

from chaostui.actions import Reset as ResetBoth, Wait
from chaostui.handler import Direction
from chaostui.handlers.reset import Reset
from tests.handlers.table import WHOLE, asked, made


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_the_next_bytes_reset_the_connection(direction: Direction) -> None:
    """Either direction triggers it, and the bytes are lost."""
    assert asked(made(Reset, direction).on_data(WHOLE)) == [ResetBoth()]


def test_it_can_come_some_time_after_the_bytes() -> None:
    """With ``after`` it waits so many seconds, reading nothing, then resets."""
    assert asked(made(Reset, after=1.5).on_data(WHOLE)) == [Wait(1.5), ResetBoth()]


def test_the_connection_opens() -> None:
    """The reset needs bytes: an idle connection stays."""
    assert asked(made(Reset).on_open()) == []


def test_an_end_is_a_reset_too() -> None:
    """A client that closes without a word resets the backend, after the same wait."""
    assert asked(made(Reset).on_eof()) == [ResetBoth()]
    assert asked(made(Reset, after=1.5).on_eof()) == [Wait(1.5), ResetBoth()]


def test_the_end_of_the_other_direction_is_a_reset_at_once() -> None:
    """Nothing would come this way any more that could begin the wait."""
    assert asked(made(Reset, "downstream", after=1.5).on_other_eof()) == [ResetBoth()]
