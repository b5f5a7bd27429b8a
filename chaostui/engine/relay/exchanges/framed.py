"""Exchanges where the protocol finds the true boundaries of requests and replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import What
from chaostui.engine.faults.plan import needing
from chaostui.engine.relay import account
from chaostui.engine.relay.exchanges.contract import Turn
from chaostui.engine.relay.exchanges.replies import Replies
from chaostui.engine.relay.exchanges.requests import Requests
from chaostui.engine.relay.exchanges.turns import Turns
from chaostui.engine.relay.flow import Link
from chaostui.engine.relay.portions import SMALL, Portions
from chaostui.engine.relay.redraw import acted_on
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Plan
    from chaostui.engine.relay.connection import Connection


class Framed:
    """Each request is an exchange. When the frame is lost, ``Turns`` take its place."""

    __slots__ = ("_down", "_up", "connection", "replies", "requests", "turn")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.turn = Turn.FRESH
        self._up = Portions(connection.client, self._requested)
        self._down = Portions(connection.backend, self._replied)
        self.requests = Requests(self)
        self.replies = Replies(self, self.over)

    def over(self, exchange: Exchange) -> None:
        """The reply to ``exchange`` is complete."""

    # -- bytes ------------------------------------------------------------------------------

    def cut_requests(self, data: bytes) -> None:
        if self._up.wait or (len(data) > SMALL and self._costs):
            self._up.add(data)
        else:
            self._requested(data)

    def cut_replies(self, data: bytes) -> None:
        if self._down.wait or (len(data) > SMALL and self._costs):
            self._down.add(data)
        else:
            self._replied(data)

    @property
    def _costs(self) -> bool:
        """Whether each message costs much: something may act on it, or is told of it."""
        connection, proxy = self.connection, self.connection.proxy
        acts = not proxy.plan.quiet or proxy.bus.exchanges_wanted or acted_on(connection)
        return bool(acts)

    def _requested(self, data: bytes) -> None:
        """Cut requests, unless the frame was lost before."""
        if self.connection.exchanges is self:
            self.read_requests(data)
        else:
            self.connection.exchanges.cut_requests(data)
        self._let_go()

    def _replied(self, data: bytes) -> None:
        """Cut replies, unless the frame was lost before."""
        if self.connection.exchanges is self:
            self.read_replies(data)
        else:
            self.connection.exchanges.cut_replies(data)
        self._let_go()

    def _let_go(self) -> None:
        """Others take over where the frame was lost: what waits here goes before what comes."""
        if self.connection.exchanges is not self:
            self._up.finish()
            self._down.finish()

    def take_rest(self, link: Link | None) -> None:
        for portions, its in ((self._up, self.connection.up), (self._down, self.connection.down)):
            if link is its:
                portions.finish()
            else:
                portions.drop()

    def read_requests(self, data: bytes) -> None:
        """Cut requests, and pass them on."""
        connection, protocol = self.connection, self.connection.protocol
        up = connection.up
        protocol.runs = quiet = self.requests.quiet and (up.direct or up.early)
        frames = self.cut(data)
        if quiet and not protocol.opaque:
            self.requests.pass_together(frames)
        else:
            self.take_requests(frames)

    def cut(self, data: bytes) -> list[Frame]:
        """Cut requests; the first may tell who the client is (PROXY protocol)."""
        connection = self.connection
        frames = connection.protocol.request(data)
        if self.turn is Turn.FRESH:
            connection.client_name = connection.protocol.client or connection.client_name
        return frames

    def take_requests(self, frames: list[Frame]) -> None:
        """Pass requests on, each with its exchange."""
        for frame in frames:
            if not frame.messages:
                self._take_unread(frame.data)
                return
            self.take_request(frame)
        if self.connection.protocol.opaque:
            self.lose_frame()

    def _take_unread(self, data: bytes) -> None:
        """Bytes that are not read are a turn of the client's, and faults act on them as on any."""
        self.lose_frame()
        self.connection.exchanges.cut_requests(data)

    def take_request(self, frame: Frame) -> None:
        """Pass a request, or a part of one, on."""
        if frame.header:
            self.connection.up.feed(What.LOCAL, frame)
            return
        if frame.first:
            self.requests.begin(frame)
        self.requests.forward(frame)

    def read_replies(self, data: bytes) -> None:
        """Cut replies, and pass them on."""
        protocol = self.connection.protocol
        protocol.runs = quiet = self.replies.quiet
        frames = protocol.reply(data)
        if quiet:
            self.replies.pass_together(frames)
        else:
            self.replies.take(frames)
        if protocol.opaque:
            self.lose_frame()

    def lose_frame(self) -> None:
        """From now on nothing is known about the bytes: exchanges are turns again."""
        connection, due = self.connection, self.replies.due
        owing = any(exchange.answer is not None for exchange in due)
        for exchange in due:
            if exchange is not connection.exchange:
                account.ended(connection, exchange)
        self._give_out(connection.up, connection.exchange)
        self._give_out(connection.down, connection.exchange)
        due.clear()
        self.replies.special.clear()
        self.replies.end_push()
        turn = self.turn if self.turn is Turn.FRESH else Turn.LOOK
        connection.exchanges = connection.turns = Turns(connection, turn)
        connection.settle()
        connection.proxy.lost_frame(connection)
        if owing or connection.protocol.promised:
            # Where the reply made here belongs cannot be told any more.
            connection.end("fault", Reset())

    def _give_out(self, link: Link, exchange: Exchange | None) -> None:
        """Pass on what the framer still holds back."""
        protocol, upstream = self.connection.protocol, link is self.connection.up
        for frame in protocol.request_end() if upstream else protocol.reply_end():
            link.feed(What.DATA, frame, exchange)

    # -- what the relay asks ----------------------------------------------------------------

    def source_ended(self, link: Link) -> None:
        connection = self.connection
        (self._up if link is connection.up else self._down).finish()
        if connection.exchanges is not self:
            connection.exchanges.source_ended(link)
            return
        if link is connection.down:
            for frame in connection.protocol.reply_end():
                link.feed(What.DATA, frame, self.replies.answered_by(frame))
            return
        for frame in connection.protocol.request_end():
            if frame.first and needing(connection.proxy.plan):
                connection.protocol.give_up("a request that breaks off")
                self._take_unread(frame.data)
                break
            link.feed(What.DATA, frame, connection.exchange)

    def answer(self, exchange: Exchange | None, data: bytes, link: Link) -> None:
        """Send a reply made here, after the replies that are due before it."""
        connection = self.connection
        if exchange is None or link is connection.down:
            back = connection.down if link is connection.up else connection.up
            back.feed(What.LOCAL, Frame(data), None)
            return
        if not exchange.replies:
            return  # a request that is never answered is not answered by an error either
        if exchange.answer is None:
            exchange.answer = []
            if exchange.sent:
                # The backend has some of the request: what becomes of it is not known.
                exchange.final, self.requests.ending = Close(), True
            else:
                connection.protocol.dropped(exchange.asks_for)
        elif exchange.sent:
            return  # the rest of the request is no further one
        exchange.answer.append(data)
        if exchange in self.replies.due and self.turn is not Turn.FRESH:
            self.replies.send_answers()
        else:
            connection.down.feed(What.LOCAL, Frame(data), None)

    def finish(self, final: Close | Reset, exchange: Exchange | None) -> bool:
        """It waits for the reply made here, where that must wait."""
        if exchange is None or exchange.answer is None or exchange not in self.replies.due:
            return False
        exchange.final = exchange.final or final
        self.requests.ending = True
        return True

    def wrote(self, link: Link) -> None:
        pass  # each reply is timed as it is found

    def stage_of(self, link: Link) -> Stage | None:
        return None  # stages are looked up per frame

    def end_all(self) -> None:
        for exchange in self.replies.due:
            account.ended(self.connection, exchange)
        self.replies.end_push()
        if not self.connection.number and self.connection.exchange is not None:
            account.ended(self.connection, self.connection.exchange)

    # -- where a plan acts ------------------------------------------------------------------

    @property
    def special(self) -> bool:
        return bool(self.replies.special)

    @property
    def replies_due(self) -> bool:
        return bool(self.replies.due)

    def stale(self, plan: Plan) -> bool:
        exchange = self.connection.exchange
        return exchange is None or exchange.plan is not plan

    def expect(self) -> None:
        pass  # each request is drawn for as it comes

    def live(self) -> list[Exchange]:
        current, push = self.connection.exchange, self.replies.push
        found = list(self.replies.due)
        return found + [each for each in (current, push) if each is not None and each not in found]

    def under_way(self) -> list[Exchange]:
        due = self.replies.due
        due.tell_apart()
        found = list(due)
        current = self.connection.exchange
        if current is not None and self.connection.number and not current.complete:
            found += [current] if current not in found else []
        self.replies.special.update(due)
        return found

    def waits(self, exchange: Exchange) -> bool:
        known = exchange.asks_for is not None and exchange in self.replies.due
        return known and exchange.complete and not exchange.answered

    def amid(self, exchange: Exchange, link: Link) -> bool:
        return exchange.answered if link is self.connection.down else not exchange.complete
