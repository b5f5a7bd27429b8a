"""What is drawn for the exchanges of a connection, and what a change of plan does to it.

The dice of an exchange (with ``draw = "connection"`` those of the connection) fall once: a change
of weights reads the same roll anew, at once for what is under way. So what is hit depends on the
seed, the numbers and the mix in force alone, and an exchange that a handler has hit stays with it.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine import departure
from chaostui.engine.connection import Connection
from chaostui.engine.exchange import Exchange, Stage, stage
from chaostui.engine.items import NO_FRAME, What
from chaostui.engine.link import Link
from chaostui.protocol import Request

if TYPE_CHECKING:
    from chaostui.engine.plan import Armed, ArmedEntry, Plan
    from chaostui.engine.proxy import Proxy

PAUSE = 0.25
"""Seconds without a byte after which a request counts as waiting, and a reply as over."""


class Drawn(Connection):
    """A connection with handlers of its plan at work. ``Turns`` says when an exchange begins."""

    __slots__ = ("_granted", "_rolled", "asked")

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self.asked = self.opened
        """When the current exchange began, on the monotonic clock."""
        self._granted: dict[Armed, bool] = {}
        """The handlers drawn for the whole connection, and whether they may hit."""
        self._rolled: dict[Armed, tuple[tuple[int, int], bool]] = {}
        """For which exchange each of the chain was rolled last, and whether it may hit."""

    # -- drawing ----------------------------------------------------------------------------

    def draw_at_open(self) -> None:
        plan = self.proxy.plan
        self._sync_chain(plan)
        self.exchange = self.new_exchange(plan)
        self.settle()

    def new_exchange(self, plan: Plan, request: Request | None = None, push: int = 0) -> Exchange:
        """Make the exchange that begins now, with the handler that the dice gave it.

        What is for certain requests acts only where ``request`` is known and matches.
        """
        exchange = Exchange(max(self.number, 1), self.asked, push)
        exchange.plan = plan
        self._give(exchange, self._choose(plan, exchange, request))
        self.draw_chain(plan, exchange)
        if request is not None and plan.chain:
            self._match_chain(exchange, plan, request)
        return exchange

    def _give(self, exchange: Exchange, armed: Armed | None) -> None:
        if armed is not None or exchange.armed is not None:
            exchange.give(armed, self.protocol, self.proxy.dice, self.ordinal)

    def draw_late(self, exchange: Exchange, plan: Plan, request: Request) -> None:
        """What was not known when ``exchange`` was drawn, at open: the request, perhaps whose."""
        armed = self._picked(plan, exchange) if exchange.armed is None else None
        if armed is not None and self._choose(plan, exchange, request) is armed:
            self._give(exchange, armed)
        if plan.chain:
            self._match_chain(exchange, plan, request)

    def draw_chain(self, plan: Plan, exchange: Exchange) -> None:
        """Roll for those of the chain that act on any exchange, as this one begins."""
        if exchange.push and self.replies_due:
            return  # the chain acts on what was asked for
        anew = exchange.push or (exchange.number > 1 and self.proxy.settings.draw == "request")
        links = (self.down,) if exchange.push else (self.up, self.down)
        for entry in plan.chain:
            if not entry.armed.asks and (anew or entry.armed not in self._rolled):
                self._set_active(entry, self._roll(entry, push=exchange.push), links)

    @property
    def replies_due(self) -> bool:
        """Whether the backend owes a reply, as far as that is known."""
        return False

    def _match_chain(self, exchange: Exchange, plan: Plan, request: Request) -> None:
        """Draw for those of the chain that are for certain requests."""
        asking = [entry for entry in plan.chain if entry.armed.asks]
        hits = [
            entry
            for entry in asking
            if self._falls_on(entry) and self._takes(entry.armed, request, exchange.granted)
        ]
        exchange.matched = frozenset(entry.armed for entry in hits)
        for entry in hits:
            self._set_active(entry, active=True)

    @property
    def _whole(self) -> bool:
        """Whether the dice are the connection's, and not each exchange's."""
        return self.proxy.settings.draw == "connection"

    def _picked(self, plan: Plan, exchange: Exchange) -> Armed | None:
        """The handler of the mix that the dice fall on."""
        if not plan.mix:
            return None
        number, key = (1, "") if self._whole else (exchange.number, exchange.key)
        return plan.pick(self.proxy.dice.roll(self.ordinal, number, key))

    def _choose(self, plan: Plan, exchange: Exchange, request: Request | None) -> Armed | None:
        armed = self.pinned or self._picked(plan, exchange)
        if armed is None or not self._takes(armed, request, self.granted(exchange, armed)):
            return None
        return armed

    def granted(self, exchange: Exchange, armed: Armed) -> dict[Armed, bool]:
        """Where it is kept that ``armed`` was drawn: for this exchange, or all of them."""
        whole = self._whole and armed is not self.pinned and not armed.asks
        return self._granted if whole else exchange.granted

    def _takes(self, armed: Armed, request: Request | None, granted: dict[Armed, bool]) -> bool:
        """Count a draw once, where the request matches, and say whether it may hit."""
        if self._out_of_reach(armed):
            self.proxy.stats.not_reached += 1
            return False
        if armed not in granted and armed.suits(request, self.client_name):
            granted[armed] = armed.take()
        return granted.get(armed, False)

    def _out_of_reach(self, armed: Armed) -> bool:
        """Whether it cannot act here: it needs words, and only the peers can read them."""
        protocol = self.protocol
        return bool(protocol.opaque) and protocol.sealed and armed.needs_words

    def _falls_on(self, entry: ArmedEntry, push: int = 0) -> bool:
        """Whether the dice of the exchange fall on an entry of the chain."""
        if entry.probability >= 1:
            return True
        what, number = f"chain {entry.name}", max(self.number, 1)
        if self._whole:
            number = 1
        elif push:
            what += f" push {push}"
        return self.proxy.dice.roll(self.ordinal, number, what) < entry.probability

    def _roll(self, entry: ArmedEntry, push: int = 0) -> bool:
        """Roll for an entry that acts on any exchange; count it once for each of them."""
        if not self._falls_on(entry, push):
            return False
        number = (1, 0) if self._whole else (max(self.number, 1), push)
        rolled = self._rolled.get(entry.armed)
        if rolled is None or rolled[0] != number:
            rolled = self._rolled[entry.armed] = (number, self._takes(entry.armed, None, {}))
        return rolled[1]

    def _set_active(
        self, entry: ArmedEntry, active: bool, links: tuple[Link, ...] | None = None
    ) -> None:
        for link in links or (self.up, self.down):
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
        entries = {entry.armed for entry in plan.chain}
        self._rolled = {armed: n for armed, n in self._rolled.items() if armed in entries}
        for entry in plan.chain:
            new = entry.armed not in present
            if (new and not self._can_wait(entry)) or self._chance_changed(entry):
                self._set_active(entry, not entry.armed.asks and self._roll(entry))

    def _can_wait(self, entry: ArmedEntry) -> bool:
        """Whether it is drawn when something comes: here nothing does, and its hits are counted."""
        return entry.armed.limited and not self._whole and not self.under_way()

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

    # -- changing ---------------------------------------------------------------------------

    @property
    def acted_on(self) -> bool:
        """Whether any handler acts on it now, or holds something: of thousands few have one."""
        up, down, exchange = self.up, self.down, self.exchange
        return bool(
            (exchange is not None and exchange.armed is not None)
            or self.pinned is not None
            or up.handled
            or down.handled
        )

    def replan(self, plan: Plan, changed: frozenset[Armed]) -> None:
        """The proxy has a new plan: act on it now.

        What was switched off lets go of what it held; what got new options (``changed``)
        takes them and lets go too; what was switched on acts on what is under way from the next
        bytes on, either way.
        """
        if self.closed or (plan.quiet and not self.acted_on):
            return
        if self in self.proxy.departing and departure.look(self):
            return  # what was held of its requests must not be executed now
        self.expect()
        self._granted = {a: may for a, may in self._granted.items() if plan.keeps(a)}
        under_way = self.under_way()
        off, renewed, joined = self._draw_anew(plan, changed, under_way)
        acting = self._acting()
        self._sync_chain(plan)
        kept = self._acting()
        off |= acting - kept
        renewed |= {stage_ for stage_ in acting & kept if stage_.armed in changed}
        self._drop_holders(plan, changed, off, renewed)
        self._put_in_force(off, renewed)
        for link in (self.up, self.down):
            for stage_ in link.chain:
                if stage_ in renewed:
                    link.start(stage_)
        self._stop(off)
        self._join(under_way, joined, kept - acting)

    def _acting(self) -> set[Stage]:
        """Those of the chain that act."""
        return {stage_ for link in (self.up, self.down) for stage_ in link.chain if stage_.active}

    def _put_in_force(self, off: Set[Stage], renewed: Set[Stage]) -> None:
        for link in (self.up, self.down):
            link.stage = self.stage_of(link)
            if off or renewed:
                link.release(off, renewed)
            else:
                link.settle()

    def draw_now(self, plan: Plan) -> None:
        """Something comes in an exchange that was not drawn by this plan: draw it anew."""
        if self.exchange is None or self.exchange.over:
            self.exchange = Exchange(max(self.number, 1), self.asked)
        off, joined = self._redraw(self.exchange, plan)
        if joined and self.number:
            self.exchange.joined |= joined
        self.draw_chain(plan, self.exchange)
        self._put_in_force(off, frozenset())

    def _redraw(self, exchange: Exchange, plan: Plan) -> tuple[set[Stage], set[Stage]]:
        """Draw an exchange anew; return the instances that are off now, and the new ones."""
        exchange.plan, before = plan, exchange.armed
        if before is not None and (before is self.pinned or self._stays(exchange, plan)):
            return set(), set()
        armed = self._choose(plan, exchange, exchange.asks_for)
        if armed is before:
            return set(), set()
        off = set(exchange.stages())
        if before is not None and not exchange.hit and exchange.granted.pop(before, False):
            before.undo()
        self._give(exchange, armed)
        if plan.chain and exchange.asks_for is not None:
            self._match_chain(exchange, plan, exchange.asks_for)
        return off, set(exchange.stages())

    def _stays(self, exchange: Exchange, plan: Plan) -> bool:
        """Whether it was hit by a handler that is still on."""
        keeps = exchange.armed is not None and plan.keeps(exchange.armed)
        return keeps and exchange.hit and self.pinned is None

    @abstractmethod
    def expect(self) -> None:
        """See to it that what comes next is drawn by the plan that is in force then."""

    @abstractmethod
    def under_way(self) -> list[Exchange]:
        """The exchanges that are known to be under way: a reply is due, or a request comes."""

    @abstractmethod
    def waits(self, exchange: Exchange) -> bool:
        """Whether the backend has its request whole, and has not begun to answer."""

    @abstractmethod
    def amid(self, exchange: Exchange, link: Link) -> bool:
        """Whether a message of it has begun on ``link`` and is not over."""

    def _join(
        self, under_way: list[Exchange], joined: dict[Exchange, set[Stage]], chain: set[Stage]
    ) -> None:
        """Handlers were switched on while some of these exchanges had gone to the backend."""
        unsent = self.up.unsent()
        for exchange in under_way:
            stages = joined.get(exchange, set()) | chain
            if not stages or exchange in unsent or not self.number:
                continue
            exchange.sent = True
            for link in (self.up, self.down):
                mine = stages.intersection((exchange.stage(link.direction), *link.chain))
                if link is self.up or self.amid(exchange, link):
                    exchange.joined |= mine
                for stage_ in mine if self.amid(exchange, link) else ():
                    stage_.handler.begun = True
                for stage_ in mine if link is self.up else ():
                    self._ask_waiting(stage_, exchange)

    def _ask_waiting(self, stage_: Stage, exchange: Exchange) -> None:
        """Let a handler act on a request that waits, unless its reply comes as it should."""
        if not stage_.acts_when_waiting or not self.waits(exchange) or self.closed:
            return
        left = exchange.asked + PAUSE - time.monotonic()
        if left > 0:
            asyncio.get_running_loop().call_later(left, self._ask_waiting, stage_, exchange)
        elif exchange not in self.up.exchanges() and not self.up.held:
            self.up.driver.feed(What.WAITING, NO_FRAME, exchange, stage_)

    def _stop(self, stages: Set[Stage]) -> None:
        """End the connection if a handler that was switched off says that it cannot go on."""
        for stage_ in stages:
            for action in stage_.handler.on_stop():
                if isinstance(action, (Close, Reset)):
                    self.end("fault", action)

    def live_exchanges(self) -> list[Exchange]:
        """The exchanges on which a handler may still act."""
        return [] if self.exchange is None else [self.exchange]

    def _draw_anew(
        self, plan: Plan, changed: frozenset[Armed], under_way: list[Exchange]
    ) -> tuple[set[Stage], set[Stage], dict[Exchange, set[Stage]]]:
        """Draw anew what is under way, or held; the rest when something comes.

        Return the instances of drawn handlers that are off, those with new options, and those
        that were switched on, by exchange.
        """
        off: set[Stage] = set()
        renewed: set[Stage] = set()
        joined: dict[Exchange, set[Stage]] = {}
        held = self.up.exchanges() | self.down.exchanges()
        known = {*self.live_exchanges(), *under_way, *held}
        for exchange in sorted(known, key=lambda each: (each.number, each.push)):
            armed = exchange.armed
            if armed is not None and armed in changed:
                exchange.renew()
                renewed.update(exchange.stages())
            if not exchange.over and (exchange in held or exchange in under_way):
                gone, joined[exchange] = self._redraw(exchange, plan)
                off |= gone
                continue
            exchange.plan = None
            if armed is not None and armed is not self.pinned and not plan.keeps(armed):
                off.update(exchange.stages())
                self._give(exchange, None)
        return off, renewed, joined

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
