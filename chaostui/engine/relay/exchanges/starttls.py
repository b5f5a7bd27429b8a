"""Exchanges of a protocol in whose words a client may ask for TLS, which is not passed through.

What a client sends behind such a request is held until it is decided to whom it belongs: to
TLS, or to the protocol. Never can plain text slip into what is secured (CVE-2011-0411), nor
what is made for it leave before that has begun: both walk through their link in their turn.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from chaostui.actions import Reset
from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.faults.items import What
from chaostui.engine.relay.exchanges.framed import Framed
from chaostui.engine.tls import upgrade
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection


class StartTls(Framed):
    """The protocol answers requests for TLS, or has the backend decide."""

    __slots__ = ("_answers", "_asking", "_grants")

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        connection.starttls = self
        self._answers: deque[tuple[Frame, Exchange | None]] = deque()
        """What the protocol itself answers, on its way up to where the backend would hear it."""
        self._asking: Exchange | None = None
        """The exchange in which TLS was asked for, until that is decided."""
        self._grants = False
        """It was granted here; a fault may have answered otherwise before."""

    # -- requests ---------------------------------------------------------------------------

    # What comes behind a request for TLS must not wait anywhere else.

    def cut_requests(self, data: bytes) -> None:
        self.read_requests(data)

    def cut_replies(self, data: bytes) -> None:
        self.read_replies(data)

    def read_requests(self, data: bytes) -> None:
        self.take_requests(self.cut(data))

    def take_request(self, frame: Frame) -> None:
        """A request for TLS is the last that is cut from what came together."""
        if not (frame.tls or frame.answer):
            super().take_request(frame)
            return
        connection = self.connection
        if frame.first:
            self.requests.begin(frame)
        exchange = connection.exchange if frame.request is not None else None
        if frame.tls:
            self._hold(exchange)
        if frame.answer or frame.tls in ("client", "refused"):
            connection.up.feed(What.KEPT, frame, connection.exchange)
        else:
            self.requests.forward(frame)
        self._negotiate(frame, exchange)

    def _hold(self, exchange: Exchange | None) -> None:
        """What the client sends now waits until it is decided, in ``exchange`` if that may fail."""
        self._asking, self._grants = exchange, False
        rest = b"".join(held.data for held in self.connection.protocol.request_end())
        upgrade.hold(self.connection.client, rest)

    def _negotiate(self, frame: Frame, exchange: Exchange | None) -> None:
        connection = self.connection
        if frame.tls == "refused":
            connection.tls_failed("it is refused", client=True)
            connection.end("tls failed", Reset())
            return
        if frame.tls == "both":
            connection.up.begin_tls()
        if frame.tls != "asks":
            self._answers.append((frame, exchange))
            connection.up.feed(What.ANSWER)

    def answer_due(self) -> None:
        """What the protocol answers in the backend's place has its turn."""
        frame, exchange = self._answers.popleft()
        if exchange is None:
            if frame.answer:
                self.connection.down.feed(What.LOCAL, Frame(frame.answer))
            if frame.tls:
                self._begin_tls()
        elif exchange.answer is None and exchange in self.replies.due:
            self._grants = True
            self.answer(exchange, frame.answer, self.connection.up)

    def over(self, exchange: Exchange) -> None:
        if exchange is self._asking and exchange.answer is not None:
            self._asking = None
            if self._grants:
                self._begin_tls()
            else:
                upgrade.withdraw(self.connection.client)

    def _begin_tls(self) -> None:
        """The client has been told: TLS begins with it."""
        self.connection.protocol.secured()
        self.connection.down.begin_tls()

    # -- replies ----------------------------------------------------------------------------

    def read_replies(self, data: bytes) -> None:
        """The backend's consent to TLS is the last that is cut from what came together."""
        connection, protocol = self.connection, self.connection.protocol
        frames = protocol.reply(data)
        self.replies.take(frames)
        if protocol.opaque:
            self.lose_frame()
        told = frames[-1].tls if frames else ""
        if not (told or protocol.opaque):
            return
        self._asking = None
        if told == "both":
            rest = b"".join(held.data for held in protocol.reply_end())
            upgrade.hold(connection.backend, rest)
            connection.up.begin_tls()
            self._begin_tls()
        else:
            upgrade.withdraw(connection.client)
