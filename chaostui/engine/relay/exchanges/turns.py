"""Exchanges where nothing is known about the bytes: the two sides take turns.

The first exchange begins when the client connects, so that its draw covers the dialling; each
further one when the client speaks again after the backend has answered.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import What
from chaostui.engine.relay import account
from chaostui.engine.relay.exchanges.contract import Turn
from chaostui.engine.relay.flow import Link
from chaostui.engine.relay.redraw import PAUSE
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Plan
    from chaostui.engine.relay.connection import Connection

FRESH, CLIENT, BACKEND, LOOK = Turn


class Turns:
    """An exchange is a turn of the client's and what the backend says to it."""

    __slots__ = ("_connection", "_heard", "_new", "_pushes", "_unanswered", "turn")

    special = False
    replies_due = False

    def __init__(self, connection: Connection, turn: Turn = FRESH) -> None:
        self._connection = connection
        self.turn = turn
        self._new = True
        """The next bytes of the client's are the first of their exchange."""
        self._unanswered = False
        self._heard = 0.0
        """When the backend spoke last, where that matters."""
        self._pushes = 0
        """What the backend has said of its own accord since the client spoke."""

    # -- bytes ------------------------------------------------------------------------------

    def cut_requests(self, data: bytes) -> None:
        if self.turn is not CLIENT:
            self.take_turn(data)
        link = self._connection.up
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            self.requested(data)

    def cut_replies(self, data: bytes) -> None:
        if self.turn is not BACKEND:
            self.heard()
        link = self._connection.down
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, Frame(data), self._connection.exchange)

    def take_turn(self, data: bytes) -> None:
        """The client speaks: the exchange that was drawn at open goes on, or a new one begins."""
        connection = self._connection
        proxy = connection.proxy
        connection.asked = time.monotonic()
        proxy.stats.exchanges += 1
        connection.number += 1
        self._new = True
        fresh, self.turn = self.turn is FRESH, CLIENT
        if fresh:
            protocol = connection.protocol
            connection.first = protocol.first(data)
            connection.client_name = protocol.client or connection.client_name
        self._pushes = 0
        plan, exchange = proxy.plan, connection.exchange
        quiet = plan.quiet and connection.pinned is None
        if fresh and exchange is not None and not quiet:
            exchange.asked = connection.asked
            if exchange.plan is not plan:
                connection.selection.now(plan)
            return
        if exchange is not None:
            account.ended(connection, exchange)
        if not quiet:
            connection.exchange = connection.selection.new_exchange(plan)
            connection.settle()
        elif exchange is not None:
            connection.exchange = None
            connection.settle()

    def requested(self, data: bytes) -> None:
        """Bytes of the client's that do not pass untouched."""
        first, self._new = self._new, False
        self._connection.up.feed(What.DATA, Frame(data, first=first), self._connection.exchange)

    def heard(self) -> None:
        """The backend speaks, and that may mean something."""
        connection, turn = self._connection, self.turn
        plan = connection.proxy.plan
        quiet = plan.quiet and connection.pinned is None
        before, self._heard = self._heard, time.monotonic()
        if turn is CLIENT:
            self.turn = BACKEND if quiet else LOOK
            if connection.down.direct:
                account.answered(connection, connection.exchange, connection.asked)
            else:
                self._unanswered = True
        elif quiet:
            self.turn = BACKEND if turn is LOOK else turn
        elif self.stale(plan):
            connection.selection.now(plan)
        elif turn is LOOK and self._heard - before > PAUSE:
            self._push(plan)

    def _push(self, plan: Plan) -> None:
        """The backend says something of its own accord: an exchange of its own begins."""
        connection = self._connection
        if connection.exchange is not None:
            account.ended(connection, connection.exchange)
        self._pushes += 1
        connection.exchange = pushed(connection, plan, self._pushes)
        connection.settle()

    # -- what the relay asks ----------------------------------------------------------------

    def source_ended(self, link: Link) -> None:
        connection = self._connection
        plan = connection.proxy.plan
        acts = not plan.quiet or connection.pinned is not None
        if acts and self.turn is not CLIENT and self.stale(plan):
            # A handler that was switched on since the last bytes may act on the FIN.
            connection.selection.now(plan)

    def take_rest(self, link: Link | None) -> None:
        pass  # all is taken at once

    def answer(self, exchange: Exchange | None, data: bytes, link: Link) -> None:
        connection = self._connection
        if link is connection.up and self.turn is CLIENT:
            self.turn = LOOK
            self._unanswered = True
        back = connection.down if link is connection.up else connection.up
        back.feed(What.LOCAL, Frame(data), None)

    def finish(self, final: Close | Reset, exchange: Exchange | None) -> bool:
        return False

    def wrote(self, link: Link) -> None:
        connection = self._connection
        if self._unanswered and link is connection.down:
            self._unanswered = False
            account.answered(connection, connection.exchange, connection.asked)

    def stage_of(self, link: Link) -> Stage | None:
        exchange = self._connection.exchange
        return exchange.stage(link.direction) if exchange is not None else None

    def end_all(self) -> None:
        if self._connection.exchange is not None:
            account.ended(self._connection, self._connection.exchange)

    # -- where a plan acts ------------------------------------------------------------------

    def stale(self, plan: Plan) -> bool:
        exchange = self._connection.exchange
        return exchange is None or exchange.plan is not plan

    def expect(self) -> None:
        if self.turn is BACKEND:
            self.turn = LOOK

    def live(self) -> list[Exchange]:
        exchange = self._connection.exchange
        return [] if exchange is None else [exchange]

    def under_way(self) -> list[Exchange]:
        if self.turn is not CLIENT:
            return []
        connection = self._connection
        if connection.exchange is None:
            connection.exchange = Exchange(max(connection.number, 1), connection.asked)
            self._new = False
        return [connection.exchange]

    def waits(self, exchange: Exchange) -> bool:
        return self.turn is CLIENT and exchange is self._connection.exchange

    def amid(self, exchange: Exchange, link: Link) -> bool:
        return link is self._connection.up or self.turn is not CLIENT


def pushed(connection: Connection, plan: Plan, push: int) -> Exchange:
    """Make the exchange of what the backend says of its own accord, for the ``push``th time."""
    exchange = connection.selection.new_exchange(plan, push=push)
    exchange.request, exchange.replies = "push", False
    return exchange
