"""Dangerous keys are pressed twice, by a hand and not by typing."""

from __future__ import annotations

from chaostui.tui.model.twice import TYPING, WINDOW, Twice


def test_the_second_press_of_the_same_counts_within_the_window() -> None:
    """Once is a question; twice is a yes, which is used up."""
    twice = Twice()

    assert [twice.confirmed("halt", now) for now in (0.0, 1.0, 2.0)] == [False, True, False]
    assert not twice.confirmed("halt", 2.0 + WINDOW + 0.1)


def test_another_key_cancels_the_first() -> None:
    """Two different questions are no answer to either."""
    twice = Twice()

    assert not twice.confirmed("halt", 0.0)
    assert not twice.confirmed("solo", 1.0)
    assert not twice.confirmed("halt", 2.0)
    twice.cancel()
    assert not twice.confirmed("halt", 2.5)


def test_two_letters_of_a_word_are_no_answer() -> None:
    """What comes too soon is taken for typing, and the question stands."""
    twice = Twice()

    assert not twice.confirmed("solo", 0.0)
    assert not twice.confirmed("solo", TYPING / 2)
    assert twice.confirmed("solo", 1.0)


def test_a_granted_key_goes_on_counting_while_it_is_pressed() -> None:
    """After the second press further ones count, until a pause."""
    twice = Twice()

    assert [twice.granted("more", now) for now in (0.0, 1.0, 2.0, 4.0)] == [False, True, True, True]
    assert not twice.granted("more", 4.0 + WINDOW + 0.1)
