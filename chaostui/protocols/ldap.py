"""ldap: operations and results of LDAPv3 (RFC 4511), and the results of a server in trouble."""

from __future__ import annotations

import random
from collections import deque
from typing import Any, cast

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Request
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.ldap_messages import (
    EXTENDED,
    NAMES,
    RESULTS,
    STARTTLS,
    Operation,
    Replies,
    Requests,
    Session,
    secret,
)
from chaostui.protocols.ldap_tls import SecuredReplies, SecuredRequests, hidden, unknown

DISCONNECT = "disconnect"
DISCONNECTION = b"1.3.6.1.4.1.1466.20036"
"""The notice that a server sends before it closes (section 4.4.1)."""
UNAVAILABLE = 52
EXTENDED_RESULT = RESULTS[EXTENDED]

BIND, SEARCH = "BIND", "SEARCH"
BINDS = 0x60
ANONYMOUS = b"\2\1\3\4\0\x80\0"
"""A simple bind as nobody. A bind that fails leaves nobody bound (section 4.2.1), so the server
is asked for this in its place."""
LIMITS = ("time_limit", "size_limit")
"""What only searches are limited by."""
SECRET = ("BIND", "PASSWORD MODIFY")
"""Operations that carry passwords."""

CODES = {
    "busy": (51, "the server is too busy", True),
    "unavailable": (UNAVAILABLE, "the server is shutting down", True),
    "unwilling": (53, "the server is unwilling to perform", False),
    "time_limit": (3, "the time limit was exceeded", False),
    "size_limit": (4, "the size limit was exceeded", False),
    "admin_limit": (11, "an administrative limit was exceeded", False),
    "other": (80, "an internal error", False),
}
"""Result codes (appendix A), what they tell, and whether one may be picked unasked."""


class LDAP(Framed):
    """LDAPv3, until StartTLS succeeds or a bind wraps the messages."""

    name = "ldap"
    ports = (389,)
    example = "ldapsearch -H ldap://{listen}"
    ordered = False
    kinds = (
        *(Kind(name, text, default=likely) for name, (_, text, likely) in CODES.items()),
        Kind(DISCONNECT, "a notice of disconnection, then the connection ends", default=True),
    )
    requests = Requests
    replies = Replies

    negotiates_tls = True
    logins = frozenset({"BIND", "STARTTLS"})
    secured_requests = SecuredRequests
    secured_replies = SecuredReplies
    upstream: Requests
    downstream: Replies

    def __init__(
        self, backend: str = "", dice: random.Random | None = None, **options: Any
    ) -> None:
        super().__init__(backend, dice, **options)
        self.session = self.upstream.session = self.downstream.session = Session()

    def request(self, data: bytes) -> list[Frame]:
        frames = super().request(data)
        if self.tls == "refuse":
            return [self._refused(frame) for frame in frames]
        if self.tls == "grant" and frames and frames[-1].tls == "asks":
            frames[-1] = self._granted(frames[-1])
        return frames

    def _refused(self, frame: Frame) -> Frame:
        asks = frame.request is not None and frame.request.name == NAMES[STARTTLS]
        return frame._replace(data=unknown(frame.data)) if asks else frame

    def _granted(self, frame: Frame) -> Frame:
        number = frame.request.id if isinstance(frame.request, Operation) else b"\0"
        granted = message(number, EXTENDED_RESULT, result(0, ""))
        return frame._replace(answer=granted, tls="client")

    def reply(self, data: bytes) -> list[Frame]:
        frames = super().reply(data)
        if self.tls != "refuse":
            return frames
        return [frame._replace(data=hidden(frame.data)) for frame in frames]

    def secured(self) -> None:
        if isinstance(self.upstream, SecuredRequests):
            self.upstream.secure = True

    def between(self) -> bool:
        return not self.downstream.left

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        if request is not None and request.tag:
            return (Send(request.tag),)  # nobody waits for an answer, but the server must know
        if kind == DISCONNECT or not isinstance(request, Operation):
            notice = result(UNAVAILABLE, "the server is shutting down")
            notice += element(0x8A, DISCONNECTION)
            return Reply(message(b"\0", EXTENDED_RESULT, notice)), Close()
        limited = kind in LIMITS and request.command != SEARCH
        said = "admin_limit" if limited else kind
        what = f"{said} for {kind}" if limited else kind
        code, text, _ = CODES[said]
        answer = message(request.id, request.result, result(code, text))
        if request.command != BIND or not self.session.bound:
            return (Reply(answer, what),)
        request.instead = answer
        return (Send(message(request.id, BINDS, ANONYMOUS), what=what, instead=True),)

    @property
    def promised(self) -> bool:
        waiting = cast("deque[Operation]", self.waiting)
        return any(operation.instead is not None for operation in waiting)

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        if not upstream or frame.request is None or frame.request.command not in SECRET:
            return frame.data
        return masked(frame.data, secret(frame.data) if frame.first else 0)


def element(tag: int, contents: bytes) -> bytes:
    """Make a BER element of less than 128 bytes."""
    return bytes((tag, len(contents))) + contents


def result(code: int, text: str) -> bytes:
    """Make the contents of an LDAPResult: a code, no matched entry, a text (section 4.1.9)."""
    return element(0x0A, bytes((code,))) + element(0x04, b"") + element(0x04, text.encode())


def message(id: bytes, tag: int, contents: bytes) -> bytes:
    """Make a message; ``id`` as the request has written it."""
    return element(0x30, element(0x02, id) + element(tag, contents))
