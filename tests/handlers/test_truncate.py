"""truncate: exactly so many bytes pass, or what passes in a time, then the connection is cut."""

from __future__ import annotations

import pytest

from chaostui.actions import Action, Close, Send, Wake
from chaostui.handlers.truncate import Truncate
from chaostui.protocol import Frame
from tests.handlers.table import DATA, WHOLE, asked, made


@pytest.mark.parametrize(
    ("limit", "actions"),
    [
        (0, [Close()]),
        (2, [Send(DATA[:2]), Close()]),
        (6, [Send(DATA), Close()]),
        (7, [Send(DATA)]),
    ],
)
def test_it_cuts_to_the_byte(limit: int, actions: list[Action]) -> None:
    """A chunk is cut where the limit is, and the end comes as soon as it is reached."""
    assert asked(made(Truncate, "downstream", bytes=limit).on_data(WHOLE)) == actions


def test_chunks_count_together() -> None:
    """What has passed before counts."""
    truncate = made(Truncate, "downstream", bytes=10)

    assert asked(truncate.on_data(Frame(bytes(6)))) == [Send(bytes(6))]
    assert asked(truncate.on_data(Frame(bytes(6)))) == [Send(bytes(4)), Close()]


def test_the_count_lives_through_new_options() -> None:
    """After 6 of 10 bytes a new limit of 20 lets 14 pass; one below the count, none."""
    truncate = made(Truncate, "downstream", bytes=10)
    asked(truncate.on_data(Frame(bytes(6))))
    truncate.options = Truncate.Options(bytes=20)

    assert asked(truncate.on_data(Frame(bytes(30)))) == [Send(bytes(14)), Close()]

    truncate.options = Truncate.Options(bytes=3)
    assert asked(truncate.on_data(WHOLE)) == [Close()]


def test_requests_pass_by_default() -> None:
    """The reply is what is cut, unless ``direction`` says otherwise."""
    assert asked(made(Truncate, "upstream", bytes=0).on_data(WHOLE)) == [Send(DATA)]
    assert asked(made(Truncate, "upstream", bytes=0, direction="both").on_data(WHOLE)) == [Close()]


def test_a_time_cuts_whatever_has_passed() -> None:
    """With ``after`` and no bytes everything passes until the time is over."""
    truncate = made(Truncate, "downstream", bytes=0, after=5)
    truncate.context.now = 100.0

    assert asked(truncate.on_start()) == [Wake(5.0)]
    truncate.context.now = 103.0
    assert asked(truncate.on_data(WHOLE)) == [Wake(2.0), Send(DATA)]
    assert asked(truncate.on_wake()) == [Close()]


def test_a_time_and_a_number_of_bytes_both_cut() -> None:
    """With both, the bytes may be reached first."""
    truncate = made(Truncate, "downstream", bytes=4, after=5)

    assert asked(truncate.on_data(WHOLE)) == [Wake(5.0), Send(DATA[:4]), Close()]


def test_a_wake_for_nothing_cuts_nothing() -> None:
    """Without a time, or in the other direction, being woken does nothing."""
    assert asked(made(Truncate, "downstream", bytes=4).on_wake()) == []
    assert asked(made(Truncate, "upstream", after=1).on_wake()) == []
    assert asked(made(Truncate, "upstream", after=1).on_start()) == []
