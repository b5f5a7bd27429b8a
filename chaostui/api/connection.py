"""One connection to the control API, with bounds on what it may ask of us.

uvicorn's protocol class parses and answers; this adds limits that it does not have. A
request over a limit is answered with 4xx and the connection is closed without losing the
answer: what still comes in is read and dropped for a second.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httptools
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from chaostui.api.body import MAX_BODY

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
"""Connections of a listener; those that hold a session are not among them."""

MAX_HELD = 1_000
"""Connections of a listener that hold a session; further ones are counted as all others."""

MAX_TARGET = 8_192
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16_384
REQUEST_TIMEOUT = 5.0
"""Seconds in which a request, its body included, has to be here."""

IDLE_TIMEOUT = 60.0
"""Seconds that a connection is kept open between two requests."""

LINGER = 1.0


class _OverLimit(Exception):
    """Leaves a parser callback; the refusal stands in the protocol."""


class ControlProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, with limits."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.access_log = False
        self.logger = logger
        self._refusal: tuple[int, str] | None = None
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._body_bytes = 0
        self.holds = False
        """Whether a session lives as long as this connection does."""
        self.resting_since: float | None = None
        """When the last answer was complete, by time.monotonic; None: a request is under way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or say 503 where there are too many."""
        super().connection_made(transport)
        if self.client is None:
            self.client = _peer(transport)
        if self._crowded() and not self._make_room():
            self._refuse(503, f"over {MAX_CONNECTIONS} connections to the control API")
        else:
            self._arm()

    def _crowded(self) -> bool:
        """Whether there are more connections than the limit, held ones left out."""
        if len(self.connections) <= MAX_CONNECTIONS:
            return False
        return sum(not other.holds for other in self._others()) >= MAX_CONNECTIONS

    def _make_room(self) -> bool:
        """Close the connection that rests longest between two requests; False: none does."""
        resting = [other for other in self._others() if other.resting_since is not None]
        if not resting:
            return False
        longest = min(resting, key=lambda other: other.resting_since or 0.0)
        self.connections.discard(longest)
        longest.transport.close()
        return True

    def _others(self) -> Iterator[ControlProtocol]:
        for other in self.connections:
            if isinstance(other, ControlProtocol) and other is not self:
                yield other

    def _hold(self) -> None:
        """Stop counting this connection: it holds a session as long as it is open."""
        self.holds = sum(other.holds for other in self._others()) < MAX_HELD

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those after a refusal are dropped."""
        if self._refused:
            return
        self.resting_since = None
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._arm()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Rest until the next request."""
        if not self.pipeline and self._deadline is None:
            self.resting_since = time.monotonic()  # the loop's clock is of milliseconds
        super().on_response_complete()

    # -- parser callbacks

    def on_message_begin(self) -> None:
        """Begin to count anew."""
        self._header_bytes = self._body_bytes = 0
        super().on_message_begin()
        self.scope["state"]["hold"] = self._hold

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._over(414, f"the request line is over {MAX_TARGET} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + 4
        if len(self.headers) > MAX_HEADERS or self._header_bytes > MAX_HEADER_BYTES:
            self._over(431, f"over {MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes of them")

    def on_headers_complete(self) -> None:
        """Judge the head of a request before the application sees it."""
        for name, value in self.headers:
            if name == b"content-length" and value.isdigit() and int(value[:20]) > MAX_BODY:
                self._over(413, f"the body is over {MAX_BODY} bytes")
        if not self.url.startswith(b"/"):
            target = httptools.parse_url(self.url)
            if target.host is None or target.path is None:
                self._over(400, "bad request: the target is no path")
            # Brackets of an IPv6 host are lost in parsing; the name is all the guard looks at.
            host = target.host
            self.scope["state"]["authority"] = b"[%b]" % host if b":" in host else host
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY:
            self._over(413, f"the body is over {MAX_BODY} bytes")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is all here."""
        self._disarm()
        super().on_message_complete()

    # -- refusing

    def send_400_response(self, msg: str) -> None:
        """Answer to what the parser stopped at."""
        self._refuse(*(self._refusal or (400, "bad request: this is not HTTP/1.1")))

    def _over(self, status: int, message: str) -> None:
        self._refusal = (status, message)
        raise _OverLimit

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT, self._too_late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self._refuse(408, f"the request was not complete after {REQUEST_TIMEOUT:g} s")

    def _refuse(self, status: int, message: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.connections.discard(self)
        self._disarm()
        self._unset_keepalive_if_required()
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not (answering and self.cycle.response_started):
            self.transport.write(_response(status, message))
        # Closing now, with input unread, would send a reset that destroys the answer.
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.abort)


def _response(status: int, message: str) -> bytes:
    content = msgspec.json.encode({"error": message, "status": status})
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + content


def _peer(transport: asyncio.Transport) -> tuple[str, int] | None:
    """Who is at the other end of a Unix socket: the kernel knows its user."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return f"uid {struct.unpack('3i', credentials)[1]}", 0
