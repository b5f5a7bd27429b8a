"""STARTTLS (RFC 3207) where it is kept from clients, granted here, or by the server."""

from __future__ import annotations

import re

from chaostui.protocol import Frame, Negotiation, Request
from chaostui.protocols.smtp_messages import Commands, Replies

STARTTLS, NO_TLS = b"STARTTLS", b"X-NO-TLS"
OFFER = re.compile(rb"^(250[ -])STARTTLS(?=[ \r\n])", re.IGNORECASE | re.MULTILINE)
GRANTED = b"220 2.0.0 Ready to start TLS\r\n"


def hidden(data: bytes) -> bytes:
    """Lines of a reply without an offer; a name that clients do not know they pass over."""
    return OFFER.sub(rb"\1" + NO_TLS, data)


def unknown(data: bytes) -> bytes:
    """A command that asks for TLS, as one that no server knows."""
    return data.upper().replace(STARTTLS, NO_TLS)


def offering(data: bytes) -> bytes:
    """Whole lines up to a reply's end, with an offer after them."""
    last = data.rfind(b"\n", 0, -1) + 1
    text = data[last + 3 :].removeprefix(b" ")
    return data[:last] + b"250-" + text + b"250 " + STARTTLS + b"\r\n"


class SecuredCommands(Commands):
    """What a client sends that may ask for TLS."""

    mode: Negotiation = ""
    secure = False
    """It has come."""

    def advance(self, data: bytes, pos: int) -> int:
        return pos if self.halted else super().advance(data, pos)

    def begin(self, request: Request) -> None:
        super().begin(request)
        self.halted = request.command == "STARTTLS" and not self.secure

    def frame(self, data: bytes) -> Frame:
        frame = super().frame(data)
        if frame.request is None or frame.request.command != "STARTTLS":
            return frame
        if self.secure:
            return frame._replace(data=unknown(data))
        if self.mode == "ask":
            return frame._replace(tls="asks")
        return frame._replace(answer=GRANTED, tls="client")


class SecuredReplies(Replies):
    """What the backend of such a client sends."""

    mode: Negotiation = ""
    secure = False
    command = ""
    """What the current reply answers."""
    code = b""
    """The code of its last line, once that has come."""
    offers = False
    """It has offered TLS."""

    def advance(self, data: bytes, pos: int) -> int:
        if self.halted:
            return pos
        self.code = b""
        if not self.inside:
            self.offers = False
            known = self.greeted and self.waiting
            self.command = self.waiting[0].command if known else ""
        return super().advance(data, pos)

    def close(self, code: bytes) -> None:
        super().close(code)
        self.code = code
        if self.lost == "STARTTLS":
            self.lost = ""
            self.halted = True

    def frame(self, data: bytes) -> Frame:
        frame = super().frame(data)
        if self.command == "STARTTLS" and self.code and self.mode == "ask":
            return frame._replace(tls="both" if self.code == b"220" else "refused")
        if self.command != "EHLO" or self.mode != "grant":
            return frame
        if self.secure:
            return frame._replace(data=hidden(data))
        self.offers = self.offers or OFFER.search(data) is not None
        if self.code != b"250" or self.offers:
            return frame
        return frame._replace(data=offering(data))
