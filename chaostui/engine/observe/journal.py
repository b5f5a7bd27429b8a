"""Who changed what: every change of an engine, whoever made it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from chaostui.engine.observe.bus import Bus
from chaostui.events import Changed

KEPT = 10_000


class Journal:
    """The newest changes, as they went over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._kept: deque[Changed] = deque(maxlen=KEPT)
        self.revision = 0
        """Grows by one with each change."""
        self.listeners: list[Callable[[Changed], None]] = []
        """Called with each change, at once; for the log."""

    def write(
        self, actor: str, what: str, proxy: str = "", before: str = "", after: str = ""
    ) -> None:
        """Write down a change that was made."""
        self.revision += 1
        self._keep(actor=actor, what=what, proxy=proxy, before=before, after=after)

    def note(self, actor: str, text: str) -> Changed:
        """Write down a marker of a tester's; it changes nothing."""
        return self._keep(actor=actor, what="note", proxy="", before="", after=text)

    def _keep(self, **told: str) -> Changed:
        change = self._bus.publish(Changed, **told)
        self._kept.append(change)
        for listener in self.listeners:
            listener(change)
        return change

    def since(self, seq: int) -> list[Changed]:
        """The changes whose event number is greater than ``seq``, oldest first."""
        return [change for change in self._kept if change.seq > seq]
