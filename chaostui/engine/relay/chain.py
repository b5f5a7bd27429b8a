"""The chain of a plan on one connection: its stages, and which of them act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaostui.engine.faults.exchange import Exchange, Stage, stage
from chaostui.engine.relay.flow import Link
from chaostui.protocol import Request

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Armed, ArmedEntry, Plan
    from chaostui.engine.relay.selection import Selection


class Chain:
    """Each stage lives as long as its entry; which of them act is rolled for each exchange."""

    __slots__ = ("_connection", "_rolled", "_selection")

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._connection = selection.connection
        self._rolled: dict[Armed, tuple[tuple[int, int], bool]] = {}
        """For which exchange each of the chain was rolled last, and whether it may hit."""

    @property
    def _links(self) -> tuple[Link, Link]:
        return self._connection.up, self._connection.down

    def acting(self) -> set[Stage]:
        """Those that act."""
        return {each for link in self._links for each in link.chain if each.active}

    def draw(self, plan: Plan, exchange: Exchange) -> None:
        """Roll for those that act on any exchange, as this one begins."""
        connection = self._connection
        if exchange.push and connection.exchanges.replies_due:
            return  # the chain acts on what was asked for
        anew = exchange.push or (exchange.number > 1 and not self._selection.whole)
        links = (connection.down,) if exchange.push else self._links
        for entry in plan.chain:
            if not entry.armed.asks and (anew or entry.armed not in self._rolled):
                self._set_active(entry, self._roll(entry, push=exchange.push), links)

    def match(self, exchange: Exchange, plan: Plan, request: Request) -> None:
        """Draw for those that are for certain requests."""
        hits = [
            entry
            for entry in plan.chain
            if entry.armed.asks
            and self._falls_on(entry)
            and self._selection.takes(entry.armed, request, exchange.granted)
        ]
        exchange.matched = frozenset(entry.armed for entry in hits)
        for entry in hits:
            self._set_active(entry, active=True)

    def sync(self, plan: Plan) -> None:
        """Give both links the chain's stages; those that stay keep their state."""
        present = {each.armed for link in self._links for each in link.chain}
        for link in self._links:
            kept = {each.armed: each for each in link.chain}
            link.chain = tuple(
                kept.get(entry.armed) or self._stage(entry.armed, link)
                for entry in plan.chain
                if link.direction in entry.directions
            )
            for each in link.chain:
                each.handler.options = each.armed.options
        entries = {entry.armed for entry in plan.chain}
        self._rolled = {armed: n for armed, n in self._rolled.items() if armed in entries}
        for entry in plan.chain:
            new = entry.armed not in present
            if (new and not self._can_wait(entry)) or self._chance_changed(entry):
                self._set_active(entry, not entry.armed.asks and self._roll(entry))

    def _falls_on(self, entry: ArmedEntry, push: int = 0) -> bool:
        """Whether the dice of the exchange fall on an entry."""
        if entry.probability >= 1:
            return True
        connection = self._connection
        what, number = f"chain {entry.name}", max(connection.number, 1)
        if self._selection.whole:
            number = 1
        elif push:
            what += f" push {push}"
        return connection.proxy.dice.roll(connection.ordinal, number, what) < entry.probability

    def _roll(self, entry: ArmedEntry, push: int = 0) -> bool:
        """Roll for an entry that acts on any exchange; count it once for each of them."""
        if not self._falls_on(entry, push):
            return False
        whole = self._selection.whole
        number = (1, 0) if whole else (max(self._connection.number, 1), push)
        rolled = self._rolled.get(entry.armed)
        if rolled is None or rolled[0] != number:
            takes = self._selection.takes(entry.armed, None, {})
            rolled = self._rolled[entry.armed] = (number, takes)
        return rolled[1]

    def _set_active(
        self, entry: ArmedEntry, active: bool, links: tuple[Link, ...] | None = None
    ) -> None:
        for link in links or self._links:
            for each in link.chain:
                if each.armed is entry.armed:
                    begins = active and not each.active
                    each.active, each.chance = active, entry.probability
                    if begins:
                        link.start(each)

    def _can_wait(self, entry: ArmedEntry) -> bool:
        """Whether it is drawn when something comes: here nothing does, and its hits are counted."""
        under_way = self._connection.exchanges.under_way
        return entry.armed.limited and not self._selection.whole and not under_way()

    def _chance_changed(self, entry: ArmedEntry) -> bool:
        stages = [each for link in self._links for each in link.chain]
        return any(s.armed is entry.armed and s.chance != entry.probability for s in stages)

    def _stage(self, armed: Armed, link: Link) -> Stage:
        connection = self._connection
        dice, number = connection.proxy.dice, max(connection.number, 1)
        return stage(armed, link.direction, connection.protocol, dice, connection.ordinal, number)
