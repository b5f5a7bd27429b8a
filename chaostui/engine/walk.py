"""What handlers make of one item that goes through a link: bytes, an end, a question.

The steps come from a generator, so that a walk can stop for a while and go on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall
from chaostui.engine.describe import describe
from chaostui.engine.exchange import Stage
from chaostui.engine.items import MARKS, Delay, Delays, Item, What
from chaostui.handler import Context
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.link import Link


class Out(NamedTuple):
    """Bytes that have gone through all stages, with the time that each holds them."""

    data: bytes
    delays: Delays = ()


Step = tuple[Stage | None, Action | Out]


class Walk:
    """An item on its way through the stages, which may stop on the way."""

    __slots__ = (
        "_data_comes",
        "_link",
        "_passed",
        "asked",
        "first",
        "item",
        "off",
        "steps",
        "waits",
    )

    def __init__(self, item: Item, link: Link, data_comes: Callable[[Stage], None]) -> None:
        self.item = item
        self._link = link
        self._data_comes = data_comes
        self.asked: Stage | None = None
        """The stage whose handler was asked last."""
        self.first = True
        """Whether its handler got the bytes as they came, all at once."""
        self.waits: Stage | None = None
        """The stage that waits, or has waited last."""
        self.off: set[Stage] = set()
        """Stages that were switched off, or changed while they waited, since it began."""
        self._passed = 0
        """Bytes that have gone through all stages."""
        self.steps = self._begin()

    def _begin(self) -> Iterator[Step]:
        item, stages = self.item, self._stages()
        if item.what is What.DATA or item.what is What.KEPT:
            return self._through(stages, item.frame, ())
        if item.what is What.LOCAL:
            return iter([(None, Out(item.frame.data))])
        if item.what in MARKS:
            return iter(())
        if item.stage is not None:
            stages = [item.stage] if item.stage in self._switched_on() else []
        return self._told(stages)

    def _switched_on(self) -> list[Stage]:
        """The handlers that act now, some of them on other requests."""
        link, exchange = self._link, self.item.exchange
        drawn = exchange.stage(link.direction) if exchange is not None else None
        stages = [stage for stage in link.chain if stage.active]
        return stages if drawn is None else [drawn, *stages]

    def _stages(self) -> list[Stage]:
        """The handlers that act on this item."""
        exchange = self.item.exchange
        mine = (exchange.armed, *exchange.matched) if exchange is not None else ()
        return [s for s in self._switched_on() if not s.armed.asks or s.armed in mine]

    # -- bytes ------------------------------------------------------------------------------

    def _through(self, stages: list[Stage], frame: Frame, delays: Delays) -> Iterator[Step]:
        """What ``stages`` make of ``frame``, which earlier ones hold for so long already."""
        if not stages:
            self._passed += len(frame.data)
            yield None, Out(frame.data, delays)
            return
        stage, *others = stages
        if stage in self.off:
            yield from self._again(stages, frame, delays)
            return
        context = self._context(stage)
        self._data_comes(stage)
        sent, answered, at = False, False, 0
        self.asked, self.first = stage, frame is self.item.frame
        context.now = time.monotonic()
        for asked in stage.handler.on_data(frame):
            action = self._kept(asked, frame)
            if stage in self.off and not answered and self._lets_go(action, frame, at):
                if not sent or 0 < at < len(frame.data):
                    # What it has not passed on yet goes on together.
                    rest = frame._replace(data=frame.data[at:], first=frame.first and not sent)
                    yield from self._again(stages, rest, delays)
                return
            if isinstance(action, Send):
                at = self._passed_on(stage, action, frame, at)
                piece = frame._replace(data=action.data, first=frame.first and not sent)
                sent = True
                own = Delay.of(stage, action.after)
                yield from self._through(others, piece, (*delays, *own))
            elif stage not in self.off or answered or isinstance(action, Reply):
                answered = answered or isinstance(action, Reply)
                yield stage, action
            self.asked, self.first = stage, frame is self.item.frame
            context.now = time.monotonic()

    @staticmethod
    def _lets_go(action: Action, frame: Frame, at: int) -> bool:
        """Whether a handler that is off would end all, or pass on what comes next as it is."""
        if isinstance(action, Send):
            return bool(action.data) and frame.data.startswith(action.data, at)
        return isinstance(action, (Close, Reset, Stall, Call))

    def _context(self, stage: Stage) -> Context:
        """What its handler knows: in a chain, the requests change below it."""
        context, exchange = stage.handler.context, self.item.exchange
        if exchange is not None and exchange.asks_for is not None:
            context.request = exchange.asks_for
        return context

    def _kept(self, action: Action, frame: Frame) -> Action:
        """A user's function has nothing to pass on of what is not passed on: so do it for it."""
        kept = self.item.what is What.KEPT and isinstance(action, Call)
        return Send(frame.data) if kept else action

    def _passed_on(self, stage: Stage, action: Send, frame: Frame, at: int) -> int:
        """How much of ``frame`` goes on as it came, ``at`` bytes before; what does not is a hit."""
        goes_on = frame.data.startswith(action.data, at) and action.data
        same = (goes_on or action.data == frame.data) and not action.instead
        if action.after or not same:
            self._link.connection.hit(stage, self.item.exchange, describe(action, frame))
        return at + len(action.data) if goes_on else 0

    @property
    def rest(self) -> Item:
        """The item without the bytes that have gone through all stages."""
        frame = self.item.frame
        if not self._passed:
            return self.item
        return self.item._replace(
            frame=frame._replace(data=frame.data[self._passed :], first=False)
        )

    def _again(self, stages: list[Stage], frame: Frame, delays: Delays) -> Iterator[Step]:
        """Ask anew: the first stage was switched off, or changed, before it could end all."""
        stage, *others = stages
        if stage in self._stages():
            self.off.discard(stage)
            return self._through(stages, frame, delays)
        return self._through(others, frame, delays)

    # -- the rest ---------------------------------------------------------------------------

    def _told(self, stages: list[Stage]) -> Iterator[Step]:
        """What the stages do when no bytes come."""
        for stage in stages:
            for action in self._asked(stage):
                if stage in self.off:
                    break
                yield stage, action
            if stage in self.off and stage in self._switched_on():
                # It changed while it waited: the wait begins anew.
                self.off.discard(stage)
                yield from self._told([stage])

    def _asked(self, stage: Stage) -> Iterable[Action]:
        self.asked = stage
        handler, what = stage.handler, self.item.what
        handler.context.now = time.monotonic()
        if what is What.EOF:
            return handler.on_eof()
        if what is What.WAKE:
            return handler.on_wake()
        if what is What.ACROSS:
            return handler.on_other_eof()
        if what is What.START:
            return handler.on_start()
        if what is What.OPEN and self._link.direction == "upstream":
            return handler.on_open()
        return ()
