"""The end of a pipeline: what has gone through all handlers leaves here, or waits for its time."""

from __future__ import annotations

from chaostui.engine.faults.items import Delays, What
from chaostui.engine.relay.effects import Came, Effect, Left, Write
from chaostui.engine.relay.queue import Queue

BYTES_AT_ONCE = 262_144
"""Bytes that leave in one go, about."""
PIECE = 4096
"""Bytes that a piece counts for there, however small it is."""


class Outlet:
    """Gathers what is to be done, in order; bytes that leave one after the other go together."""

    __slots__ = ("_write", "effects", "full", "open", "queue", "waited")

    def __init__(self, *, open: bool) -> None:
        self.open = open
        """Whether the destination is there; what leaves before that is held."""
        self.full = False
        """Whether it has been given as much as it takes: what is held waits, but before an end."""
        self.queue = Queue()
        self.waited = 0.0
        """When the last ``Wait`` was over: what stood behind it is held from then on."""
        self.effects: list[Effect] = []
        self._write: Write | None = None
        """The one among them to which further bytes can be added."""

    @property
    def due(self) -> float | None:
        """When the foremost of what is held may leave; None: nothing can."""
        queue = self.queue
        if queue.held and self.open and (queue.ends or not self.full):
            return queue.due
        return None

    def emit(self, what: What, data: bytes, delays: Delays, arrival: float) -> None:
        """Let bytes, or an end, leave behind what is held."""
        if delays or self.queue.held or not self.open:
            since = max(self.waited, arrival)
            self.queue.push(what, data, since, arrival, delays)
        else:
            self._leave(what, data)

    def flush(self, now: float) -> None:
        """Let go of what is due, as much as one go allows."""
        queue, room = self.queue, BYTES_AT_ONCE
        while queue.held and self.open and room > 0 and (queue.ends or not self.full):
            held = queue.pop(now)
            if held is None:
                break
            room -= max(len(held.data), PIECE)
            if held.delays:
                self.effects.append(Left(held, now))
            self._leave(held.what, held.data)

    def _leave(self, what: What, data: bytes) -> None:
        if what is not What.DATA:
            self.effects.append(Came(what))
            self._write = None
        elif data and self._write is not None:
            self._write.pieces.append(data)
        elif data:
            self._write = Write([data])
            self.effects.append(self._write)

    def taken(self) -> list[Effect]:
        """What is to be done; forget it here."""
        effects = self.effects
        if effects:
            self.effects, self._write = [], None
        return effects
