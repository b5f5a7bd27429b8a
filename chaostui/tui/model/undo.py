"""Undo and redo of changes: a bounded stack and the way back."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class UndoStack(Generic[T]):
    """The last ``limit`` changes, newest last."""

    def __init__(self, limit: int = 100) -> None:
        self._done: deque[T] = deque(maxlen=limit)
        self._undone: list[T] = []

    def push(self, change: T) -> None:
        """Remember a change that was made; what had been undone is forgotten."""
        self._done.append(change)
        self._undone.clear()

    @property
    def newest(self) -> T | None:
        """What would be undone next, or None."""
        return self._done[-1] if self._done else None

    @property
    def undone(self) -> T | None:
        """What would be made again next, or None."""
        return self._undone[-1] if self._undone else None

    def undo(self) -> T | None:
        """Take back the newest change, or None when there is none."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def redo(self) -> T | None:
        """Make the newest undone change again, or None when there is none."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]

    def replace(self, change: T, by: T | None) -> None:
        """A change failed: only ``by`` was made of it, or nothing."""
        for stack in (self._done, self._undone):
            for at, each in enumerate(stack):
                if each is change:
                    del stack[at]
                    if by is not None:
                        stack.insert(at, by)
                    return

    def keep(self, change: T) -> None:
        """Undoing it failed: it is still what is undone first."""
        self._undone = [each for each in self._undone if each is not change]
        self._done.append(change)

    def __repr__(self) -> str:
        return f"<UndoStack {len(self._done)} to undo, {len(self._undone)} to redo>"
