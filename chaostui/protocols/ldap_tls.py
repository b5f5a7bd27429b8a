"""StartTLS (RFC 4511 s4.14) where it is kept from clients, granted here, or by the server."""

from __future__ import annotations

from chaostui.protocol import Frame
from chaostui.protocols.ldap_messages import (
    NAMES,
    STARTTLS,
    Message,
    Operation,
    Replies,
    Requests,
)
from chaostui.protocols.lengths import MORE

NO_TLS = b"1.3.6.1.4.1.1466.29999"
"""As long as StartTLS's name, and nobody's."""
EXTENSIONS = b"supportedExtension"
"""The attribute of the root entry (RFC 4512 section 5.1) that offers it."""


def unknown(data: bytes) -> bytes:
    """An operation, as one that no server knows: it is refused (section 4.12)."""
    return data.replace(STARTTLS, NO_TLS, 1)


def hidden(data: bytes) -> bytes:
    """What an entry offers, without TLS, where the offer and its name come in one piece."""
    return data.replace(STARTTLS, NO_TLS) if EXTENSIONS in data else data


class SecuredRequests(Requests):
    """The bytes from a client that may ask for TLS."""

    secure = False
    """It has come."""

    def head(self, data: bytes, at: int) -> int:
        return MORE if self.halted else super().head(data, at)

    def message(self, message: Message) -> int:
        size = super().message(message)
        operation = self.request
        self.halted = operation is not None and operation.name == NAMES[STARTTLS]
        self.halted = self.halted and not self.secure
        return size

    def frame(self, data: bytes) -> Frame:
        frame = super().frame(data)
        if not isinstance(frame.request, Operation) or frame.request.name != NAMES[STARTTLS]:
            return frame
        return frame._replace(data=unknown(data)) if self.secure else frame._replace(tls="asks")


class SecuredReplies(Replies):
    """The bytes from the server of such a client."""

    told: Operation | None = None
    """The wish for TLS that the current message answers."""

    def head(self, data: bytes, at: int) -> int:
        return MORE if self.halted else super().head(data, at)

    def message(self, message: Message) -> int:
        operation = self.asked(message.id)
        self.told = operation if operation and operation.name == NAMES[STARTTLS] else None
        size = super().message(message)
        if self.session.opaque:
            self.session.opaque = ""
            self.halted = True
        return size

    def frame(self, data: bytes) -> Frame:
        frame = super().frame(data)
        if self.told is None or not frame.last:
            return frame
        self.told = None
        return frame._replace(tls="both" if self.halted else "refused")
