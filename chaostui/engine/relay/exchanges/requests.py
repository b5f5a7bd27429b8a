"""The requests of a connection whose protocol finds their boundaries: each is an exchange."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.faults.items import What
from chaostui.engine.relay import account
from chaostui.engine.relay.exchanges.contract import Turn
from chaostui.engine.relay.exchanges.due import count
from chaostui.engine.relay.flow import Link
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.relay.exchanges.framed import Framed


class Requests:
    """Takes what the client sends, frame by frame."""

    __slots__ = ("_connection", "_framed", "ending")

    def __init__(self, framed: Framed) -> None:
        self._framed = framed
        self._connection = framed.connection
        self.ending = False
        """A reply that is due will end the connection: no more requests are taken."""

    @property
    def quiet(self) -> bool:
        """Whether requests that come now need not be told from each other.

        Nothing acts on them, nobody wants to hear of each, their replies come in order.
        """
        connection, proxy = self._connection, self._connection.proxy
        return (
            proxy.plan.quiet
            and connection.pinned is None
            and connection.protocol.ordered
            and (self._framed.turn is not Turn.FRESH or connection.exchange is None)
            and not (self.ending or proxy.bus.exchanges_wanted)
        )

    def pass_together(self, frames: list[Frame]) -> None:
        """Requests on which nothing acts: those that came together share an exchange."""
        connection = self._connection
        begun, due, request = count(frames)
        if begun:
            self._framed.turn = Turn.CLIENT
            connection.asked = time.monotonic()
            connection.number += begun
            connection.proxy.stats.exchanges += begun
            exchange = connection.exchange = Exchange(connection.number, connection.asked)
            if request is not None:
                connection.request = exchange.request = request.name
                exchange.asks_for = request
            if due:
                exchange.due = due
                self._framed.replies.due.append(exchange)
        if connection.exchange is not None and frames:
            connection.exchange.complete = frames[-1].last
        write(connection.up, frames)

    def begin(self, frame: Frame) -> None:
        """A request begins: it is drawn for, and its reply is due."""
        connection, framed = self._connection, self._framed
        connection.asked = time.monotonic()
        connection.proxy.stats.exchanges += 1
        connection.number += 1
        plan, exchange = connection.proxy.plan, connection.exchange
        if exchange is not None and exchange.joined:
            # What was switched on acts on this one: those before it may end as they would.
            for each in framed.replies.due:
                each.joined.clear()
        drawn = framed.turn is Turn.FRESH and not framed.stale(plan)
        framed.turn = Turn.CLIENT
        framed.replies.pushes = 0
        if exchange is None or not drawn:
            if exchange is not None and connection.number == 1:
                account.ended(connection, exchange)
            exchange = connection.selection.new_exchange(plan, frame.request)
        elif frame.request is not None:
            connection.selection.late(exchange, plan, frame.request)
        exchange.asked = connection.asked
        exchange.replies = frame.reply
        connection.exchange = exchange
        if frame.request is not None:
            connection.request = frame.request.name
            exchange.asks(frame.request)
        if frame.reply:
            framed.replies.expect(exchange)

    def forward(self, frame: Frame) -> None:
        """Pass bytes of the current request on."""
        connection = self._connection
        exchange, link = connection.exchange, connection.up
        if self.ending:
            return
        if link.direct and (exchange is None or exchange.stage("upstream") is None):
            link.dest.transport.write(frame.data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, frame, exchange)
        if frame.last and exchange is not None:
            exchange.complete = True
            if not exchange.replies:
                account.ended(connection, exchange)


def write(link: Link, frames: list[Frame]) -> None:
    """Pass frames on which nothing acts on together."""
    if not frames:
        return
    data = frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames])
    if link.direct:
        link.dest.transport.write(data)  # type: ignore[union-attr]
    else:
        link.feed(What.DATA, Frame(data))
