"""Exchanges where nothing is known about the bytes: the two sides take turns.

The first exchange begins when the client connects, so that its draw covers the dialling; each
further one when the client speaks again after the backend has answered.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from chaostui.engine.drawn import Drawn
from chaostui.engine.exchange import Exchange, Stage
from chaostui.engine.items import What
from chaostui.engine.link import Link
from chaostui.engine.side import Side
from chaostui.engine.steps import FULL_READ
from chaostui.events import Exchanged, Injected
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.proxy import Proxy

# Whose turn it is.
FRESH, CLIENT, BACKEND = 0, 1, 2


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
        if connection.turn == CLIENT:
            connection.answered()
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

    __slots__ = ("_new", "_unanswered", "turn")

    client_side: ClassVar[type[Side]] = ClientSide
    backend_side: ClassVar[type[Side]] = BackendSide

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self.turn = FRESH
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
            self.client_name = self.protocol.client or self.client_name
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
            self.turn = BACKEND
            self._unanswered = True
        back.feed(What.LOCAL, Frame(data), None)

    # -- telling ----------------------------------------------------------------------------

    def end_exchanges(self) -> None:
        if self.exchange is not None:
            self.end_exchange(self.exchange)

    def end_exchange(self, exchange: Exchange) -> None:
        """An exchange is over: tell of it, give back what it had taken and not hit."""
        armed = exchange.armed
        if armed is not None and not exchange.hit and (armed is not self._fixed or armed.asks):
            armed.give_back()
        proxy = self.proxy
        if exchange.hit or proxy.bus.exchanges_wanted or exchange.seconds >= proxy.slow:
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
