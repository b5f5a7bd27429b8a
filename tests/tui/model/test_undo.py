"""Undo and redo."""

from __future__ import annotations

from chaostui.tui.model.twice import Twice
from chaostui.tui.model.undo import UndoStack


def test_undo_and_redo_walk_the_same_way() -> None:
    """What was undone last is made again first."""
    stack: UndoStack[str] = UndoStack()
    stack.push("a")
    stack.push("b")

    assert [stack.undo(), stack.undo(), stack.undo()] == ["b", "a", None]
    assert [stack.redo(), stack.redo(), stack.redo()] == ["a", "b", None]


def test_a_new_change_forgets_what_was_undone() -> None:
    """After a new change there is nothing to make again."""
    stack: UndoStack[str] = UndoStack()
    stack.push("a")
    stack.undo()
    stack.push("b")

    assert stack.redo() is None
    assert repr(stack) == "<UndoStack 1 to undo, 0 to redo>"


def test_the_stack_is_bounded() -> None:
    """Only the newest changes can be undone."""
    stack: UndoStack[int] = UndoStack(limit=2)
    for number in range(3):
        stack.push(number)

    assert [stack.undo(), stack.undo(), stack.undo()] == [2, 1, None]


def test_a_dangerous_key_is_pressed_twice() -> None:
    """Only a second press of the same within three seconds counts, and only once."""
    twice = Twice()

    assert not twice.confirmed("reset 1", 0.0)
    assert not twice.confirmed("reset 2", 1.0)
    assert twice.confirmed("reset 2", 2.0)
    assert not twice.confirmed("reset 2", 2.5)
    assert not twice.confirmed("reset 2", 9.0)


def test_another_key_cancels() -> None:
    """What was pressed once is forgotten when something else is pressed."""
    twice = Twice()
    twice.confirmed("quit", 0.0)
    twice.cancel()

    assert not twice.confirmed("quit", 1.0)
