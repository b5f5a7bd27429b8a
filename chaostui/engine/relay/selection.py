"""Which fault acts on an exchange: what the dice give it of mix and chain.

The dice of an exchange (with ``draw = "connection"`` those of the connection) fall once: a change
of weights reads the same roll anew, at once for what is under way. So what is hit depends on the
seed, the numbers and the mix in force alone, and an exchange that a handler has hit stays with it.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.engine.faults.compile import NORMAL
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.relay import trail
from chaostui.engine.relay.chain import Chain
from chaostui.protocol import Request

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Armed, Plan
    from chaostui.engine.relay.connection import Connection


class Selection:
    """The draws of one connection; made when a plan can first act on it."""

    __slots__ = ("_granted", "chain", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.chain = Chain(self)
        self._granted: dict[Armed, bool] = {}
        """The handlers drawn for the whole connection, and whether they may hit."""

    @property
    def whole(self) -> bool:
        """Whether the dice are the connection's, and not each exchange's."""
        return self.connection.proxy.settings.draw == "connection"

    # -- drawing ----------------------------------------------------------------------------

    def at_open(self) -> None:
        """Draw for the first exchange before anything was read."""
        plan = self.connection.proxy.plan
        self.chain.sync(plan)
        self.connection.exchange = self.new_exchange(plan)
        self.connection.settle()

    def new_exchange(self, plan: Plan, request: Request | None = None, push: int = 0) -> Exchange:
        """Make the exchange that begins now, with the handler that the dice gave it.

        What is for certain requests acts only where ``request`` is known and matches.
        """
        connection = self.connection
        exchange = Exchange(max(connection.number, 1), connection.asked, push)
        exchange.plan = plan
        self.give(exchange, self._choose(plan, exchange, request))
        if plan.chain:
            self.chain.draw(plan, exchange)
            if request is not None:
                self.chain.match(exchange, plan, request)
        return exchange

    def late(self, exchange: Exchange, plan: Plan, request: Request) -> None:
        """What was not known when ``exchange`` was drawn, at open: the request, perhaps whose."""
        armed = self._picked(plan, exchange) if exchange.armed is None else None
        if armed is not None and self._choose(plan, exchange, request) is armed:
            self.give(exchange, armed)
        if plan.chain:
            self.chain.match(exchange, plan, request)

    def now(self, plan: Plan) -> None:
        """Something comes in an exchange that was not drawn by this plan: draw it anew."""
        connection = self.connection
        exchange = connection.exchange
        if exchange is None or exchange.over:
            exchange = Exchange(max(connection.number, 1), connection.asked)
            connection.exchange = exchange
        off, joined = self.anew(exchange, plan)
        if joined and connection.number:
            exchange.joined |= joined
        self.chain.draw(plan, exchange)
        self.put_in_force(off, frozenset())

    def anew(self, exchange: Exchange, plan: Plan) -> tuple[set[Stage], set[Stage]]:
        """Draw an exchange anew; return the instances that are off now, and the new ones."""
        exchange.plan, before = plan, exchange.armed
        pinned = self.connection.pinned
        if before is not None and (before is pinned or self._stays(exchange, plan)):
            return set(), set()
        armed = self._choose(plan, exchange, exchange.asks_for)
        if armed is before:
            return set(), set()
        off = set(exchange.stages())
        if before is not None and not exchange.hit and exchange.granted.pop(before, False):
            before.undo()
        self.give(exchange, armed)
        if plan.chain and exchange.asks_for is not None:
            self.chain.match(exchange, plan, exchange.asks_for)
        return off, set(exchange.stages())

    def give(self, exchange: Exchange, armed: Armed | None) -> None:
        """Let ``armed`` act on an exchange, or nothing."""
        if armed is not None or exchange.armed is not None:
            connection = self.connection
            exchange.give(armed, connection.protocol, connection.proxy.dice, connection.ordinal)
            if trail.on():
                drawn = armed.name if armed is not None else NORMAL
                request = f" ({exchange.request})" if exchange.request else ""
                told = f"draw {drawn} for exchange {exchange.number}{request}"
                trail.say(connection.proxy.name, connection.id, told)

    def put_in_force(self, off: Set[Stage], renewed: Set[Stage]) -> None:
        """Let go of what those ``off`` or ``renewed`` hold, and find out anew what passes by."""
        connection = self.connection
        if (off or renewed) and trail.on():
            gone = ", ".join(sorted({stage.armed.name for stage in off | renewed}))
            told = f"release {gone}: {connection.up.held + connection.down.held} bytes held"
            trail.say(connection.proxy.name, connection.id, told)
        for link in (connection.up, connection.down):
            link.stage = connection.exchanges.stage_of(link)
            if off or renewed:
                link.release(off, renewed)
            else:
                link.settle()

    def keep(self, plan: Plan) -> None:
        """Forget the draws of handlers that a plan has switched off."""
        self._granted = {a: may for a, may in self._granted.items() if plan.keeps(a)}

    # -- the dice ---------------------------------------------------------------------------

    def _stays(self, exchange: Exchange, plan: Plan) -> bool:
        """Whether it was hit by a handler that is still on."""
        keeps = exchange.armed is not None and plan.keeps(exchange.armed)
        return keeps and exchange.hit and self.connection.pinned is None

    def _picked(self, plan: Plan, exchange: Exchange) -> Armed | None:
        """The handler of the mix that the dice fall on."""
        if not plan.mix:
            return None
        number, key = (1, "") if self.whole else (exchange.number, exchange.key)
        connection = self.connection
        return plan.pick(connection.proxy.dice.roll(connection.ordinal, number, key))

    def _choose(self, plan: Plan, exchange: Exchange, request: Request | None) -> Armed | None:
        armed = self.connection.pinned or self._picked(plan, exchange)
        if armed is None or not self.takes(armed, request, self._kept(exchange, armed)):
            return None
        return armed

    def _kept(self, exchange: Exchange, armed: Armed) -> dict[Armed, bool]:
        """Where it is kept that ``armed`` was drawn: for this exchange, or all of them."""
        whole = self.whole and armed is not self.connection.pinned and not armed.asks
        return self._granted if whole else exchange.granted

    def takes(self, armed: Armed, request: Request | None, granted: dict[Armed, bool]) -> bool:
        """Count a draw once, where the request matches, and say whether it may hit."""
        connection = self.connection
        protocol = connection.protocol
        if protocol.opaque and protocol.sealed and armed.needs_words:
            # It needs words, and only the peers can read them.
            connection.proxy.stats.not_reached += 1
            return False
        if armed not in granted and armed.suits(request, connection.client_name):
            granted[armed] = armed.take()
        return granted.get(armed, False)
