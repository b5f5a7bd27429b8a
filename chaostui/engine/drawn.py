"""What is drawn for the exchanges of a connection, and what a change of plan does to it."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine.connection import Connection
from chaostui.engine.exchange import Exchange, Stage, stage
from chaostui.engine.link import Link
from chaostui.protocol import Request

if TYPE_CHECKING:
    from chaostui.engine.plan import Armed, ArmedEntry, Plan
    from chaostui.engine.proxy import Proxy


class Drawn(Connection):
    """A connection with handlers of its plan at work. ``Turns`` says when an exchange begins."""

    __slots__ = ("_fixed", "_plan", "asked")

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self.asked = self.opened
        """When the current exchange began, on the monotonic clock."""
        self._plan: Plan | None = None
        """The plan by which the first exchange was drawn."""
        self._fixed: Armed | None = None
        """The handler drawn for the whole connection."""

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
            if fixed is None or not (fixed.asks or self._out_of_reach(fixed)):
                return fixed
            return fixed if self._takes(fixed, request) else None
        armed = plan.pick(self.proxy.dice.roll(self.ordinal, number)) if plan.mix else None
        taken = armed is not None and self._takes(armed, request)
        kept = armed is not None and (taken or armed.asks or self._out_of_reach(armed))
        self._fixed = armed if whole and kept else None
        return armed if taken else None

    def _takes(self, armed: Armed, request: Request | None) -> bool:
        """Count a draw, where the request matches, and say whether it may hit."""
        if self._out_of_reach(armed):
            self.proxy.stats.not_reached += 1
            return False
        return armed.suits(request, self.client_name) and armed.take()

    def _out_of_reach(self, armed: Armed) -> bool:
        """Whether it cannot act here: it needs words, and only the peers can read them."""
        protocol = self.protocol
        return bool(protocol.opaque) and protocol.sealed and armed.needs_words

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
