"""The replies of a connection whose protocol finds their boundaries, those made here among them.

A reply made here waits for those before it, or, where the protocol lets replies come in any
order, for the end of the one under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.faults.items import What
from chaostui.engine.relay import account
from chaostui.engine.relay.exchanges.contract import Turn
from chaostui.engine.relay.exchanges.due import Due
from chaostui.engine.relay.exchanges.requests import write
from chaostui.engine.relay.exchanges.turns import pushed
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.relay.exchanges.framed import Framed


class Replies:
    """Knows which replies are due, and whose bytes from the backend are."""

    __slots__ = ("_connection", "_framed", "_over", "due", "push", "pushes", "special")

    def __init__(self, framed: Framed, over: Callable[[Exchange], None]) -> None:
        """``over`` is told of each exchange whose reply is complete."""
        self._framed = framed
        self._connection = framed.connection
        self._over = over
        self.due = Due()
        """The exchanges whose reply is due, oldest first: pipelined requests may be several."""
        self.special: set[Exchange] = set()
        """Those on which a handler acts, or that are told of."""
        self.push: Exchange | None = None
        """What the backend says of its own accord: an exchange of its own."""
        self.pushes = 0
        """How many there were since the client spoke."""

    def expect(self, exchange: Exchange) -> None:
        """A reply to it is due."""
        self.special.add(exchange)
        self.due.append(exchange)

    # -- bytes ------------------------------------------------------------------------------

    @property
    def quiet(self) -> bool:
        """Whether nothing acts on replies that come now."""
        connection = self._connection
        return (
            connection.down.direct
            and connection.protocol.ordered
            and connection.proxy.plan.quiet
            and connection.pinned is None
            and (self._framed.turn is not Turn.FRESH or connection.exchange is None)
            and not self.special
        )

    def pass_together(self, frames: list[Frame]) -> None:
        """Pass replies on which nothing acts."""
        connection, now = self._connection, time.monotonic()
        normal, slow = connection.proxy.stats.normal, connection.proxy.slow
        for frame in frames:
            for exchange, replies in self.due.count_down(frame.messages, ends=frame.last):
                if frame.first:
                    connection.reply = seconds = now - exchange.asked
                    normal.record(seconds, now, replies)
                    if seconds >= slow:
                        number, request = exchange.number, exchange.request
                        account.publish(connection, number, request, "normal", seconds)
        write(connection.down, frames)

    def take(self, frames: list[Frame]) -> None:
        """Pass replies on, each with its exchange."""
        ordered = self._connection.protocol.ordered
        for frame in frames:
            exchange = self.answered_by(frame)
            self._pass(frame, exchange)
            ends = frame.last and frame.messages
            if ends and exchange is not None and exchange in self.due:
                self._complete(exchange)
                if ordered:
                    self.send_answers()
        if not ordered:
            self.send_answers()

    def answered_by(self, frame: Frame) -> Exchange | None:
        """The exchange that bytes from the backend belong to."""
        due, asked = self.due, frame.request
        if frame.first:
            self.end_push()
        if asked is not None and not self._connection.protocol.ordered:
            return due.of(asked)
        if self._framed.turn is Turn.FRESH:
            return self._greeting()  # it belongs to the draw at open
        ordered = bool(due) and self._connection.protocol.ordered
        if not (frame.first or frame.last) and not (ordered and due[0].answered):
            if frame.push or not (due or self.push):
                self._begin_push()
            if self.push is not None:
                return self.push
        return due[0] if ordered else None

    def _greeting(self) -> Exchange | None:
        connection = self._connection
        plan = connection.proxy.plan
        if self._framed.stale(plan) and not (plan.quiet and connection.pinned is None):
            connection.selection.now(plan)
        return connection.exchange

    def _pass(self, frame: Frame, exchange: Exchange | None) -> None:
        """Pass bytes of a reply on."""
        link = self._connection.down
        if frame.first and exchange is not None and not exchange.answered:
            exchange.answered = True
            account.answered(self._connection, exchange, exchange.asked)
        if link.direct and (exchange is None or exchange.stage("downstream") is None):
            link.dest.transport.write(frame.data)  # type: ignore[union-attr]
        elif frame.data:
            link.feed(What.DATA, frame, exchange)

    def _complete(self, exchange: Exchange) -> None:
        """A reply that was due is complete."""
        exchange.due -= 1
        exchange.answered = False
        if not exchange.due:
            self.due.remove(exchange)
        self.special.discard(exchange)
        account.ended(self._connection, exchange)
        self._over(exchange)

    # -- pushes -----------------------------------------------------------------------------

    def _begin_push(self) -> None:
        """The backend says something that nobody asked for."""
        self.end_push()
        connection = self._connection
        plan = connection.proxy.plan
        if not plan.quiet or connection.pinned is not None:
            self.pushes += 1
            self.push = pushed(connection, plan, self.pushes)

    def end_push(self) -> None:
        """What comes now is something else."""
        if self.push is not None:
            account.ended(self._connection, self.push)
            self.push = None

    # -- made here --------------------------------------------------------------------------

    def send_answers(self) -> None:
        """Send the replies made here whose turn has come."""
        connection = self._connection
        while (exchange := self._next_answered()) is not None:
            for data in exchange.answer or ():
                connection.down.feed(What.LOCAL, Frame(data), None)
            account.answered(connection, exchange, exchange.asked)
            self._complete(exchange)
            if exchange.final is not None:
                connection.end("fault", exchange.final)
                return

    def _next_answered(self) -> Exchange | None:
        """The next exchange whose reply made here may be sent now."""
        protocol, due = self._connection.protocol, self.due
        if protocol.ordered:
            return due[0] if due and due[0].answer is not None else None
        return due.answered() if protocol.between() else None
