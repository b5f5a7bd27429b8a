"""Exchanges where nothing is known about the bytes: the two sides take turns.

The first exchange begins when the client connects, so that its draw covers the dialling; each
further one when the client speaks again after the backend has answered.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from chaostui.engine.drawn import PAUSE, Drawn
from chaostui.engine.exchange import Exchange, Stage
from chaostui.engine.items import What
from chaostui.engine.link import Link
from chaostui.engine.side import Side
from chaostui.engine.steps import FULL_READ
from chaostui.events import Exchanged, Injected
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.plan import Plan
    from chaostui.engine.proxy import Proxy

# Whose turn it is.
FRESH, CLIENT, BACKEND, LOOK = 0, 1, 2, 3
"""``LOOK`` is the backend's, where a handler may act on what it says of its own accord."""


class ClientSide(Side):
    """The socket that was accepted."""

    __slots__ = ()
    connection: Turns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.connection.proxy.listener is None:
            self.connection.turn_away()
        else:
            self.connection.accepted()

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        link = connection.up
        size = len(data)
        link.received += size
        if size >= FULL_READ:
            self.give_way()
        if connection.turn != CLIENT:
            connection.take_turn(data)
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            connection.requested(data)

    def eof_received(self) -> bool:
        self.peer_ended()
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
        size = len(data)
        link.received += size
        if size >= FULL_READ:
            self.give_way()
        if connection.turn != BACKEND:
            connection.heard()
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, Frame(data), connection.exchange)

    def eof_received(self) -> bool:
        self.peer_ended()
        self.connection.source_ended(self.connection.down)
        return True


class Turns(Drawn):
    """A connection that draws at each turn of the client's."""

    __slots__ = ("_heard", "_new", "_pushes", "_unanswered", "turn")

    client_side: ClassVar[type[Side]] = ClientSide
    backend_side: ClassVar[type[Side]] = BackendSide

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self.turn = FRESH
        self._new = True
        """The next bytes of the client's are the first of their exchange."""
        self._unanswered = False
        self._heard = 0.0
        """When the backend spoke last, where that matters."""
        self._pushes = 0
        """What the backend has said of its own accord since the client spoke."""

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
            self.client_name = self.protocol.client or self.client_name
        self._pushes = 0
        plan = self.proxy.plan
        quiet = plan.quiet and self.pinned is None
        if fresh and self.exchange is not None and not quiet:
            self.exchange.asked = self.asked
            if self.exchange.plan is not plan:
                self.draw_now(plan)
            return
        if self.exchange is not None:
            self.end_exchange(self.exchange)
        if not quiet:
            self.exchange = self.new_exchange(plan)
            self.settle()
        elif self.exchange is not None:
            self.exchange = None
            self.settle()

    def pass_on(self, data: bytes) -> None:
        """Bytes of the client's, once its turn was taken."""
        if self.up.direct:
            self.up.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            self.requested(data)

    def requested(self, data: bytes) -> None:
        """Bytes of the client's that do not pass untouched."""
        first, self._new = self._new, False
        self.up.feed(What.DATA, Frame(data, first=first), self.exchange)

    def heard(self) -> None:
        """The backend speaks, and that may mean something."""
        turn, plan = self.turn, self.proxy.plan
        quiet = plan.quiet and self.pinned is None
        before, self._heard = self._heard, time.monotonic()
        if turn == CLIENT:
            self.turn = BACKEND if quiet else LOOK
            self.answered()
        elif quiet:
            self.turn = BACKEND if turn == LOOK else turn
        elif self.stale(plan):
            self.draw_now(plan)
        elif turn == LOOK and self._heard - before > PAUSE:
            self.push(plan)

    def stale(self, plan: Plan) -> bool:
        """Whether the current exchange was not drawn by the plan that is in force."""
        return self.exchange is None or self.exchange.plan is not plan

    def push(self, plan: Plan) -> None:
        """The backend says something of its own accord: an exchange of its own begins."""
        if self.exchange is not None:
            self.end_exchange(self.exchange)
        self.exchange = self.new_push(plan)
        self.settle()

    def new_push(self, plan: Plan) -> Exchange:
        """Make the exchange of what the backend says of its own accord."""
        self._pushes += 1
        exchange = self.new_exchange(plan, push=self._pushes)
        exchange.request, exchange.replies = "push", False
        return exchange

    def answered(self) -> None:
        """The backend's first bytes in this exchange."""
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
        now = time.monotonic()
        self.reply = seconds = now - asked
        proxy = self.proxy
        if exchange is not None:
            exchange.seconds = seconds
            proxy.stats.latency_of(exchange.handler).record(seconds, now)
            return
        proxy.stats.normal.record(seconds, now)
        if proxy.bus.exchanges_wanted or seconds >= proxy.slow:
            self._publish(self.number, "", "normal", seconds)

    def answer(self, exchange: Exchange | None, data: bytes, link: Link) -> None:
        """Send a reply made here back to where the bytes of ``link`` came from."""
        back = self.down if link is self.up else self.up
        if link is self.up and self.turn == CLIENT:
            self.turn = LOOK
            self._unanswered = True
        back.feed(What.LOCAL, Frame(data), None)

    def source_ended(self, link: Link) -> None:
        """A FIN: a handler that was switched on since the last bytes may act on it."""
        plan = self.proxy.plan
        acts = not plan.quiet or self.pinned is not None
        if acts and self.turn != CLIENT and not self.framed and self.stale(plan):
            self.draw_now(plan)
        super().source_ended(link)

    @property
    def framed(self) -> bool:
        """Whether the protocol finds the exchanges."""
        return False

    def expect(self) -> None:
        if self.turn == BACKEND:
            self.turn = LOOK

    def under_way(self) -> list[Exchange]:
        if self.turn != CLIENT or self.framed:
            return []
        if self.exchange is None:
            self.exchange = Exchange(max(self.number, 1), self.asked)
            self._new = False
        return [self.exchange]

    def waits(self, exchange: Exchange) -> bool:
        return self.turn == CLIENT and exchange is self.exchange

    def amid(self, exchange: Exchange, link: Link) -> bool:
        return link is self.up or self.turn != CLIENT

    # -- telling ----------------------------------------------------------------------------

    def end_exchanges(self) -> None:
        if self.exchange is not None:
            self.end_exchange(self.exchange)

    def end_exchange(self, exchange: Exchange) -> None:
        """An exchange is over: tell of it, give back what it had taken and not hit."""
        if exchange.over:
            return
        exchange.over = True
        armed = exchange.armed
        if armed is not None and not exchange.hit and exchange.granted.get(armed):
            armed.give_back()
        proxy = self.proxy
        told = exchange.hit or exchange.hit_before or exchange.seconds >= proxy.slow
        if told or proxy.bus.exchanges_wanted:
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
            slow=seconds >= self.proxy.slow,
        )

    def hit(self, stage: Stage, exchange: Exchange | None, what: str) -> None:
        """A handler really did something: count it, once per exchange, and tell."""
        number, push = max(self.number, 1), 0
        if exchange is not None:
            number, push = exchange.number, exchange.push
        armed = stage.armed
        drawn = exchange is not None and exchange.armed is armed
        if stage.hit_in == (number, push) or (drawn and exchange is not None and exchange.hit):
            return
        stage.hit_in = (number, push)
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
