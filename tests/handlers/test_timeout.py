"""timeout: nothing passes, and quiet ends the connection."""

from __future__ import annotations

import pytest

from chaostui.actions import Close, Send, Wake
from chaostui.handler import Direction
from chaostui.handlers.timeout import Timeout
from tests.handlers.table import WHOLE, asked, made


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_bytes_are_swallowed_and_begin_the_quiet_anew(direction: Direction) -> None:
    """Each chunk is dropped and sets the clock back."""
    assert asked(made(Timeout, direction, timeout=0.3).on_data(WHOLE)) == [Send(b""), Wake(0.3)]


def test_quiet_counts_from_the_beginning() -> None:
    """Where nothing ever comes, the time runs from when it was switched on."""
    assert asked(made(Timeout, timeout=0.3).on_start()) == [Wake(0.3)]


def test_quiet_ends_the_connection() -> None:
    """When the time is over both sides are closed."""
    assert asked(made(Timeout, timeout=0.3).on_wake()) == [Close()]


def test_0_is_a_black_hole_for_ever() -> None:
    """Without a time nothing is ever closed by quiet, even if an older timer still fires."""
    timeout = made(Timeout, timeout=0)

    assert asked(timeout.on_start()) == []
    assert asked(timeout.on_data(WHOLE)) == [Send(b"")]
    assert asked(timeout.on_wake()) == []


def test_an_end_ends_both_sides() -> None:
    """A FIN closes at once: nothing more could pass."""
    assert asked(made(Timeout).on_eof()) == [Close()]


def test_switching_it_off_closes() -> None:
    """What was swallowed is lost, so the connection cannot go on."""
    assert asked(made(Timeout).on_stop()) == [Close()]
