"""Takes what goes one way through its handlers.

    backlog --walk through the stages--> outlet --write--> dest

The backlog is what waits for an earlier walk to end; what waits for its time is held at the
``Outlet``. Both together are bounded: the link pauses reading.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from typing import TYPE_CHECKING, assert_never

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall, Wait, Wake
from chaostui.engine.backlog import Backlog
from chaostui.engine.compile import NORMAL
from chaostui.engine.describe import describe
from chaostui.engine.exchange import HANDLERS_RAISE, Exchange, Stage
from chaostui.engine.inbox import Piece
from chaostui.engine.items import MADE, NO_FRAME, STEPS, Delay, Delays, Item, What
from chaostui.engine.outlet import EARLY, Outlet
from chaostui.engine.side import WAIT
from chaostui.engine.user_call import UserCall
from chaostui.engine.walk import Out, Walk
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.link import Link


class Walker:
    """The part of a link that handlers act on."""

    __slots__ = (
        "_backlog",
        "_call_exchange",
        "_caller",
        "_link",
        "_outlet",
        "_parked",
        "_staller",
        "_until",
        "_waited",
        "_waiting",
        "_wakes",
        "_walk",
        "call",
        "stalled",
    )

    def __init__(self, link: Link) -> None:
        self._link = link
        self._backlog = Backlog(link)
        self._outlet = Outlet(link)
        self._parked = False
        """It goes on when its turn comes."""
        self.stalled = False
        self._staller: Stage | None = None
        self.call: UserCall | None = None
        self._caller: Stage | None = None
        self._call_exchange: Exchange | None = None
        self._walk: Walk | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._waited = 0.0
        self._until = 0.0
        """When the current ``Wait`` is over, and when the last one was."""
        self._wakes: dict[Stage, asyncio.TimerHandle] = {}

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        waits = len(self._backlog) or len(self._outlet) or self._walk or self._parked
        return not (waits or self.stalled or self.call)

    @property
    def held(self) -> int:
        """How many bytes are in the backlog or held."""
        return self._backlog.size + self._outlet.bytes

    @property
    def backlog(self) -> int:
        """Bytes of memory that what waits for an earlier walk takes, about."""
        return self._backlog.cost

    @property
    def cost(self) -> int:
        """Bytes of memory that all that is kept here takes, about."""
        return self._backlog.cost + self._outlet.cost

    @property
    def blocked(self) -> bool:
        """Whether a handler keeps bytes from leaving for an unknown time."""
        return bool(self.stalled or self._waiting or self.call)

    # -- in ---------------------------------------------------------------------------------

    def feed(self, what: What, frame: Frame, exchange: Exchange | None) -> None:
        """Take bytes, or an end, in their turn."""
        if self._to_user(what, frame, exchange):
            return
        self._backlog.append(Item(what, frame, exchange, time.monotonic()))
        self.run()

    def tell(self, what: What, stage: Stage, exchange: Exchange | None) -> None:
        """Ask one handler, in its turn, what it does now."""
        self._backlog.append(Item(what, NO_FRAME, exchange, time.monotonic(), stage))
        self.run()

    def _to_user(self, what: What, frame: Frame, exchange: Exchange | None) -> bool:
        """Give bytes to a user's call that reads them; whether one did."""
        tap, call = self._link.tap, self.call
        if tap is not None and (what is What.DATA or (what is What.LOCAL and tap.dest_inbox.size)):
            tap.dest_data(frame, exchange)
        elif what is What.EOF and tap is not None:
            tap.dest_ended()
        elif call is None:
            return False
        elif what is What.DATA and self._calls_for(exchange) and not (self._backlog or self._walk):
            call.source_data(frame, exchange)
        else:
            call.source_ended()
            return False
        return True

    def _calls_for(self, exchange: Exchange | None) -> bool:
        """Whether the call under way is for the bytes of ``exchange`` too."""
        drawn = exchange is not None and exchange.stage(self._link.direction) is not None
        return exchange is self._call_exchange or (self._caller in self._link.chain and not drawn)

    def _start_call(self, action: Call, stage: Stage, walk: Walk) -> None:
        """Call a user's function, which reads what is there already, and what comes."""
        item = walk.item
        self._caller, self._call_exchange = stage, item.exchange
        self.call = call = UserCall(self._link, action, item, self._called)
        while walk.first and self._backlog and self._backlog.first.what is What.DATA:
            if not self._calls_for(self._backlog.first.exchange):
                break
            later = self._backlog.take()
            call.source_data(later.frame, later.exchange)
        if self._backlog or not walk.first:
            call.source_ended()
        call.start()

    def run(self) -> None:
        """Walk what is in the backlog through the stages, until something stops it."""
        while self._backlog and self._walk is None and not self.stalled and self.call is None:
            if self._spent():
                break
            self._walk = Walk(self._backlog.take(), self._link, self._forget_wake)
            self._go()
        self._link.settle()

    def _spent(self) -> bool:
        """Whether this step of the loop has done enough: then it goes on in a later one."""
        self._parked = self._link.rounds.spent()
        if self._parked:
            self._link.rounds.wait(self)
        return self._parked

    def go_on(self) -> None:
        """Walk on: the turn has come."""
        if self._parked:
            self._go()
            if self._walk is None:
                self.run()

    # -- walking ----------------------------------------------------------------------------

    def _go(self) -> None:
        if (walk := self._walk) is None:
            return
        try:
            while not self._spent():
                step = next(walk.steps, None)
                if step is None:
                    break
                if not self._perform(walk, *step):
                    return
            else:
                return
        except HANDLERS_RAISE as error:
            self._walk = None
            name = walk.asked.armed.name if walk.asked is not None else NORMAL
            self._link.connection.failed(name, error)
            return
        self._walk = None
        self._walked(walk.item)

    def _walked(self, item: Item) -> None:
        if item.what is What.OPEN:
            self._link.connection.dial()
        elif item.what in STEPS:
            self._emit(item.what, b"", (), item.arrival)

    def _perform(self, walk: Walk, stage: Stage | None, action: Action | Out) -> bool:
        """Do what a handler asks; return whether the walk goes on."""
        item = walk.item
        if isinstance(action, Out):
            self._pass(item, action.data, action.delays)
            return True
        if stage is None:
            return True
        if isinstance(action, Send):
            self._pass(item, action.data, Delay.of(stage, action.after))
            return True
        if not isinstance(action, Wake):
            self._link.connection.hit(stage, item.exchange, describe(action, item.frame))
        if isinstance(action, (Wait, Stall)):
            self._stop(action, stage, walk)
            return False
        if isinstance(action, (Close, Reset)):
            self._walk = None
            self._link.connection.finish(action, item.exchange)
            return False
        return self._do(action, stage, walk)

    def _stop(self, action: Wait | Stall, stage: Stage, walk: Walk) -> None:
        """Go no further: for a while, or until the settings change."""
        if isinstance(action, Wait):
            walk.waits = stage
            self._link.source.pause(WAIT)
            self._until = time.monotonic() + action.seconds
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(action.seconds, self._wait_over)
            return
        self._walk = None
        self.stalled = True
        self._staller = stage
        self._backlog.put_back(walk.rest)

    def _do(self, action: Reply | Wake | Call, stage: Stage, walk: Walk) -> bool:
        item = walk.item
        match action:
            case Reply(data):
                self._link.connection.answer(item.exchange, data, self._link)
            case Wake(seconds):
                self._forget_wake(stage)
                loop = asyncio.get_running_loop()
                self._wakes[stage] = loop.call_later(seconds, self._woken, stage, item.exchange)
            case Call():
                self._start_call(action, stage, walk)
                # Where pieces may follow, they wait for the call.
                return walk.first
            case _:
                assert_never(action)
        return True

    def _wait_over(self) -> None:
        """The timer of a ``Wait`` has fired, perhaps a little early."""
        left = self._until - time.monotonic()
        if left > EARLY:
            self._waiting = asyncio.get_running_loop().call_later(left + EARLY, self._wait_over)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """A ``Wait`` is over."""
        self._waiting = None
        self._waited = time.monotonic()
        self._go()
        if self._waiting is None:
            self._link.source.resume(WAIT)
        if self._walk is None:
            self.run()

    def _woken(self, stage: Stage, exchange: Exchange | None) -> None:
        self._wakes.pop(stage, None)
        self.tell(What.WAKE, stage, exchange)

    def _forget_wake(self, stage: Stage) -> None:
        wake = self._wakes.pop(stage, None) if self._wakes else None
        if wake is not None:
            wake.cancel()

    def _called(self, unread: list[Piece]) -> None:
        """A user's calls are over; what they did not read goes on."""
        self.call = self._caller = self._call_exchange = None
        if self._walk is None:
            for frame, exchange in reversed(unread):
                self._backlog.put_back(Item(What.DATA, frame, exchange, time.monotonic()))
        else:
            self.send(b"".join(frame.data for frame, _ in unread))
            self._go()
        if self._walk is None:
            self.run()

    # -- letting go -------------------------------------------------------------------------

    def exchanges(self) -> set[Exchange]:
        """Those whose bytes are still on their way, ended or not."""
        items = self._backlog if self._walk is None else (self._walk.item, *self._backlog)
        called = self.call.inbox.exchanges() if self.call is not None else set()
        return called.union(item.exchange for item in items if item.exchange is not None)

    def holders(self) -> set[Stage]:
        """The handlers that keep something back."""
        waits = self._walk.waits if self._walk is not None else None
        found = {stage for stage in (self._staller, self._caller, waits) if stage is not None}
        return found | self._outlet.holders()

    def _cancel_timers(self) -> None:
        for timer in (self._waiting, *self._wakes.values()):
            if timer is not None:
                timer.cancel()
        self._waiting = None
        self._wakes.clear()

    def release(self, off: Set[Stage], changed: Set[Stage]) -> None:
        """Handlers were switched ``off`` or ``changed``: what they held goes on, in order.

        What others hold stays held. A changed one holds what it held for as long as it says now.
        """
        for stage in (*off, *changed):
            self._forget_wake(stage)
        if self._staller in off or self._staller in changed:
            self.stalled = False
            self._staller = None
        if self.call is not None and (self._caller in off or self._caller in changed):
            self.call.switch_off()
        self._outlet.release(off, changed)
        if self._walk is not None:
            self._walk.off |= off
            self._stop_waiting(self._walk, changed)
        if self._walk is None:
            self.run()

    def _stop_waiting(self, walk: Walk, changed: Set[Stage]) -> None:
        """Go on at once where it is a handler that is off, or has changed, that waits."""
        if self._waiting is None or walk.waits is None:
            return
        if walk.waits in changed:
            walk.off.add(walk.waits)
        if walk.waits in walk.off:
            self._waiting.cancel()
            self._go_on()

    def drop(self) -> None:
        """Forget everything."""
        self._stop_all()
        self._backlog.clear()
        self._outlet.drop()
        if self.call is not None:
            self.call.cancel()

    def _stop_all(self) -> None:
        self._cancel_timers()
        self._walk = None
        self._parked = self.stalled = False
        self._link.rounds.forget(self)

    def cut(self, what: What) -> None:
        """End with ``what`` after the bytes that were already passed on, replies made here too."""
        self._stop_all()
        if self.call is not None:
            self.call.cancel()
            self.call = None
        for item in self._backlog.clear():
            if item.what in MADE:
                self._emit(MADE[item.what], item.frame.data, (), 0.0)
        self._emit(what, b"", (), 0.0)

    # -- out --------------------------------------------------------------------------------

    def _pass(self, item: Item, data: bytes, delays: Delays) -> None:
        """Pass on what has gone through all stages; of what is kept, the time it took."""
        self._emit(What.DATA, b"" if item.what is What.KEPT else data, delays, item.arrival)

    def send(self, data: bytes) -> None:
        """Pass bytes on after those that are held."""
        self._emit(What.DATA, data, (), time.monotonic())

    def _emit(self, what: What, data: bytes, delays: Delays, arrival: float) -> None:
        self._outlet.put(what, data, delays, max(arrival, self._waited), arrival)

    def flush(self) -> None:
        """Write what is due."""
        self._outlet.flush()
