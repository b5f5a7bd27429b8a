"""Takes what goes one way through its handlers, and holds what has to wait.

    backlog --walk through the stages--> held --write--> dest

The backlog is what waits for an earlier walk to end, ``held`` what waits for its time, or for
the backend to be dialled. Both together are bounded: the link pauses reading.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall, Wait, Wake
from chaostui.engine.describe import describe
from chaostui.engine.exchange import Exchange, Stage
from chaostui.engine.items import ENDS, NO_FRAME, Held, Item, What
from chaostui.engine.side import WAIT
from chaostui.engine.user_call import UserCall
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.link import Link

EARLY = 0.0003
"""Seconds by which held bytes may leave early: below what the timers can tell apart."""

Step = tuple[Stage | None, Action]


class Walk:
    """An item on its way through the stages, which may stop on the way."""

    __slots__ = ("item", "sent", "steps")

    def __init__(self, item: Item, steps: Iterator[Step]) -> None:
        self.item = item
        self.steps = steps
        self.sent = False


class Walker:
    """The part of a link that handlers act on."""

    __slots__ = (
        "_backlog",
        "_held",
        "_link",
        "_releasing",
        "_timer",
        "_waited",
        "_waiting",
        "_wake",
        "_walk",
        "bytes",
        "call",
        "stalled",
    )

    def __init__(self, link: Link) -> None:
        self._link = link
        self._backlog: deque[Item] = deque()
        self._held: deque[Held] = deque()
        self.bytes = 0
        """How many bytes are in the backlog or held."""
        self.stalled = False
        self.call: UserCall | None = None
        self._walk: Walk | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._waited = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._releasing = False

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        busy = self._backlog or self._held or self._walk or self.stalled or self.call
        return not busy

    @property
    def blocked(self) -> bool:
        """Whether a handler keeps bytes from leaving for an unknown time."""
        return self.stalled or self._waiting is not None or self.call is not None

    # -- in ---------------------------------------------------------------------------------

    def feed(self, what: What, frame: Frame, exchange: Exchange | None) -> None:
        """Take bytes, or an end, in their turn."""
        if self._to_user(what, frame.data):
            return
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self._backlog.append(Item(what, frame, exchange, time.monotonic()))
        self.bytes += len(frame.data)
        self.run()

    def _to_user(self, what: What, data: bytes) -> bool:
        """Give bytes to a user's call that reads them; whether one did."""
        if what is What.EOF and self.call is not None:
            self.call.source_ended()
        elif what is What.DATA and self._link.tap is not None:
            self._link.tap.dest_data(data)
            return True
        elif what is What.DATA and self.call is not None:
            self.call.source_data(data)
            return True
        return False

    def run(self) -> None:
        """Walk what is in the backlog through the stages, until something stops it."""
        while self._backlog and self._walk is None and not self.stalled and self.call is None:
            item = self._backlog.popleft()
            self.bytes -= len(item.frame.data)
            self._walk = Walk(item, self._steps(item))
            self._go()
        self._link.settle()

    def _stages(self, exchange: Exchange | None) -> list[Stage]:
        link = self._link
        drawn = exchange.stage(link.direction) if exchange is not None else None
        stages = [stage for stage in link.chain if stage.active]
        return stages if drawn is None else [drawn, *stages]

    def _steps(self, item: Item) -> Iterator[Step]:
        stages = self._stages(item.exchange)
        if item.what is What.DATA:
            return self._through(stages, 0, item.frame, 0.0, item.exchange)
        if item.what is What.LOCAL:
            return iter([(None, Send(item.frame.data))])
        return self._told(stages, item.what)

    def _told(self, stages: list[Stage], what: What) -> Iterator[Step]:
        """What the stages do when no bytes come."""
        for stage in stages:
            if what is What.EOF:
                actions = stage.handler.on_eof()
            elif what is What.WAKE:
                actions = stage.handler.on_wake()
            elif what is What.OPEN and self._link.direction == "upstream":
                actions = stage.handler.on_open()
            else:
                return
            for action in actions:
                yield stage, action

    def _through(
        self,
        stages: list[Stage],
        at: int,
        frame: Frame,
        after: float,
        exchange: Exchange | None,
    ) -> Iterator[Step]:
        """What the stages from ``at`` on make of ``frame``, which comes ``after`` seconds late."""
        if at == len(stages):
            yield None, Send(frame.data, after)
            return
        stage = stages[at]
        first = frame.first
        for action in stage.handler.on_data(frame):
            if isinstance(action, Send):
                if action.after or action.data != frame.data:
                    self._link.connection.hit(stage, exchange, describe(action, frame))
                piece = frame._replace(data=action.data, first=first)
                first = False
                yield from self._through(stages, at + 1, piece, after + action.after, exchange)
            else:
                yield stage, action

    # -- walking ----------------------------------------------------------------------------

    def _go(self) -> None:
        walk = self._walk
        if walk is None:
            return
        try:
            for stage, action in walk.steps:
                if not self._perform(walk, stage, action):
                    return
        except Exception as error:  # noqa: BLE001  (a handler may raise anything)
            self._walk = None
            self._link.connection.failed(error)
            return
        self._walk = None
        self._walked(walk.item)

    def _walked(self, item: Item) -> None:
        if item.what is What.OPEN:
            self._link.connection.dial()
        elif item.what in ENDS:
            self._emit(item.what, b"", 0.0, item.arrival)

    def _perform(self, walk: Walk, stage: Stage | None, action: Action) -> bool:
        """Do what a handler asks; return whether the walk goes on."""
        item = walk.item
        if isinstance(action, Send):
            walk.sent = True
            self._emit(What.DATA, action.data, action.after, item.arrival)
            return True
        if self._releasing:
            return self._let_go(walk, action)
        if stage is not None and not isinstance(action, Wake):
            self._link.connection.hit(stage, item.exchange, describe(action, item.frame))
        if isinstance(action, (Wait, Stall)):
            self._stop(action, item)
            return False
        if isinstance(action, (Close, Reset)):
            self._walk = None
            self._link.connection.finish(action, item.exchange)
            return False
        self._do(action, item)
        return True

    def _stop(self, action: Wait | Stall, item: Item) -> None:
        """Go no further: for a while, or until the settings change."""
        if isinstance(action, Wait):
            self._link.source.pause(WAIT)
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(action.seconds, self._go_on)
            return
        self._walk = None
        self.stalled = True
        self._backlog.appendleft(item)
        self.bytes += len(item.frame.data)

    def _do(self, action: Reply | Wake | Call, item: Item) -> None:
        match action:
            case Reply(data):
                self._link.connection.answer(item.exchange, data, self._link)
            case Wake(seconds):
                loop = asyncio.get_running_loop()
                self._wake = loop.call_later(seconds, self._woken, item.exchange)
            case Call():
                self.call = UserCall(self._link, action)
                self.call.start()
            case _:
                assert_never(action)

    def _go_on(self) -> None:
        """A ``Wait`` is over."""
        self._waiting = None
        self._waited = time.monotonic()
        self._go()
        if self._waiting is None:
            self._link.source.resume(WAIT)
        if self._walk is None:
            self.run()

    def _woken(self, exchange: Exchange | None) -> None:
        self._wake = None
        self._link.feed(What.WAKE, NO_FRAME, exchange)

    def called(self) -> None:
        """A user's call has returned."""
        self.call = None
        self.run()

    # -- letting go -------------------------------------------------------------------------

    def _cancel_timers(self) -> None:
        for timer in (self._waiting, self._wake, self._timer):
            if timer is not None:
                timer.cancel()
        self._waiting = self._wake = self._timer = None

    def release(self) -> None:
        """A handler was switched off or changed: what was held goes on now, in order."""
        self._cancel_timers()
        self.stalled = False
        if self._walk is not None:
            self._releasing = True
            self._go()
            self._releasing = False
        self._link.source.resume(WAIT)
        now = time.monotonic()
        for place, held in enumerate(self._held):
            if held.due > now:
                self._held[place] = held._replace(due=now)
        self.flush()
        self.run()

    def _let_go(self, walk: Walk, action: Action) -> bool:
        """Finish a walk without the waits and the ends that its handler still asks for."""
        if isinstance(action, (Close, Reset, Stall)):
            self._walk = None
            if not walk.sent:
                self._emit(What.DATA, walk.item.frame.data, 0.0, walk.item.arrival)
            self._walked(walk.item)
            return False
        return True

    def drop(self) -> None:
        """Forget everything."""
        self._cancel_timers()
        self._backlog.clear()
        self._held.clear()
        self._walk = None
        self.bytes = 0
        self.stalled = False
        if self.call is not None:
            self.call.cancel()

    def cut(self, what: What) -> None:
        """End with ``what`` after the bytes that were already passed on, replies made here too."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._walk = None
        self.stalled = False
        if self.call is not None:
            self.call.cancel()
            self.call = None
        for item in self._backlog:
            self.bytes -= len(item.frame.data)
            if item.what is What.LOCAL:
                self._emit(What.DATA, item.frame.data, 0.0, 0.0)
        self._backlog.clear()
        self._emit(what, b"", 0.0, 0.0)

    # -- out --------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Pass bytes on after those that are held."""
        self._emit(What.DATA, data, 0.0, time.monotonic())

    def _emit(self, what: What, data: bytes, after: float, arrival: float) -> None:
        if not self._held and after <= 0 and self._link.dest.transport is not None:
            self._write(what, data)
            return
        due = max(arrival, self._waited) + after
        self._held.append(Held(due, what, data, arrival if after > 0 else 0.0))
        self.bytes += len(data)
        if len(self._held) == 1:
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        # uvloop rounds to milliseconds and may fire early: ask a little late, then look again.
        delay = max(due - time.monotonic(), 0.0)
        self._timer = asyncio.get_running_loop().call_later(delay + 0.0004, self.flush)

    def flush(self) -> None:
        """Write what is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._link.dest.transport is None:
            return  # comes here again when the backend is there
        while self._held:
            now = time.monotonic()
            due, what, data, arrival = self._held[0]
            if due > now + EARLY:
                self._set_timer(due)
                break
            self._held.popleft()
            self.bytes -= len(data)
            if arrival:
                stats = self._link.connection.proxy.stats
                stats.delay.record(now - arrival)
                stats.delay_error.record(max(now - due, 0.0))
            self._write(what, data)
        self._link.settle()

    def _write(self, what: What, data: bytes) -> None:
        dest = self._link.dest
        if what in ENDS:
            self._link.walked_out(what)
        elif data and dest.writable and dest.transport is not None:
            dest.transport.write(data)
            self._link.connection.wrote(self._link)
