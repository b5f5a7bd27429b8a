"""Exchanges where the protocol finds the true boundaries of requests and replies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from chaostui.actions import Close, Reset
from chaostui.engine import reach
from chaostui.engine.due import Due, count
from chaostui.engine.exchange import Exchange, Stage
from chaostui.engine.framed_sides import FramedBackendSide, FramedClientSide
from chaostui.engine.items import What
from chaostui.engine.link import Link
from chaostui.engine.pushes import Pushes
from chaostui.engine.side import Side
from chaostui.engine.turns import CLIENT, FRESH, LOOK, Turns
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.proxy import Proxy


class Framed(Turns):
    """A connection that draws at each request, and keeps replies in order.

    ``_waiting`` holds the exchanges whose reply is due, oldest first: pipelined requests may
    be several. A reply made here waits for those before it, or, where the protocol lets replies
    come in any order, for the end of the one under way.
    """

    __slots__ = ("_ending", "_pushed", "_special", "_waiting")

    client_side: ClassVar[type[Side]] = FramedClientSide
    backend_side: ClassVar[type[Side]] = FramedBackendSide

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self._waiting = Due()
        self._special: set[Exchange] = set()
        """Exchanges that a handler acts on, or that are told of."""
        self._pushed = Pushes(self)
        self._ending = False
        """A reply that is due will end the connection: no more requests are taken."""

    # -- requests ---------------------------------------------------------------------------

    def cut_requests(self, data: bytes) -> None:
        """Bytes from the client: each request is an exchange."""
        protocol = self.protocol
        protocol.runs = quiet = self._quiet and (self.up.direct or self.up.early)
        frames = protocol.request(data)
        if self.turn == FRESH and protocol.client:
            self.client_name = protocol.client
        if quiet and not protocol.opaque:
            self._pass_requests(frames)
        else:
            self.take_requests(frames)

    def take_requests(self, frames: list[Frame]) -> None:
        """Pass requests on, each with its exchange."""
        for frame in frames:
            if not frame.messages:
                self._take_unread(frame.data)
                return
            if frame.header:
                self.up.feed(What.LOCAL, frame)
                continue
            if frame.first:
                self._begin(frame)
            self._forward(frame)
        if self.protocol.opaque:
            self._lost_frame()

    def _take_unread(self, data: bytes) -> None:
        """Bytes that are not read are a turn of the client's, and faults act on them as on any."""
        self._lost_frame()
        self.take_turn(data)
        self.pass_on(data)

    @property
    def _quiet(self) -> bool:
        """Whether requests that come now need not be told from each other.

        Nothing acts on them, nobody wants to hear of each, their replies come in order.
        """
        proxy = self.proxy
        return (
            proxy.plan.quiet
            and self.pinned is None
            and self.protocol.ordered
            and (self.turn != FRESH or self.exchange is None)
            and not (self._ending or proxy.bus.exchanges_wanted)
        )

    def _pass_requests(self, frames: list[Frame]) -> None:
        """Requests on which nothing acts: those that came together share an exchange."""
        begun, due, request = count(frames)
        if begun:
            self.turn = CLIENT
            self.asked = time.monotonic()
            self.number += begun
            self.proxy.stats.exchanges += begun
            exchange = self.exchange = Exchange(self.number, self.asked)
            if request is not None:
                self.request = exchange.request = request.name
                exchange.asks_for = request
            if due:
                exchange.due = due
                self._waiting.append(exchange)
        if self.exchange is not None and frames:
            self.exchange.complete = frames[-1].last
        self._write(self.up, frames)

    @staticmethod
    def _write(link: Link, frames: list[Frame]) -> None:
        if not frames:
            return
        data = frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames])
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, Frame(data))

    def _begin(self, frame: Frame) -> None:
        self.asked = time.monotonic()
        self.proxy.stats.exchanges += 1
        self.number += 1
        plan = self.proxy.plan
        exchange = self.exchange
        if exchange is not None and exchange.joined:
            # What was switched on acts on this one: those before it may end as they would.
            for each in self._waiting:
                each.joined.clear()
        drawn = self.turn == FRESH and not self.stale(plan)
        self.turn, self._pushes = CLIENT, 0
        if exchange is None or not drawn:
            if exchange is not None and self.number == 1:
                self.end_exchange(exchange)
            exchange = self.new_exchange(plan, frame.request)
        elif frame.request is not None:
            self.draw_late(exchange, plan, frame.request)
        exchange.asked = self.asked
        exchange.replies = frame.reply
        self.exchange = exchange
        if frame.request is not None:
            self.request = frame.request.name
            exchange.asks(frame.request)
        if frame.reply:
            self._special.add(exchange)
            self._waiting.append(exchange)

    def _forward(self, frame: Frame) -> None:
        exchange, link = self.exchange, self.up
        if self._ending:
            return
        if link.direct and (exchange is None or exchange.stage("upstream") is None):
            link.dest.transport.write(frame.data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, frame, exchange)
        if frame.last and exchange is not None:
            exchange.complete = True
            if not exchange.replies:
                self.end_exchange(exchange)

    # -- replies ----------------------------------------------------------------------------

    def cut_replies(self, data: bytes) -> None:
        """Bytes from the backend: each reply ends its exchange."""
        link, protocol = self.down, self.protocol
        protocol.runs = quiet = (
            link.direct
            and protocol.ordered
            and self.proxy.plan.quiet
            and self.pinned is None
            and (self.turn != FRESH or self.exchange is None)
            and not self._special
        )
        frames = protocol.reply(data)
        if quiet:
            self._pass_replies(frames)
            if protocol.opaque:
                self._lost_frame()
        else:
            self.take_replies(frames)

    def take_replies(self, frames: list[Frame]) -> None:
        """Pass replies on, each with its exchange."""
        protocol = self.protocol
        for frame in frames:
            exchange = self._answered_by(frame)
            self._reply(frame, exchange)
            ends = frame.last and frame.messages
            if ends and exchange is not None and exchange in self._waiting:
                self._over(exchange)
                if protocol.ordered:
                    self._send_answers()
        if not protocol.ordered:
            self._send_answers()
        if protocol.opaque:
            self._lost_frame()

    def _answered_by(self, frame: Frame) -> Exchange | None:
        """The exchange that bytes from the backend belong to."""
        waiting, asked = self._waiting, frame.request
        if frame.first:
            self._pushed.end()
        if asked is not None and not self.protocol.ordered:
            return waiting.of(asked)
        if self.turn == FRESH:
            return self._greeting()  # it belongs to the draw at open
        ordered = bool(waiting) and self.protocol.ordered
        if not (frame.first or frame.last) and not (ordered and waiting[0].answered):
            if frame.push or not (waiting or self._pushed.current):
                self._pushed.begin()
            if self._pushed.current is not None:
                return self._pushed.current
        return waiting[0] if ordered else None

    def _greeting(self) -> Exchange | None:
        plan = self.proxy.plan
        if self.stale(plan) and not (plan.quiet and self.pinned is None):
            self.draw_now(plan)
        return self.exchange

    def _reply(self, frame: Frame, exchange: Exchange | None) -> None:
        """Pass bytes of a reply on."""
        link = self.down
        if frame.first and exchange is not None and not exchange.answered:
            exchange.answered = True
            self.record_latency(exchange, exchange.asked)
        if link.direct and (exchange is None or exchange.stage("downstream") is None):
            link.dest.transport.write(frame.data)  # type: ignore[union-attr]
        elif frame.data:
            link.feed(What.DATA, frame, exchange)

    def _pass_replies(self, frames: list[Frame]) -> None:
        """Replies on which nothing acts."""
        waiting, now = self._waiting, time.monotonic()
        normal, slow = self.proxy.stats.normal, self.proxy.slow
        for frame in frames:
            for exchange, replies in waiting.count_down(frame.messages, ends=frame.last):
                if frame.first:
                    self.reply = seconds = now - exchange.asked
                    normal.record(seconds, now, replies)
                    if seconds >= slow:
                        self._publish(exchange.number, exchange.request, "normal", seconds)
        self._write(self.down, frames)

    def _over(self, exchange: Exchange) -> None:
        """A reply that was due is complete."""
        exchange.due -= 1
        exchange.answered = False
        if not exchange.due:
            self._waiting.remove(exchange)
        self._special.discard(exchange)
        self.end_exchange(exchange)

    def answer(self, exchange: Exchange | None, data: bytes, link: Link) -> None:
        """Send a reply made here, after the replies that are due before it."""
        if exchange is None or self.protocol.opaque or link is self.down:
            super().answer(exchange, data, link)
            return
        if not exchange.replies:
            return  # a request that is never answered is not answered by an error either
        if exchange.answer is None:
            exchange.answer = []
            if exchange.sent:
                # The backend has some of the request: what becomes of it is not known.
                exchange.final, self._ending = Close(), True
            else:
                self.protocol.dropped(exchange.asks_for)
        elif exchange.sent:
            return  # the rest of the request is no further one
        exchange.answer.append(data)
        if self.turn == FRESH:
            super().answer(exchange, data, link)
        elif exchange in self._waiting:
            self._send_answers()
        else:
            self.down.feed(What.LOCAL, Frame(data), None)

    def _send_answers(self) -> None:
        """Send the replies made here whose turn has come."""
        while (exchange := self._next_answered()) is not None:
            for data in exchange.answer or ():
                self.down.feed(What.LOCAL, Frame(data), None)
            self.record_latency(exchange, exchange.asked)
            self._over(exchange)
            if exchange.final is not None:
                self.end("fault", exchange.final)
                return

    def _next_answered(self) -> Exchange | None:
        """The next exchange whose reply made here may be sent now."""
        waiting = self._waiting
        if self.protocol.ordered:
            return waiting[0] if waiting and waiting[0].answer is not None else None
        return waiting.answered() if self.protocol.between() else None

    def finish(self, final: Close | Reset, exchange: Exchange | None) -> None:
        """End the connection: at once, or after the reply made here when that must wait."""
        if exchange is not None and exchange.answer is not None and exchange in self._waiting:
            exchange.final = exchange.final or final
            self._ending = True
        else:
            super().finish(final, exchange)

    # -- losing the frame -------------------------------------------------------------------

    def _lost_frame(self) -> None:
        """From now on nothing is known about the bytes: exchanges are turns again."""
        owing = any(exchange.answer is not None for exchange in self._waiting)
        for exchange in self._waiting:
            if exchange is not self.exchange:
                self.end_exchange(exchange)
        for link, end in (
            (self.up, self.protocol.request_end),
            (self.down, self.protocol.reply_end),
        ):
            for frame in end():
                link.feed(What.DATA, frame, self.exchange)
        self._waiting.clear()
        self._special.clear()
        self._pushed.end()
        if self.turn != FRESH:
            self.turn = LOOK
        self.settle()
        self.proxy.lost_frame(self)
        if owing or self.protocol.promised:
            # Where the reply made here belongs cannot be told any more.
            self.end("fault", Reset())

    def stage_of(self, link: Link) -> Stage | None:
        """Stages are looked up per frame here, unless the frame was lost."""
        return super().stage_of(link) if self.protocol.opaque else None

    def source_ended(self, link: Link) -> None:
        """A FIN: what the framer still holds back goes on before it."""
        if not self.protocol.opaque:
            upstream = link is self.up
            end = self.protocol.request_end if upstream else self.protocol.reply_end
            for frame in end():
                if upstream and frame.first and reach.needing(self.proxy.plan):
                    self.protocol.give_up("a request that breaks off")
                    self._take_unread(frame.data)
                    break
                exchange = self.exchange if upstream else self._answered_by(frame)
                link.feed(What.DATA, frame, exchange)
        super().source_ended(link)

    # -- changing ---------------------------------------------------------------------------

    @property
    def framed(self) -> bool:
        return not self.protocol.opaque

    @property
    def replies_due(self) -> bool:
        return bool(self._waiting)

    def under_way(self) -> list[Exchange]:
        if not self.framed:
            return super().under_way()
        self._waiting.tell_apart()
        found = list(self._waiting)
        current = self.exchange
        if current is not None and self.number and not current.complete and current not in found:
            found.append(current)
        self._special.update(self._waiting)
        return found

    def waits(self, exchange: Exchange) -> bool:
        if not self.framed:
            return super().waits(exchange)
        known = exchange.asks_for is not None and exchange in self._waiting
        return known and exchange.complete and not exchange.answered

    def amid(self, exchange: Exchange, link: Link) -> bool:
        if not self.framed:
            return super().amid(exchange, link)
        return exchange.answered if link is self.down else not exchange.complete

    @property
    def acted_on(self) -> bool:
        return bool(self._special) or super().acted_on

    def live_exchanges(self) -> list[Exchange]:
        live = super().live_exchanges()
        if self._pushed.current is not None:
            live.append(self._pushed.current)
        return [*self._waiting, *(exchange for exchange in live if exchange not in self._waiting)]

    def end_exchanges(self) -> None:
        for exchange in self._waiting:
            self.end_exchange(exchange)
        self._pushed.end()
        if not self.number or self.protocol.opaque:
            super().end_exchanges()
