"""Who changed what: every change of an engine, whoever made it."""

from __future__ import annotations

from collections import deque

from chaostui.engine.bus import Bus
from chaostui.events import AnyEvent, Changed

KEPT = 10_000


class Journal:
    """The newest changes, as they went over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._kept: deque[Changed] = deque(maxlen=KEPT)
        self.revision = 0
        """Grows by one with each change."""
        bus.listeners.append(self._keep)

    def _keep(self, event: AnyEvent) -> None:
        if isinstance(event, Changed):
            self._kept.append(event)

    def write(
        self, actor: str, what: str, proxy: str = "", before: str = "", after: str = ""
    ) -> None:
        """Write down a change that was made."""
        self.revision += 1
        self._bus.publish(Changed, proxy=proxy, actor=actor, what=what, before=before, after=after)

    def note(self, actor: str, text: str) -> Changed:
        """Write down a marker of a tester's; it changes nothing."""
        self._bus.publish(Changed, proxy="", actor=actor, what="note", after=text)
        return self._kept[-1]

    def since(self, seq: int) -> list[Changed]:
        """The changes whose event number is greater than ``seq``, oldest first."""
        return [change for change in self._kept if change.seq > seq]
