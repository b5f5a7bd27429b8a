"""Exchanges of a protocol in whose words a client may ask for TLS, which is not passed through.

What a client sends behind such a request is held until it is decided to whom it belongs: to
TLS, or to the protocol. Never can plain text slip into what is secured (CVE-2011-0411), nor
what is made for it leave before that has begun: both walk through their link in their turn.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from chaostui.actions import Reset
from chaostui.engine import securing
from chaostui.engine.exchange import Exchange
from chaostui.engine.framed import Framed
from chaostui.engine.items import What
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.proxy import Proxy


class Negotiated(Framed):
    """A connection whose protocol answers requests for TLS, or has the backend decide."""

    __slots__ = ("_answers", "_asking", "_grants")

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self._answers: deque[tuple[Frame, Exchange | None]] = deque()
        """What the protocol itself answers, on its way up to where the backend would hear it."""
        self._asking: Exchange | None = None
        """The exchange in which TLS was asked for, until that is decided."""
        self._grants = False
        """It was granted here; a fault may have answered otherwise before."""

    # -- requests ---------------------------------------------------------------------------

    def cut_requests(self, data: bytes) -> None:
        """Bytes from the client: a request for TLS is the last that is cut from them."""
        frames = self.protocol.request(data)
        if not any(frame.tls or frame.answer for frame in frames):
            self.take_requests(frames)
            return
        for frame in frames:
            if not frame.messages:
                self._take_unread(frame.data)
                return
            self._take(frame)
        if self.protocol.opaque:
            self._lost_frame()

    def _take(self, frame: Frame) -> None:
        if frame.header:
            self.up.feed(What.LOCAL, frame)
            return
        if frame.first:
            self._begin(frame)
        exchange = self.exchange if frame.request is not None else None
        if frame.tls:
            self._hold(exchange)
        if frame.answer or frame.tls in ("client", "refused"):
            self.up.feed(What.KEPT, frame, self.exchange)
        else:
            self._forward(frame)
        if frame.tls or frame.answer:
            self._negotiate(frame, exchange)

    def _hold(self, exchange: Exchange | None) -> None:
        """What the client sends now waits until it is decided, in ``exchange`` if that may fail."""
        self._asking, self._grants = exchange, False
        rest = b"".join(held.data for held in self.protocol.request_end())
        securing.hold(self.client, rest)

    def _negotiate(self, frame: Frame, exchange: Exchange | None) -> None:
        if frame.tls == "refused":
            self.proxy.tls_failed(self, "it is refused", client=True)
            self.end("tls failed", Reset())
            return
        if frame.tls == "both":
            self.up.begin_tls()
        if frame.tls != "asks":
            self._answers.append((frame, exchange))
            self.up.feed(What.ANSWER)

    def answer_due(self) -> None:
        frame, exchange = self._answers.popleft()
        if exchange is None:
            if frame.answer:
                self.down.feed(What.LOCAL, Frame(frame.answer))
            if frame.tls:
                self._begin_tls()
        elif exchange.answer is None and exchange in self._waiting:
            self._grants = True
            self.answer(exchange, frame.answer, self.up)

    def _over(self, exchange: Exchange) -> None:
        super()._over(exchange)
        if exchange is self._asking and exchange.answer is not None:
            self._asking = None
            if self._grants:
                self._begin_tls()
            else:
                securing.withdraw(self.client)

    def _begin_tls(self) -> None:
        """The client has been told: TLS begins with it."""
        self.protocol.secured()
        self.down.begin_tls()

    # -- replies ----------------------------------------------------------------------------

    def cut_replies(self, data: bytes) -> None:
        """Bytes from the backend: its consent to TLS is the last that is cut from them."""
        frames = self.protocol.reply(data)
        self.take_replies(frames)
        told = frames[-1].tls if frames else ""
        if not (told or self.protocol.opaque):
            return
        self._asking = None
        if told == "both":
            rest = b"".join(held.data for held in self.protocol.reply_end())
            securing.hold(self.backend, rest)
            self.up.begin_tls()
            self._begin_tls()
        else:
            securing.withdraw(self.client)
