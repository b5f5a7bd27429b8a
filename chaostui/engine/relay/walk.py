"""One item on its way through the handlers: what each makes of what the one before it made.

The steps come from a generator, so that a walk can stop for a while and go on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall
from chaostui.engine.faults.exchange import Stage
from chaostui.engine.faults.items import MARKS, Delay, Delays, Item, What
from chaostui.engine.relay.effects import Hit
from chaostui.engine.relay.outlet import Outlet
from chaostui.handler import Handler
from chaostui.protocol import Frame

Stages = tuple[Stage, ...]


TOLD: dict[What, Callable[[Handler], Iterable[Action]]] = {
    What.EOF: lambda handler: handler.on_eof(),
    What.WAKE: lambda handler: handler.on_wake(),
    What.ACROSS: lambda handler: handler.on_other_eof(),
    What.WAITING: lambda handler: handler.on_waiting(),
    What.START: lambda handler: handler.on_start(),
    What.RESET: lambda handler: (),
    What.CLOSE: lambda handler: (),
}
"""How a handler is told of what is no bytes."""


class Out(NamedTuple):
    """Bytes that have gone through all stages, with the time that each holds them."""

    data: bytes
    delays: Delays = ()


Step = tuple[Stage, Action] | Out


class Run:
    """What one stage has made so far of the bytes that it got."""

    __slots__ = ("answered", "at", "frame", "sent")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.sent = False
        self.answered = False
        self.at = 0
        """Bytes of ``frame`` that have gone on as they came."""

    @property
    def rest(self) -> Frame | None:
        """What has not gone on; None where the bytes have become others, or all have."""
        if self.answered or (self.sent and not 0 < self.at < len(self.frame.data)):
            return None
        first = self.frame.first and not self.sent
        return self.frame._replace(data=self.frame.data[self.at :], first=first)


class Walk:
    """An item on its way through the stages, which may stop on the way."""

    __slots__ = (
        "_given",
        "_hit",
        "_out",
        "_stages",
        "_wakes",
        "asked",
        "item",
        "now",
        "off",
        "passed",
        "steps",
        "waits",
        "whole",
    )

    def __init__(
        self,
        item: Item,
        stages: Callable[[Item], Stages],
        wakes: dict[Stage, Any],
        out: Outlet,
        now: float,
    ) -> None:
        """``stages`` says which handlers act now on an item; those that get bytes leave
        ``wakes``, and hits go to ``out``."""
        self.item = item
        self.now = now
        """The time, kept up by whoever takes the steps."""
        self._stages = stages
        self._wakes = wakes
        self._out = out
        self._hit: Stage | None = None
        self._given: Stages = ()
        """The handlers that its bytes were for as it began, and those in their place since."""
        self.asked: Stage | None = None
        """The stage whose handler was asked last."""
        self.whole = True
        """Whether that got the item's bytes as they came, all at once."""
        self.waits: Stage | None = None
        """The stage that waits, or has waited last."""
        self.off: set[Stage] = set()
        """Stages that were switched off, or changed while they waited, since it began."""
        self.passed = 0
        """Bytes that have gone through all stages."""
        self.steps = self._begin()

    @property
    def rest(self) -> Item:
        """The item without the bytes that have gone through all stages."""
        frame = self.item.frame
        if not self.passed:
            return self.item
        return self.item._replace(frame=frame._replace(data=frame.data[self.passed :], first=False))

    def _begin(self) -> Iterator[Step]:
        item = self.item
        if item.what in MARKS:
            return iter(())
        self._given = stages = self._stages(item)
        if item.what is What.DATA or item.what is What.KEPT:
            if stages:
                return self._through(stages, item.frame, ())
            return iter((self._passed(item.frame.data, ()),))
        if item.stage is not None:
            stages = (item.stage,) if item.stage in stages else ()
        return self._told(stages)

    def _ask(self, stage: Stage, frame: Frame) -> None:
        self.asked, self.whole = stage, frame is self.item.frame
        context, exchange = stage.handler.context, self.item.exchange
        context.now = self.now
        context.late = exchange is not None and stage in exchange.joined
        if exchange is not None and exchange.asks_for is not None:
            # In a chain the requests change below a handler.
            context.request = exchange.asks_for

    # -- bytes ------------------------------------------------------------------------------

    def _through(self, stages: Stages, frame: Frame, delays: Delays) -> Iterator[Step]:
        """What ``stages`` make of ``frame``, which earlier ones hold for so long already."""
        stage, others = stages[0], stages[1:]
        if stage in self.off:
            yield from self._again(stages, frame, delays)
            return
        if self._wakes:
            self._wakes.pop(stage, None)  # the bytes were quicker
        run = Run(frame)
        self._ask(stage, frame)
        for action in stage.handler.on_data(frame):
            rest = run.rest if stage in self.off and not isinstance(action, Reply) else None
            if rest is not None:
                # It was switched off, or changed, while it waited: that holds for all the rest.
                yield from self._again(stages, rest, delays)
                return
            if isinstance(action, Send) or self._kept(action):
                piece, held = self._sent(run, stage, action, delays)
                out = (self._passed(piece.data, held),) if not others else ()
                yield from out or self._through(others, piece, held)
            elif stage not in self.off or run.answered or isinstance(action, Reply):
                run.answered = run.answered or isinstance(action, Reply)
                yield stage, action
            elif isinstance(action, (Close, Reset, Stall, Call)):
                return
            self._ask(stage, frame)

    def _kept(self, action: Action) -> bool:
        """Whether a user's function would read what is not passed on: it has no say in that."""
        return self.item.what is What.KEPT and isinstance(action, Call)

    def _sent(
        self, run: Run, stage: Stage, action: Send | Action, delays: Delays
    ) -> tuple[Frame, Delays]:
        """What a stage passes on, and how long it is held; what is not as it came is a hit."""
        frame = run.frame
        if not isinstance(action, Send):
            action = Send(frame.data)
        goes_on = bool(action.data) and frame.data.startswith(action.data, run.at)
        same = (goes_on or action.data == frame.data) and not action.instead
        if action.after or not same:
            self.hit(stage, action, frame)
        piece = frame._replace(data=action.data, first=frame.first and not run.sent)
        run.sent = True
        run.at = run.at + len(action.data) if goes_on else 0
        return piece, (*delays, *Delay.of(stage, action.after)) if action.after > 0 else delays

    def hit(self, stage: Stage, action: Action, frame: Frame) -> None:
        """A handler really did something: once is enough for each that is asked."""
        if self._hit is not stage:
            self._hit = stage
            self._out.effects.append(Hit(stage, self.item.exchange, action, frame))

    def _again(self, stages: Stages, frame: Frame, delays: Delays) -> Iterator[Step]:
        """Ask anew: the first stage was switched off, or changed, before it could end all."""
        now, exchange = self._stages(self.item), self.item.exchange
        drawn = exchange.stages() if exchange is not None else []
        if stages[0] in now:
            self.off.discard(stages[0])
        elif now and now[0] in drawn and now[0] not in self._given:
            # Another one was drawn in its place.
            self._given = (*self._given, now[0])
            stages = (now[0], *stages[1:])
        else:
            stages = stages[1:]
        if stages:
            return self._through(stages, frame, delays)
        return iter((self._passed(frame.data, delays),))

    def _passed(self, data: bytes, delays: Delays) -> Out:
        self.passed += len(data)
        return Out(data, delays)

    # -- the rest ---------------------------------------------------------------------------

    def _told(self, stages: Stages) -> Iterator[Step]:
        """What the stages do when no bytes come."""
        for stage in stages:
            for action in self._actions(stage):
                if stage in self.off:
                    break
                yield stage, action
                stage.handler.context.now = self.now
            if stage in self.off and stage in self._stages(self.item):
                # It changed while it waited: the wait begins anew.
                self.off.discard(stage)
                yield from self._told((stage,))

    def _actions(self, stage: Stage) -> Iterable[Action]:
        self.asked = stage
        handler, what = stage.handler, self.item.what
        handler.context.now = self.now
        if what is What.OPEN:
            return handler.on_open() if handler.context.upstream else ()
        return TOLD[what](handler)
