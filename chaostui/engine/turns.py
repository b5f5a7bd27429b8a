"""Exchanges where nothing is known about the bytes: the two sides take turns.

The first exchange begins when the client connects, so that its draw covers the dialling; each
further one when the client speaks again after the backend has answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from typing import TYPE_CHECKING, ClassVar

from chaostui.actions import Close, Reset
from chaostui.engine.connection import Connection
from chaostui.engine.exchange import Exchange, Stage, stage
from chaostui.engine.items import What
from chaostui.engine.link import Link
from chaostui.engine.side import Side
from chaostui.events import Exchanged, Injected
from chaostui.protocol import Frame, Request

if TYPE_CHECKING:
    from chaostui.engine.plan import Armed, ArmedEntry, Plan
    from chaostui.engine.proxy import Proxy

# Whose turn it is.
FRESH, CLIENT, BACKEND = 0, 1, 2


class ClientSide(Side):
    """The socket that was accepted."""

    __slots__ = ()
    connection: Turns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connection.accepted()

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        link = connection.up
        link.received += len(data)
        if connection.turn != CLIENT:
            connection.take_turn(data)
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            connection.requested(data)

    def eof_received(self) -> bool:
        self.eof = True
        self.connection.source_ended(self.connection.up)
        return True


class BackendSide(Side):
    """The socket that was dialled."""

    __slots__ = ()
    connection: Turns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connection.joined()

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        link = connection.down
        link.received += len(data)
        if connection.turn == CLIENT:
            connection.answered()
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, Frame(data), connection.exchange)

    def eof_received(self) -> bool:
        self.eof = True
        self.connection.source_ended(self.connection.down)
        return True


class Turns(Connection):
    """A connection that draws at each turn of the client's."""

    __slots__ = ("_fixed", "_new", "_plan", "_unanswered", "asked", "turn")

    client_side: ClassVar[type[Side]] = ClientSide
    backend_side: ClassVar[type[Side]] = BackendSide

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self.turn = FRESH
        self.asked = self.opened
        """When the current exchange began, on the monotonic clock."""
        self._plan: Plan | None = None
        """The plan by which the first exchange was drawn."""
        self._fixed: Armed | None = None
        """The handler drawn for the whole connection."""
        self._new = True
        """The next bytes of the client's are the first of their exchange."""
        self._unanswered = False

    # -- turns ------------------------------------------------------------------------------

    def take_turn(self, data: bytes) -> None:
        """The client speaks: the exchange that was drawn at open goes on, or a new one begins."""
        self.asked = time.monotonic()
        self.proxy.stats.exchanges += 1
        self.number += 1
        self._new = True
        fresh, self.turn = self.turn == FRESH, CLIENT
        if fresh:
            self.first = self.protocol.first(data)
        plan = self.proxy.plan
        if fresh and self._plan is plan and self.pinned is None:
            if self.exchange is not None:
                self.exchange.asked = self.asked
            return
        if self.exchange is not None:
            self.end_exchange(self.exchange)
        if not plan.quiet or self.pinned is not None:
            self.exchange = self.new_exchange(plan)
            self.settle()
        elif self.exchange is not None:
            self.exchange = None
            self.settle()

    def requested(self, data: bytes) -> None:
        """Bytes of the client's that do not pass untouched."""
        first, self._new = self._new, False
        self.up.feed(What.DATA, Frame(data, first=first), self.exchange)

    def answered(self) -> None:
        """The backend's first bytes in this exchange."""
        self.turn = BACKEND
        if self.down.direct:
            self.record_latency(self.exchange, self.asked)
        else:
            self._unanswered = True

    def wrote(self, link: Link) -> None:
        """Bytes left that did not pass untouched: the first of a reply end the latency."""
        if self._unanswered and link is self.down:
            self._unanswered = False
            self.record_latency(self.exchange, self.asked)

    def record_latency(self, exchange: Exchange | None, asked: float) -> None:
        """The first byte of a reply has come."""
        seconds = time.monotonic() - asked
        self.proxy.stats.latency.record(seconds)
        if exchange is not None:
            exchange.seconds = seconds
        elif self.proxy.bus.exchanges_wanted:
            self._publish(self.number, "", "normal", seconds)

    def answer(self, exchange: Exchange | None, data: bytes, link: Link) -> None:
        """Send a reply made here back to where the bytes of ``link`` came from."""
        back = self.down if link is self.up else self.up
        if link is self.up and self.turn == CLIENT:
            self.turn = BACKEND
            self._unanswered = True
        back.feed(What.LOCAL, Frame(data), None)

    # -- drawing ----------------------------------------------------------------------------

    def draw_at_open(self) -> None:
        self._plan = self.proxy.plan
        self._sync_chain(self._plan)
        self.exchange = self.new_exchange(self._plan)
        self.settle()

    def new_exchange(self, plan: Plan, request: Request | None = None) -> Exchange:
        """Make the exchange that begins now, with the handler that the dice gave it.

        What is for certain requests acts only where ``request`` is known and matches.
        """
        number = max(self.number, 1)
        armed = self._choose(plan, number, request)
        exchange = Exchange(number, self.asked, armed)
        if armed is not None:
            exchange.arm(self.protocol, self.proxy.dice, self.ordinal)
        if number > 1 and self.proxy.settings.draw == "request":
            for entry in plan.chain:
                if not entry.armed.asks:
                    self._set_active(entry, self._roll(entry))
        if request is not None and plan.chain:
            self._match_chain(exchange, plan, request)
        return exchange

    def draw_late(self, exchange: Exchange, plan: Plan, request: Request) -> None:
        """The request is known that was not when ``exchange`` was drawn, at open."""
        armed = plan.pick(self.proxy.dice.roll(self.ordinal, 1)) if plan.mix else None
        if armed is not None and armed.asks and self._choose(plan, 1, request) is armed:
            exchange.armed, exchange.handler = armed, armed.name
            exchange.arm(self.protocol, self.proxy.dice, self.ordinal)
        if plan.chain:
            self._match_chain(exchange, plan, request)

    def _match_chain(self, exchange: Exchange, plan: Plan, request: Request) -> None:
        """Draw for those of the chain that are for certain requests."""
        asking = [entry for entry in plan.chain if entry.armed.asks]
        hits = [entry for entry in asking if self._roll(entry, request)]
        exchange.matched = frozenset(entry.armed for entry in hits)
        for entry in hits:
            self._set_active(entry, active=True)

    def _choose(self, plan: Plan, number: int, request: Request | None) -> Armed | None:
        if self.pinned is not None:
            return self.pinned if self._takes(self.pinned, request) else None
        whole = self.proxy.settings.draw == "connection"
        if whole and number > 1:
            fixed = self._fixed
            if fixed is None or not fixed.asks:
                return fixed
            return fixed if self._takes(fixed, request) else None
        armed = plan.pick(self.proxy.dice.roll(self.ordinal, number)) if plan.mix else None
        taken = armed is not None and self._takes(armed, request)
        self._fixed = armed if whole and armed is not None and (taken or armed.asks) else None
        return armed if taken else None

    def _takes(self, armed: Armed, request: Request | None) -> bool:
        """Count a draw, where the request matches, and say whether it may hit."""
        return armed.suits(request, self.client_name) and armed.take()

    def _roll(self, entry: ArmedEntry, request: Request | None = None) -> bool:
        if entry.probability < 1:
            what = f"chain {entry.name}"
            whole = self.proxy.settings.draw == "connection"
            number = 1 if whole else max(self.number, 1)
            if self.proxy.dice.roll(self.ordinal, number, what) >= entry.probability:
                return False
        return self._takes(entry.armed, request)

    def _set_active(self, entry: ArmedEntry, active: bool) -> None:
        for link in (self.up, self.down):
            for stage_ in link.chain:
                if stage_.armed is entry.armed:
                    begins = active and not stage_.active
                    stage_.active, stage_.chance = active, entry.probability
                    if begins:
                        link.start(stage_)

    def _sync_chain(self, plan: Plan) -> None:
        """Give both links the chain's stages; those that stay keep their state."""
        present = {stage_.armed for link in (self.up, self.down) for stage_ in link.chain}
        for link in (self.up, self.down):
            kept = {stage_.armed: stage_ for stage_ in link.chain}
            link.chain = tuple(
                kept.get(entry.armed) or self._stage(entry.armed, link)
                for entry in plan.chain
                if link.direction in entry.directions
            )
            for stage_ in link.chain:
                stage_.handler.options = stage_.armed.options
        for entry in plan.chain:
            if entry.armed not in present or self._chance_changed(entry):
                self._set_active(entry, self._roll(entry))

    def _chance_changed(self, entry: ArmedEntry) -> bool:
        stages = (*self.up.chain, *self.down.chain)
        return any(s.armed is entry.armed and s.chance != entry.probability for s in stages)

    def _stage(self, armed: Armed, link: Link) -> Stage:
        dice, number = self.proxy.dice, max(self.number, 1)
        return stage(armed, link.direction, self.protocol, dice, self.ordinal, number)

    def settle(self) -> None:
        """The exchange or its handler changed: find out anew whether bytes pass untouched."""
        for link in (self.up, self.down):
            link.stage = self.stage_of(link)
            link.settle()

    def stage_of(self, link: Link) -> Stage | None:
        """The instance of the drawn handler that all bytes of ``link`` now go through."""
        return self.exchange.stage(link.direction) if self.exchange is not None else None

    # -- telling ----------------------------------------------------------------------------

    def end_exchanges(self) -> None:
        if self.exchange is not None:
            self.end_exchange(self.exchange)

    def end_exchange(self, exchange: Exchange) -> None:
        """An exchange is over: tell of it, give back what it had taken and not hit."""
        armed = exchange.armed
        if armed is not None and not exchange.hit and (armed is not self._fixed or armed.asks):
            armed.give_back()
        if exchange.hit or self.proxy.bus.exchanges_wanted:
            self._publish(exchange.number, exchange.request, exchange.handler, exchange.seconds)

    def _publish(self, number: int, request: str, handler: str, seconds: float) -> None:
        self.proxy.bus.publish(
            Exchanged,
            proxy=self.proxy.name,
            connection=self.id,
            exchange=number,
            request=request,
            handler=handler,
            seconds=seconds,
        )

    def hit(self, stage: Stage, exchange: Exchange | None, what: str) -> None:
        """A handler really did something: count it, once per exchange, and tell."""
        number = exchange.number if exchange is not None else max(self.number, 1)
        armed = stage.armed
        drawn = exchange is not None and exchange.armed is armed
        if stage.hit_in == number or (drawn and exchange is not None and exchange.hit):
            return
        stage.hit_in = number
        if exchange is not None and drawn:
            exchange.hit = True
        armed.hits += 1
        self.hits += 1
        self.proxy.stats.hits[armed.name] += 1
        self.proxy.bus.publish(
            Injected,
            proxy=self.proxy.name,
            connection=self.id,
            exchange=number,
            handler=armed.name,
            what=what,
            request=exchange.request if exchange else "",
        )

    # -- changing ---------------------------------------------------------------------------

    @property
    def acted_on(self) -> bool:
        """Whether any handler acts on it now, or holds something: of thousands few have one."""
        up, down, exchange = self.up, self.down, self.exchange
        return bool(
            (exchange is not None and exchange.armed is not None)
            or self._fixed is not None
            or self.pinned is not None
            or up.handled
            or down.handled
        )

    def replan(self, plan: Plan, changed: frozenset[Armed]) -> None:
        """The proxy has a new plan: act on it now.

        What was switched off lets go of what it held; what got new options (``changed``)
        takes them and lets go too; what was switched on acts from the next exchange on.
        """
        if not (plan.chain or self.acted_on):
            return
        if self._fixed is not None and not plan.keeps(self._fixed):
            self._fixed = None
        off, renewed = self._drop_switched_off(plan, changed)
        acting = {stage_ for link in (self.up, self.down) for stage_ in link.chain if stage_.active}
        self._sync_chain(plan)
        kept = {stage_ for link in (self.up, self.down) for stage_ in link.chain if stage_.active}
        off |= acting - kept
        renewed |= {stage_ for stage_ in acting & kept if stage_.armed in changed}
        self._drop_holders(plan, changed, off, renewed)
        for link in (self.up, self.down):
            link.stage = self.stage_of(link)
            if off or renewed:
                link.release(off, renewed)
            else:
                link.settle()
            for stage_ in link.chain:
                if stage_ in renewed:
                    link.start(stage_)
        self._stop(off)

    def _stop(self, stages: Set[Stage]) -> None:
        """End the connection if a handler that was switched off says that it cannot go on."""
        for stage_ in stages:
            for action in stage_.handler.on_stop():
                if isinstance(action, (Close, Reset)):
                    self.end("fault", action)

    def live_exchanges(self) -> list[Exchange]:
        """The exchanges on which a handler may still act."""
        return [] if self.exchange is None else [self.exchange]

    def _drop_switched_off(
        self, plan: Plan, changed: frozenset[Armed]
    ) -> tuple[set[Stage], set[Stage]]:
        """Which instances of drawn handlers were switched off, and which have new options."""
        off: set[Stage] = set()
        renewed: set[Stage] = set()
        for exchange in {*self.live_exchanges(), *self.up.exchanges(), *self.down.exchanges()}:
            armed = exchange.armed
            if armed is None:
                continue
            if armed is not self.pinned and not plan.keeps(armed):
                off.update(exchange.stages())
                exchange.armed = None
                exchange.arm(self.protocol, self.proxy.dice, self.ordinal)
            elif armed in changed:
                exchange.renew()
                renewed.update(exchange.stages())
        return off, renewed

    def _drop_holders(
        self, plan: Plan, changed: frozenset[Armed], off: set[Stage], renewed: set[Stage]
    ) -> None:
        """The same for what still holds something of exchanges that are over."""
        for link in (self.up, self.down):
            for stage_ in link.holders() - off - renewed:
                armed = stage_.armed
                if stage_ in link.chain or armed is self.pinned or plan.keeps(armed):
                    if armed in changed:
                        stage_.handler.options = armed.options
                        renewed.add(stage_)
                else:
                    off.add(stage_)
