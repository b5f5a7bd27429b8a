"""The end of a link: what waits there for its time, for the backend, or for a slow reader."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.engine.budget import PIECE
from chaostui.engine.exchange import Stage
from chaostui.engine.items import ENDS, Delays, Held, What, due

if TYPE_CHECKING:
    from chaostui.engine.link import Link

EARLY = 0.0003
"""Seconds by which held bytes may leave early: below what the timers can tell apart."""
LATE = 0.001
"""Seconds after which pieces that are overdue leave together."""
TOGETHER = 262_144
"""Bytes that leave in one write, about."""


class Outlet:
    """Holds pieces in order and writes those that are due.

    While the reader is slow they stay here, where they are counted, and not in the transport's
    buffer; but for a connection that ends, whose linger time begins when all is written.
    """

    __slots__ = ("_ends", "_held", "_link", "_stages", "_timer", "bytes")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._held: deque[Held] = deque()
        self._stages: Counter[Stage] = Counter()
        """How many pieces each handler holds."""
        self._timer: asyncio.TimerHandle | None = None
        self._ends = False
        """An end is among the pieces."""
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def holders(self) -> set[Stage]:
        """The handlers that hold something here."""
        return set(self._stages)

    def put(self, what: What, data: bytes, delays: Delays, since: float, arrival: float) -> None:
        """Hold bytes, or an end, ``since`` then for as long as ``delays`` say, or write them."""
        link = self._link
        if not self._held and not delays and link.dest.transport is not None:
            if what is What.DATA:
                self._write(data)
            else:
                link.walked_out(what)
            return
        budget = link.budget
        budget.take(len(data))
        leaves = due(since, delays)
        self._held.append(Held(leaves, what, data, since, arrival, delays))
        self.bytes += len(data)
        for delay in delays:
            self._stages[delay.stage] += 1
        self._ends = self._ends or what in ENDS
        if len(self._held) == 1:
            self._set_timer(leaves)
        elif self._ends and link.dest.chokes:
            self.flush()

    def _set_timer(self, due: float) -> None:
        # uvloop rounds to milliseconds and may fire early: ask a little late, then look again.
        delay = max(due - time.monotonic(), 0.0)
        self._timer = asyncio.get_running_loop().call_later(delay + 0.0004, self.flush)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def release(self, off: Set[Stage], changed: Set[Stage]) -> None:
        """Handlers were switched off, or have other options: look at once what is due now.

        Each piece finds out when it comes to the front; to visit all of them takes too long.
        """
        for stage in (*off, *changed):
            stage.release(off=stage in off)
        self.flush()

    def drop(self) -> None:
        """Forget everything."""
        self._cancel_timer()
        if self._held:
            self._link.budget.give_back(self.bytes, len(self._held))
        self._held.clear()
        self._stages.clear()
        self.bytes = 0
        self._link.rounds.forget(self)

    def go_on(self) -> None:
        """Write on: the turn has come."""
        self.flush()

    def flush(self) -> None:
        """Write what is due, while the reader takes it and this step of the loop has time."""
        self._cancel_timer()
        link = self._link
        if link.dest.transport is None:
            return  # comes here again when the backend is there
        while (held := self._next()) is not None:
            if held.what is What.DATA:
                self._write(self._joined(held))
            else:
                link.walked_out(held.what)
        link.settle()

    def _next(self) -> Held | None:
        """Take out the first piece if it leaves now; else see to it that it does later."""
        if not self._held or (self._link.dest.chokes and not self._ends):
            return None
        held, now = self._front(), time.monotonic()
        if held.due > now + EARLY:
            self._set_timer(held.due)
            return None
        if self._link.rounds.spent():
            self._link.rounds.wait(self)
            return None
        self._pop(held, now)
        return held

    def _front(self) -> Held:
        """The first piece, as its handlers hold it now."""
        held = self._held[0]
        if any(delay.stale for delay in held.delays):
            held = self._held[0] = held.anew()
        return held

    def _joined(self, held: Held) -> bytes:
        """The bytes of ``held``, with those behind it where all are overdue."""
        now = time.monotonic()
        if held.due > now - LATE or not self._held:
            return held.data
        pieces, size = [held.data], len(held.data)
        while self._held and size < TOGETHER:
            held = self._front()
            if held.what is not What.DATA or held.due > now - LATE:
                break
            self._pop(held, now)
            pieces.append(held.data)
            size += len(held.data)
        return b"".join(pieces)

    def _pop(self, held: Held, now: float) -> None:
        self._held.popleft()
        self.bytes -= len(held.data)
        self._link.budget.give_back(len(held.data))
        for delay in held.delays:
            self._stages[delay.stage] -= 1
            if not self._stages[delay.stage]:
                del self._stages[delay.stage]
        if held.delays:
            names = {delay.stage.armed.name for delay in held.delays}
            late = 0.0 if held.renewed else max(now - held.due, 0.0)
            self._link.connection.proxy.stats.held(now - held.arrival, late, names, now)

    def _write(self, data: bytes) -> None:
        dest = self._link.dest
        if data and dest.writable and dest.transport is not None:
            dest.transport.write(data)
            self._link.connection.wrote(self._link)

    @property
    def cost(self) -> int:
        """Bytes of memory that the pieces take, about."""
        return max(self.bytes, PIECE * len(self._held))
