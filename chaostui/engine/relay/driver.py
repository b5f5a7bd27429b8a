"""Drives the pipeline of one direction: owns its clock and its timer, and does what it wants done.

All that a driver needs of its surroundings is its link: whom to read, whom to write to, whom to
tell. Where there is much to do at once it takes turns with the others of the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.engine.callables.calls import UserCall
from chaostui.engine.callables.inbox import Piece
from chaostui.engine.faults.compile import NORMAL
from chaostui.engine.faults.describe import describe
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import Item, What
from chaostui.engine.pace.budget import LITTLE, PIECE, cost
from chaostui.engine.pace.pauses import HELD, WAIT, WRITE
from chaostui.engine.relay import account, trail
from chaostui.engine.relay.effects import (
    Answer,
    Came,
    Effect,
    Failed,
    Finish,
    Hit,
    Left,
    StartCall,
    StopCall,
    Write,
)
from chaostui.engine.relay.pipeline import Pipeline
from chaostui.engine.relay.queue import EARLY
from chaostui.engine.relay.state import State
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.relay.flow import Link

BACKLOG = 1_048_576
"""Bytes taken, at most, behind what a handler keeps for an unknown time; then reading pauses."""
ROOM = 1_048_576
"""Bytes that have left, at most, before reading goes on."""
MANY = LITTLE // PIECE
"""Pieces that stop nobody from reading."""
LATE = 0.0004
"""Seconds by which a timer is set late: uvloop rounds to milliseconds, and may be early."""


class Driver:
    """The part of a link that handlers act on."""

    __slots__ = ("_call_exchange", "_counted", "_due", "_link", "_timer", "call", "pipe")

    def __init__(self, link: Link) -> None:
        self._link = link
        self.pipe = Pipeline(link.direction, open=link.dest.transport is not None)
        self.call: UserCall | None = None
        """A user's function that reads the bytes itself."""
        self._call_exchange: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        """When the timer is to fire, if it is set."""
        self._counted = (0, 0)
        """The bytes and pieces that the engine's budget knows of."""

    @property
    def keeps(self) -> bool:
        """Whether a handler keeps bytes, and not an end alone, from leaving."""
        called = self.call is not None and self.call.keeps
        return called or self.pipe.keeps(time.monotonic())

    # -- in ---------------------------------------------------------------------------------

    def feed(
        self, what: What, frame: Frame, exchange: Exchange | None, stage: Stage | None = None
    ) -> None:
        """Take bytes, an end, or a question to one ``stage``, in their turn."""
        if (self._link.tap is None and self.call is None) or not self._to_user(
            what, frame, exchange
        ):
            now = time.monotonic()
            self._do(self._ready().feed(what, frame, exchange, now, stage), now)

    def send(self, data: bytes) -> None:
        """Pass bytes on behind those that are held: a user's own."""
        now = time.monotonic()
        self._do(self._ready().send(data, now), now)

    def flush(self) -> None:
        """The destination is there, or takes bytes again."""
        if self.pipe.out.queue.held:
            self.go_on()

    def release(self, off: Set[Stage], changed: Set[Stage]) -> None:
        """Handlers were switched ``off`` or ``changed``: what they held goes on, in order."""
        now = time.monotonic()
        self._do(self._ready().release(off, changed, now), now)

    def cut(self, what: What) -> None:
        """End with ``what`` after the bytes that were already passed on, replies made here too."""
        self._do(self._ready().cut(what), time.monotonic())

    def drop(self) -> None:
        """Forget everything."""
        self._do(self.pipe.drop(), time.monotonic())
        self._link.rounds.forget(self)
        self._link.budget.forget(self)

    def go_on(self) -> None:
        """The turn has come to go on with what was too much for one step of the loop."""
        link = self._link
        if link.dead or link.connection.proxy.freezer.on:
            return  # the connection has ended while it waited, or waits itself
        now = time.monotonic()
        self._do(self._ready().wake(now), now)

    def _woken(self) -> None:
        self._timer = self._due = None
        self.go_on()

    def _ready(self) -> Pipeline:
        """The pipeline, told how its destination is."""
        pipe, link = self.pipe, self._link
        frozen = link.connection.proxy.freezer.on
        pipe.out.open = link.dest.transport is not None and not frozen
        pipe.out.full = link.source.paused & WRITE > 0
        pipe.chain = link.chain
        return pipe

    # -- out --------------------------------------------------------------------------------

    def _do(self, effects: list[Effect], now: float) -> None:
        """Do what the pipeline wants done, and what has come due by then; then set the clock."""
        if effects:
            self._perform(effects)
        link, pipe = self._link, self.pipe
        while (due := pipe.deadline) is not None and due <= now + EARLY:
            if link.connection.proxy.freezer.on:
                break
            if link.rounds.spent():
                link.rounds.wait(self)
                break
            now = time.monotonic()
            self._perform(self._ready().wake(now))
        if due != self._due:
            self._set_timer(due, now)
        self._count()
        waits, paused = pipe.state is State.WAITING, link.source.paused & WAIT
        if waits and not paused:
            link.source.pause(WAIT)
        elif paused and not waits:
            link.source.resume(WAIT)
        link.settle()

    def _set_timer(self, due: float | None, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None and due > now:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(due - now + LATE, self._woken)

    def _count(self) -> None:
        """Tell the engine's budget what is kept here now, and read no more if it is too much."""
        pipe, queue = self.pipe, self.pipe.out.queue
        size = pipe.backlog_size + queue.size
        pieces = len(pipe.backlog) + len(queue.held)
        before = self._counted
        if before[0] != size or before[1] != pieces:
            self._counted = (size, pieces)
            self._link.budget.change(size - before[0], pieces - before[1])
            if size > LITTLE or before[0] > LITTLE or pieces > MANY or before[1] > MANY:
                self.read_or_not()

    def read_or_not(self) -> None:
        """Stop reading where more is held than may be, or read on."""
        link, pipe = self._link, self.pipe
        if link.dead:
            return
        limit = link.connection.proxy.settings.max_held
        held, backlog = cost(*self._counted), cost(pipe.backlog_size, len(pipe.backlog))
        behind = min(limit, BACKLOG)
        if link.budget.too_much(self, held) or held > limit or backlog > behind:
            link.source.pause(HELD)
        elif held <= limit - min(limit // 2, ROOM) and backlog <= behind // 2:
            link.source.resume(HELD)

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Write):
                self._write(effect.pieces)
            elif isinstance(effect, Hit):
                stage, exchange, action, frame = effect
                account.hit(self._link.connection, stage, exchange, describe(action, frame))
            elif isinstance(effect, Left):
                self._left(effect)
            else:
                self._tell(effect)

    def _write(self, pieces: list[bytes]) -> None:
        dest = self._link.dest
        if dest.writable and dest.transport is not None:
            dest.transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            self.pipe.out.full = self._link.source.paused & WRITE > 0
            self._link.connection.exchanges.wrote(self._link)

    def _left(self, left: Left) -> None:
        held, now = left
        late = 0.0 if held.renewed else max(now - held.due, 0.0)
        names = {delay.stage.armed.name for delay in held.delays}
        if trail.on():
            connection = self._link.connection
            what = f"{len(held.data)} bytes {self._link.direction}"
            told = f"release {what}, held {now - held.arrival:.4f} s by {', '.join(sorted(names))}"
            trail.say(connection.proxy.name, connection.id, told)
        self._link.connection.proxy.stats.held(now - held.arrival, late, names, now)

    def _tell(self, effect: Came | Answer | Finish | Failed | StartCall | StopCall) -> None:
        link, connection = self._link, self._link.connection
        match effect:
            case Came(What.OPEN):
                connection.dial()
            case Came(what):
                link.walked_out(what)
            case Answer(exchange, data):
                connection.exchanges.answer(exchange, data, link)
            case Finish(final, exchange):
                connection.finish(final, exchange)
            case Failed(stage, error):
                connection.failed(stage.armed.name if stage is not None else NORMAL, error)
            case StartCall():
                self._start_call(effect)
            case StopCall(cancel):
                self._stop_call(cancel=cancel)

    # -- a user's function --------------------------------------------------------------------

    def _start_call(self, start: StartCall) -> None:
        """Call a user's function, which reads what is there already, and what comes."""
        self._call_exchange = start.item.exchange
        self.call = UserCall(self._link, start.action, start.item, self._called)
        for item in start.more:
            self.call.source_data(item.frame, item.exchange)
        if start.alone:
            self.call.source_ended()
        self.call.start()

    def _stop_call(self, *, cancel: bool) -> None:
        call = self.call
        if call is None:
            return
        if cancel:
            self.call = None
            call.cancel()
        else:
            call.switch_off()

    def _called(self, unread: list[Piece]) -> None:
        """A user's calls are over; what they did not read goes on."""
        self.call = self._call_exchange = None
        now = time.monotonic()
        items = [Item(What.DATA, frame, exchange, now) for frame, exchange in unread]
        self._do(self._ready().called(items, now), now)

    def _to_user(self, what: What, frame: Frame, exchange: Exchange | None) -> bool:
        """Give bytes to a user's call that reads them; whether one did."""
        tap, call = self._link.tap, self.call
        if tap is not None and (what is What.DATA or (what is What.LOCAL and tap.dest_inbox.size)):
            tap.dest_data(frame, exchange)
        elif what is What.EOF and tap is not None:
            tap.dest_ended()
        elif call is None:
            return False
        elif what is What.DATA and self.pipe.called_for(exchange, self._call_exchange):
            call.source_data(frame, exchange)
        else:
            call.source_ended()
            return False
        return True

    # -- state ------------------------------------------------------------------------------

    def exchanges(self) -> set[Exchange]:
        """Those whose bytes are still on their way, ended or not."""
        found = self.pipe.exchanges()
        return found if self.call is None else found | self.call.inbox.exchanges()
