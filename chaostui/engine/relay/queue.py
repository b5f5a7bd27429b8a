"""What has gone through all handlers of a direction and waits for its time to leave."""

from __future__ import annotations

from collections import Counter, deque

from chaostui.engine.faults.exchange import Stage
from chaostui.engine.faults.items import ENDS, Delays, Held, What

EARLY = 0.0003
"""Seconds by which held bytes may leave early: below what timers can tell apart."""


class Queue:
    """Leaves in the order in which it came: what is early waits for what stands before it.

    A handler that lets go, or changes, is found out when what it holds comes to the front: to
    visit all of it at once could take long.
    """

    __slots__ = ("_stages", "ends", "held", "size")

    def __init__(self) -> None:
        self.held: deque[Held] = deque()
        """The foremost first."""
        self._stages: Counter[Stage] = Counter()
        """How much each handler holds."""
        self.size = 0
        """How many bytes are in it."""
        self.ends = False
        """An end stands in it."""

    @property
    def due(self) -> float:
        """When the foremost leaves; the queue must not be empty."""
        held = self.held[0]
        for delay in held.delays:
            if delay.release != delay.stage.releases:
                held = self.held[0] = held.anew()
                break
        return held.due

    def keeps(self, now: float) -> bool:
        """Whether a handler holds bytes here whose time has not come ``now``."""
        if not self._stages:
            return False
        newest = next((held for held in reversed(self.held) if held.data), None)
        return any(
            held is not None
            and held.data
            and held.due > now + EARLY
            and any(delay.holds for delay in held.delays)
            for held in (self.held[0], newest)
        )

    def push(self, what: What, data: bytes, since: float, arrival: float, delays: Delays) -> None:
        """Hold something for as long as all its handlers say together."""
        due = since
        for delay in delays:
            due += delay.seconds
            self._stages[delay.stage] += 1
        self.held.append(Held(due, what, data, since, arrival, delays))
        self.size += len(data)
        self.ends = self.ends or what in ENDS

    def pop(self, now: float) -> Held | None:
        """Take the foremost if it is due."""
        if not self.held or self.due > now + EARLY:
            return None
        held = self.held.popleft()
        self.size -= len(held.data)
        for delay in held.delays:
            self._stages[delay.stage] -= 1
            if not self._stages[delay.stage]:
                del self._stages[delay.stage]
        return held

    def holders(self) -> set[Stage]:
        """The handlers that hold something here."""
        return set(self._stages)

    def clear(self) -> None:
        """Forget everything."""
        self.held.clear()
        self._stages.clear()
        self.size = 0
