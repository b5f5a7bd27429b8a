"""Dangerous keys are pressed twice."""

from __future__ import annotations

WINDOW = 3.0
"""How long the second press is waited for, in seconds."""
TYPING = 0.15
"""A second press that comes sooner is taken for typing: ``ss`` stands in many words."""


class Twice:
    """Remembers what was pressed once; anything else cancels it."""

    def __init__(self) -> None:
        self._asked = ""
        self._since = 0.0
        self._granted = ""
        self._until = 0.0

    def confirmed(self, what: str, now: float, *, least: float = TYPING) -> bool:
        """Whether this is the second press of the same within the window, and not too soon."""
        if what == self._asked and now - self._since < least:
            return False
        again = what == self._asked and now - self._since <= WINDOW
        self._asked, self._since = ("", 0.0) if again else (what, now)
        return again

    def granted(self, what: str, now: float) -> bool:
        """The same for keys that are pressed many times: after the second, further ones count."""
        if what == self._granted and now <= self._until:
            granted = True
        else:
            granted = self.confirmed(what, now)
        if granted:
            self._granted, self._until = what, now + WINDOW
        return granted

    def cancel(self) -> None:
        """Something else was pressed."""
        self._asked = self._granted = ""
