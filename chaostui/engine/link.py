"""One direction of a connection.

    source --read--> backlog --walk through the stages--> held --write--> dest

Untouched bytes take none of these steps: while ``direct`` is true the side writes them to its
peer at once. The backlog is what waits for an earlier walk to end, ``held`` what waits for its
time (or for the backend to be dialled). Both together are bounded: reading pauses.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, assert_never

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall, Wait, Wake
from chaostui.engine.exchange import Exchange, Stage
from chaostui.engine.side import HELD, WAIT, Side
from chaostui.engine.user_call import UserCall
from chaostui.handler import Direction
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.connection import Connection

EARLY = 0.0003
"""Seconds by which held bytes may leave early: below what the timers can tell apart."""


class What(Enum):
    """What stands in a backlog or among the held bytes."""

    OPEN = "open"
    DATA = "data"
    LOCAL = "local"
    WAKE = "wake"
    EOF = "eof"
    RESET = "reset"
    CLOSE = "close"


class Item(NamedTuple):
    """Something that goes through a link in its turn."""

    what: What
    frame: Frame
    exchange: Exchange | None
    arrival: float


class Held(NamedTuple):
    """Bytes, or an end, that leave when ``due`` on the monotonic clock."""

    due: float
    what: What
    data: bytes
    arrival: float
    """When it came, if a handler delayed it; else 0."""


class Walk:
    """An item on its way through the stages, which may stop on the way."""

    __slots__ = ("item", "sent", "steps")

    def __init__(self, item: Item, steps: Iterator[tuple[Stage | None, Action]]) -> None:
        self.item = item
        self.steps = steps
        self.sent = False


NO_FRAME = Frame(b"", False, False)


class Link:
    """The bytes from ``source`` to ``dest``."""

    __slots__ = (
        "_backlog",
        "_held",
        "_held_bytes",
        "_releasing",
        "_timer",
        "_waited",
        "_waiting",
        "_wake",
        "_walk",
        "call",
        "chain",
        "connection",
        "cutting",
        "dead",
        "dest",
        "direct",
        "direction",
        "ended",
        "received",
        "source",
        "stage",
        "stalled",
        "tap",
    )

    def __init__(self, connection: Connection, direction: Direction, source: Side, dest: Side):
        self.connection = connection
        self.direction: Direction = direction
        self.source = source
        self.dest = dest
        self.direct = False
        self.received = 0
        self.stage: Stage | None = None
        """The instance of the drawn handler, when exchanges are turns."""
        self.chain: list[Stage] = []
        self.stalled = False
        self.ended = False
        """The end was passed on: nothing goes this way any more."""
        self.cutting = False
        """What is held still goes, nothing more is taken."""
        self.dead = False
        """There is nobody to send to: what comes is dropped."""
        self.call: UserCall | None = None
        self.tap: UserCall | None = None
        """A user's call on the other direction that reads this one's bytes."""
        self._backlog: deque[Item] | None = None
        self._held: deque[Held] | None = None
        self._held_bytes = 0
        self._walk: Walk | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._waited = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._releasing = False

    # -- state ------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Bytes read and not yet passed on, the peer's write buffer aside."""
        return self._held_bytes

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not (self._backlog or self._held or self._walk or self.stalled or self.call)

    @property
    def blocked(self) -> bool:
        """Whether a handler keeps bytes from leaving for an unknown time."""
        return self.stalled or self._waiting is not None or self.call is not None

    def settle(self) -> None:
        """Find out anew whether bytes may pass untouched, and whether to read."""
        self.direct = (
            self.stage is None
            and not self.chain
            and not self.ended
            and not self.dead
            and not self.cutting
            and self.tap is None
            and self.idle
            and self.dest.writable
        )
        limit = self.connection.proxy.settings.max_held
        if self._held_bytes > limit:
            self.source.pause(HELD)
        elif self._held_bytes <= limit // 2:
            self.source.resume(HELD)

    # -- in ---------------------------------------------------------------------------------

    def feed(self, what: What, frame: Frame = NO_FRAME, exchange: Exchange | None = None) -> None:
        """Take bytes, or an end, in their turn."""
        if self.dead or self.ended or self.cutting:
            return
        if what is What.DATA and (self.tap is not None or self.call is not None):
            self._to_user(frame.data)
            return
        if what is What.EOF and self.call is not None:
            self.call.source_ended()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(Item(what, frame, exchange, time.monotonic()))
        self._held_bytes += len(frame.data)
        self.run()

    def _to_user(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.dest_data(data)
        elif self.call is not None:
            self.call.source_data(data)

    def run(self) -> None:
        """Walk what is in the backlog through the stages, until something stops it."""
        while self._backlog and self._walk is None and not self.stalled and self.call is None:
            item = self._backlog.popleft()
            self._held_bytes -= len(item.frame.data)
            self._walk = Walk(item, self._steps(item))
            self._go()
        self.settle()

    def _stages(self, exchange: Exchange | None) -> list[Stage]:
        drawn = exchange.stage(self.direction) if exchange is not None else None
        stages = [stage for stage in self.chain if stage.active]
        return stages if drawn is None else [drawn, *stages]

    def _steps(self, item: Item) -> Iterator[tuple[Stage | None, Action]]:
        stages = self._stages(item.exchange)
        if item.what is What.DATA:
            yield from self._through(stages, 0, item.frame, 0.0, item.exchange)
        elif item.what is What.LOCAL:
            yield None, Send(item.frame.data)
        for stage in stages:
            if item.what is What.OPEN and self.direction == "upstream":
                for action in stage.handler.on_open():
                    yield stage, action
            elif item.what is What.EOF:
                for action in stage.handler.on_eof():
                    yield stage, action
            elif item.what is What.WAKE:
                for action in stage.handler.on_wake():
                    yield stage, action

    def _through(
        self,
        stages: list[Stage],
        at: int,
        frame: Frame,
        after: float,
        exchange: Exchange | None,
    ) -> Iterator[tuple[Stage | None, Action]]:
        """What the stages from ``at`` on make of ``frame``, which comes ``after`` seconds late."""
        if at == len(stages):
            yield None, Send(frame.data, after)
            return
        stage = stages[at]
        first = frame.first
        for action in stage.handler.on_data(frame):
            if isinstance(action, Send):
                if action.after or action.data != frame.data:
                    self.connection.hit(stage, exchange, describe(action, frame))
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
        except Exception as error:
            self._walk = None
            self.connection.failed(error)
            return
        self._walk = None
        self._walked(walk.item)

    def _walked(self, item: Item) -> None:
        if item.what is What.OPEN:
            self.connection.dial()
        elif item.what in (What.EOF, What.RESET, What.CLOSE):
            self._emit(item.what, b"", 0.0, item.arrival)

    def _perform(self, walk: Walk, stage: Stage | None, action: Action) -> bool:
        """Do what a handler asks; return whether the walk goes on."""
        if isinstance(action, Send):
            walk.sent = True
            self._emit(What.DATA, action.data, action.after, walk.item.arrival)
            return True
        if self._releasing:
            return self._let_go(walk, action)
        exchange = walk.item.exchange
        if stage is not None and not isinstance(action, Wake):
            self.connection.hit(stage, exchange, describe(action, walk.item.frame))
        match action:
            case Wait(seconds):
                self.source.pause(WAIT)
                self._waiting = asyncio.get_running_loop().call_later(seconds, self._go_on)
            case Reply(data):
                self.connection.answer(exchange, data, self)
                return True
            case Close() | Reset():
                self._walk = None
                self.connection.finish(action, exchange)
            case Stall():
                self._walk = None
                self.stalled = True
                self._put_back(walk.item)
            case Wake(seconds):
                self._wake_in(seconds, exchange)
                return True
            case Call():
                self.call = UserCall(self, action, exchange)
                self.call.start()
                return True
            case _:
                assert_never(action)
        return False

    def _put_back(self, item: Item) -> None:
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.appendleft(item)
        self._held_bytes += len(item.frame.data)

    def _go_on(self) -> None:
        """A ``Wait`` is over."""
        self._waiting = None
        self._waited = time.monotonic()
        self._go()
        if self._walk is None:
            self.source.resume(WAIT)
            self.run()

    def _wake_in(self, seconds: float, exchange: Exchange | None) -> None:
        loop = asyncio.get_running_loop()
        self._wake = loop.call_later(seconds, self._woken, exchange)

    def _woken(self, exchange: Exchange | None) -> None:
        self._wake = None
        self.feed(What.WAKE, exchange=exchange)

    def called(self) -> None:
        """A user's call has returned."""
        self.call = None
        self.run()

    # -- letting go -------------------------------------------------------------------------

    def release(self) -> None:
        """A handler was switched off or changed: what was held goes on now, in order."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self.stalled = False
        if self._walk is not None:
            self._releasing = True
            self._go()
            self._releasing = False
            self.source.resume(WAIT)
        if self._held:
            now = time.monotonic()
            self._held = deque(held._replace(due=min(held.due, now)) for held in self._held)
            self._flush()
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
        """Forget everything: there is nobody to send to, or the connection ends."""
        for timer in (self._waiting, self._timer, self._wake):
            if timer is not None:
                timer.cancel()
        self._waiting = self._timer = self._wake = None
        self._backlog = self._held = self._walk = None
        self._held_bytes = 0
        self.stalled = False
        self.dead = True
        self.direct = False
        if self.call is not None:
            self.call.cancel()

    def cut(self, what: What) -> None:
        """End this direction with ``what`` after the bytes that were already passed."""
        if self.dead or self.ended or self.cutting:
            return
        self.cutting = True
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._walk = None
        self._backlog = None
        self.stalled = False
        if self.call is not None:
            self.call.cancel()
            self.call = None
        self._held_bytes = sum(len(held.data) for held in self._held or ())
        self._emit(what, b"", 0.0, 0.0)
        self.direct = False

    # -- out --------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Pass bytes on after those that are held: a user's own, or a local reply's."""
        self._emit(What.DATA, data, 0.0, time.monotonic())

    def _emit(self, what: What, data: bytes, after: float, arrival: float) -> None:
        if not self._held and after <= 0 and self.dest.transport is not None:
            self._write(what, data)
            return
        due = max(arrival, self._waited) + after
        if self._held is None:
            self._held = deque()
        self._held.append(Held(due, what, data, arrival if after > 0 else 0.0))
        self._held_bytes += len(data)
        if len(self._held) == 1:
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        # uvloop rounds to milliseconds and may fire early: ask a little late, then look again.
        delay = max(due - time.monotonic(), 0.0)
        self._timer = asyncio.get_running_loop().call_later(delay + 0.0004, self._flush)

    def _flush(self) -> None:
        """Write what is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held = self._held
        if self.dest.transport is None:
            return  # the dial's end comes here again
        while held:
            now = time.monotonic()
            if held[0].due > now + EARLY:
                self._set_timer(held[0].due)
                break
            due, what, data, arrival = held.popleft()
            self._held_bytes -= len(data)
            if arrival:
                stats = self.connection.proxy.stats
                stats.delay.record(now - arrival)
                stats.delay_error.record(max(now - due, 0.0))
            self._write(what, data)
        self.settle()

    flush = _flush

    def _write(self, what: What, data: bytes) -> None:
        dest = self.dest
        if what is What.DATA:
            if data and dest.writable and dest.transport is not None:
                dest.transport.write(data)
                self.connection.wrote(self)
            return
        self.ended = True
        self.direct = False
        if what is What.EOF:
            if dest.writable and dest.transport is not None and dest.transport.can_write_eof():
                dest.transport.write_eof()
            self.connection.half_closed(self)
        elif what is What.RESET:
            dest.reset()
        elif what is What.CLOSE:
            dest.shut()


def describe(action: Action, frame: Frame) -> str:
    """Say in a few words what is done to ``frame``."""
    size = len(frame.data)
    match action:
        case Send(data, after):
            if after:
                return f"held {after:.3f} s, {len(data)} B"
            return f"changed {size} B to {len(data)} B"
        case Wait(seconds):
            return f"waits {seconds:.3f} s"
        case Reply(data):
            return f"answered with {len(data)} B"
        case Close():
            return "closed"
        case Reset():
            return "reset"
        case Stall():
            return f"stalled with {size} B" if size else "stalled"
        case Call(_, name):
            return f"called {name}"
        case Wake():
            return ""
        case _:
            assert_never(action)
