"""What handlers make of the bytes that go one way: a state machine without sockets or clock.

    backlog --walk through the stages--> queue --> effects

Whoever drives it says what comes and what time it is, and does what comes back, in order. The
backlog is what waits for an earlier walk to end, the queue what waits for its time, or for the
destination to be there. All times are seconds on one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from typing import assert_never

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall, Wait, Wake
from chaostui.engine.faults.exchange import HANDLERS_RAISE, Exchange, Stage
from chaostui.engine.faults.items import MADE, NO_FRAME, STEPS, Delay, Item, What
from chaostui.engine.relay.effects import (
    Answer,
    Came,
    Effect,
    Failed,
    Finish,
    StartCall,
    StopCall,
)
from chaostui.engine.relay.outlet import Outlet
from chaostui.engine.relay.queue import EARLY
from chaostui.engine.relay.state import NEXT, STOPPED, State
from chaostui.engine.relay.walk import Out, Walk
from chaostui.handler import Direction
from chaostui.protocol import Frame

STEPS_AT_ONCE = 64
"""Steps taken in one go, after which it is ``busy``: so others can have their turn."""


class Pipeline:
    """The handlers of one direction of a connection, and what they hold."""

    __slots__ = (
        "_caller",
        "_staller",
        "_until",
        "_wakes",
        "_walk",
        "backlog",
        "backlog_size",
        "chain",
        "direction",
        "out",
        "state",
    )

    def __init__(self, direction: Direction, *, open: bool = True) -> None:
        self.direction: Direction = direction
        self.chain: tuple[Stage, ...] = ()
        """The handlers that all bytes go through, behind that of their exchange."""
        self.state = State.READY
        self.out = Outlet(open=open)
        self.backlog: deque[Item] = deque()
        """What waits for an earlier walk to end."""
        self.backlog_size = 0
        """How many bytes that is."""
        self._walk: Walk | None = None
        self._staller: Stage | None = None
        self._caller: Stage | None = None
        self._until = 0.0
        """When the current ``Wait`` is over."""
        self._wakes: dict[Stage, tuple[float, Exchange | None]] = {}

    def __repr__(self) -> str:
        return f"<Pipeline {self.direction} {self.state.value} {self.held} B>"

    # -- reading ----------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """How many bytes it keeps."""
        return self.backlog_size + self.out.queue.size

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way, so that what no handler acts on may pass it by."""
        return self.state is State.READY and not (self.backlog or self.out.queue.held or self._walk)

    @property
    def blocked(self) -> bool:
        """Whether a handler keeps bytes from leaving for an unknown time."""
        return self.state in STOPPED

    @property
    def deadline(self) -> float | None:
        """When ``wake`` is to be called; None: not at all, 0: as soon as others had a turn."""
        if self.state is State.BUSY:
            return 0.0
        due = self.out.due
        if self.state is State.WAITING:
            due = self._until if due is None else min(due, self._until)
        if self._wakes:
            soonest = min(wake for wake, _ in self._wakes.values())
            due = soonest if due is None else min(due, soonest)
        return due

    def exchanges(self) -> set[Exchange]:
        """Those whose bytes are still on their way to the handlers, ended or not."""
        items = self.backlog if self._walk is None else (self._walk.item, *self.backlog)
        return {item.exchange for item in items if item.exchange is not None}

    def unsent(self) -> set[Exchange]:
        """Those of which nothing has gone through here yet, as far as they have come."""
        items = list(self.backlog)
        if self._walk is not None and not self._walk.passed:
            items.append(self._walk.item)
        began = [item for item in items if item.frame.first or item.what is What.OPEN]
        return {item.exchange for item in began if item.exchange is not None}

    def keeps(self, now: float) -> bool:
        """Whether a handler keeps bytes, and not an end alone, from leaving ``now``."""
        waits = self.state is State.WAITING and self._walk is not None
        if waits and self._walk is not None and self._walk.item.frame.data:
            return True
        return (self.blocked and self.backlog_size > 0) or self.out.queue.keeps(now)

    def holders(self) -> set[Stage]:
        """The handlers that keep something back."""
        waits = self._walk.waits if self._walk is not None else None
        found = (self._staller, self._caller, waits)
        return self.out.queue.holders().union(stage for stage in found if stage is not None)

    # -- what happens -----------------------------------------------------------------------

    def feed(
        self,
        what: What,
        frame: Frame,
        exchange: Exchange | None,
        now: float,
        stage: Stage | None = None,
    ) -> list[Effect]:
        """Take bytes, an end, or a question to one ``stage``, in their turn."""
        item = Item(what, frame, exchange, now, stage)
        if self.state is State.READY and self._walk is None and not self.backlog:
            self._begin(item, now)
        elif self.state is not State.FINISHED:
            self.backlog.append(item)
            self.backlog_size += len(frame.data)
        return self.out.taken()

    def send(self, data: bytes, now: float) -> list[Effect]:
        """Pass bytes on behind those that are held: a user's own."""
        self.out.emit(What.DATA, data, (), now)
        return self.out.taken()

    def wake(self, now: float) -> list[Effect]:
        """The ``deadline`` has come, or the destination takes more: do what is due."""
        if self.out.queue.held:
            self.out.flush(now)
        waited = self.state is State.WAITING and self._until <= now + EARLY
        if waited or self.state is State.BUSY:
            self._go_on(now)
        if self._wakes:
            self._wake_handlers(now)
        if self.backlog:
            self._run(now)
        return self.out.taken()

    def _wake_handlers(self, now: float) -> None:
        for stage, (due, exchange) in tuple(self._wakes.items()):
            if due <= now + EARLY:
                del self._wakes[stage]
                self.backlog.append(Item(What.WAKE, NO_FRAME, exchange, now, stage))

    def called(self, unread: list[Item], now: float) -> list[Effect]:
        """A user's calls are over; what they did not read goes on."""
        if self.state is not State.CALLING:
            return self.out.taken()  # the connection has ended meanwhile
        self._caller = None
        if self._walk is None:
            self._become(State.READY)
            self.backlog.extendleft(reversed(unread))
            self.backlog_size += sum(len(item.frame.data) for item in unread)
        else:
            self.out.emit(What.DATA, b"".join(item.frame.data for item in unread), (), now)
            self._go_on(now)
        self._run(now)
        return self.out.taken()

    def release(self, off: Set[Stage], changed: Set[Stage], now: float) -> list[Effect]:
        """Handlers were switched ``off`` or ``changed``: what they held goes on, in order.

        What others hold stays held. A changed one holds what it held for as long as it says now.
        """
        for stage in (*off, *changed):
            self._wakes.pop(stage, None)
            stage.release(off=stage in off)
        if self._caller in off or self._caller in changed:
            self.out.effects.append(StopCall())
        self.out.flush(now)
        if self._staller in off or self._staller in changed:
            self._staller = None
            self._become(State.READY)
        walk = self._walk
        if walk is not None:
            walk.off |= off
            if self.state is State.WAITING and walk.waits in changed:
                walk.off.update(changed & {walk.waits})
            if self.state is State.WAITING and walk.waits in walk.off:
                self._go_on(now)
        self._run(now)
        return self.out.taken()

    def cut(self, what: What) -> list[Effect]:
        """End with ``what`` after the bytes that were already passed on, replies made here too."""
        self._forget()
        for item in self.backlog:
            if item.what in MADE:
                self.out.emit(MADE[item.what], item.frame.data, (), 0.0)
        self.backlog.clear()
        self.backlog_size = 0
        self.out.emit(what, b"", (), 0.0)
        return self.out.taken()

    def drop(self) -> list[Effect]:
        """Forget everything."""
        self._forget()
        self.backlog.clear()
        self.backlog_size = 0
        self.out.queue.clear()
        return self.out.taken()

    def _forget(self) -> None:
        if self._caller is not None:
            self.out.effects.append(StopCall(cancel=True))
        self._walk = self._staller = self._caller = None
        self._wakes.clear()
        self._become(State.FINISHED)

    def _become(self, state: State) -> None:
        assert state in NEXT[self.state], f"{self.state} → {state}"
        self.state = state

    # -- walking ----------------------------------------------------------------------------

    def _run(self, now: float) -> None:
        """Take the backlog through the handlers, until something stops it."""
        steps = STEPS_AT_ONCE
        while self.backlog and self._walk is None and self.state is State.READY:
            if not steps:
                self._become(State.BUSY)
                return
            steps -= 1
            item = self.backlog.popleft()
            self.backlog_size -= len(item.frame.data)
            self._begin(item, now)

    def _begin(self, item: Item, now: float) -> None:
        if item.what is What.LOCAL:
            self.out.emit(What.DATA, item.frame.data, (), item.arrival)
            return
        self._walk = Walk(item, self._stages, self._wakes, self.out, now)
        self._go(self._walk, now)

    def _go_on(self, now: float) -> None:
        """What has kept a walk is over."""
        if self.state is State.WAITING:
            self.out.waited = now
        self._become(State.READY)
        if self._walk is not None:
            self._go(self._walk, now)

    def _go(self, walk: Walk, now: float) -> None:
        walk.now = now
        item, steps = walk.item, STEPS_AT_ONCE
        try:
            for step in walk.steps:
                if isinstance(step, Out):
                    data = b"" if item.what is What.KEPT else step.data
                    self.out.emit(What.DATA, data, step.delays, item.arrival)
                elif not self._perform(walk, *step, now):
                    return
                steps -= 1
                if not steps:
                    self._become(State.BUSY)
                    return
        except HANDLERS_RAISE as error:
            self.out.effects.append(Failed(walk.asked, error))
            self._walk = None
            self._become(State.FINISHED)
            return
        self._walk = None
        if item.what is What.OPEN:
            self.out.effects.append(Came(What.OPEN))
        elif item.what in STEPS:
            self.out.emit(item.what, b"", (), item.arrival)

    def _stages(self, item: Item) -> tuple[Stage, ...]:
        """The handlers that act on an item now."""
        exchange = item.exchange
        drawn = exchange.stage(self.direction) if exchange is not None else None
        stages = tuple(stage for stage in self.chain if stage.active) if self.chain else ()
        if drawn is not None:
            stages = (drawn, *stages)
        if not item.frame.data:
            return stages
        for stage in stages:
            if stage.armed.asks:
                break
        else:
            return stages
        mine = (exchange.armed, *exchange.matched) if exchange is not None else ()
        return tuple(stage for stage in stages if not stage.armed.asks or stage.armed in mine)

    def _perform(self, walk: Walk, stage: Stage, action: Action, now: float) -> bool:
        """Do what a handler asks; return whether the walk goes on."""
        match action:
            case Send(data, after):
                self.out.emit(What.DATA, data, Delay.of(stage, after), walk.item.arrival)
                return True
            case Wake(seconds):
                self._wakes[stage] = (now + seconds, walk.item.exchange)
                return True
            case Reply(data):
                walk.hit(stage, action, walk.item.frame)
                self.out.effects.append(Answer(walk.item.exchange, data))
                return True
        self._stop(walk, stage, action, now)
        return False

    def _stop(
        self,
        walk: Walk,
        stage: Stage,
        action: Wait | Stall | Close | Reset | Call,
        now: float,
    ) -> None:
        """Go no further: for a while, until the settings change, until a call is over, or ever."""
        if not isinstance(action, (Wait, Stall, Close, Reset, Call)):
            raise TypeError(f"{action!r} is no action")
        walk.hit(stage, action, walk.item.frame)
        match action:
            case Wait(seconds):
                walk.waits = stage
                self._until = now + seconds
                self._become(State.WAITING)
            case Stall():
                self._staller, self._walk = stage, None
                self.backlog.appendleft(walk.rest)
                self.backlog_size += len(walk.rest.frame.data)
                self._become(State.STALLED)
            case Close() | Reset():
                self._walk = None
                self.out.effects.append(Finish(action, walk.item.exchange))
                self._become(State.FINISHED)
            case Call():
                self._call(walk, stage, action)
            case _:
                assert_never(action)

    def _call(self, walk: Walk, stage: Stage, action: Call) -> None:
        """Have a user's function called, which reads what is there already, and what comes."""
        self._caller = stage
        self._become(State.CALLING)
        if walk.whole:
            self._walk = None
        more: list[Item] = []
        while walk.whole and self.backlog and self.backlog[0].what is What.DATA:
            if not self._calls_for(self.backlog[0].exchange, walk.item.exchange):
                break
            more.append(self.backlog.popleft())
            self.backlog_size -= len(more[-1].frame.data)
        alone = bool(self.backlog) or not walk.whole
        self.out.effects.append(StartCall(action, walk.item, more, alone))

    def _calls_for(self, exchange: Exchange | None, called: Exchange | None) -> bool:
        drawn = exchange is not None and exchange.stage(self.direction) is not None
        return exchange is called or (self._caller in self.chain and not drawn)

    def called_for(self, exchange: Exchange | None, called: Exchange | None) -> bool:
        """Whether the call under way, for ``called``, gets the bytes of ``exchange`` that come."""
        return not (self.backlog or self._walk) and self._calls_for(exchange, called)
