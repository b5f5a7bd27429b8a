"""Dangerous keys are pressed twice."""

from __future__ import annotations

WINDOW = 3.0
"""How long the second press is waited for, in seconds."""


class Twice:
    """Remembers what was pressed once; anything else cancels it."""

    def __init__(self) -> None:
        self._asked = ""
        self._until = 0.0

    def confirmed(self, what: str, now: float) -> bool:
        """Whether this is the second press of the same within the window."""
        again = what == self._asked and now <= self._until
        self._asked, self._until = ("", 0.0) if again else (what, now + WINDOW)
        return again

    def cancel(self) -> None:
        """Something else was pressed."""
        self._asked = ""
