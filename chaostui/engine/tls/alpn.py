"""ALPN (RFC 7301) that goes through where TLS ends: a client is told what the backend chose.

The backend's handshake waits for what the client offers, the client's for the backend's choice.
A backend in plain text chooses nothing: there ``http/1.1`` is answered where it is offered, else
what the client likes best, which is ``h2`` for gRPC.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chaostui.engine.tls.certificates import Alpn, Tls

HANDSHAKE, CLIENT_HELLO, EXTENSION = 0x16, 1, 16
LARGEST = 65_536
"""Bytes of a ClientHello that are looked at."""
BEFORE_SESSION = 4 + 2 + 32
"""The head of the message, the version, the random bytes."""
PLAIN = "http/1.1"


class Gate(NamedTuple):
    """How a handshake is held until it is known by which context it goes on."""

    context: Callable[[bytes], ssl.SSLContext | None]
    """The context, by what the peer has sent so far; None: not yet."""
    done: Callable[[str | None], None]
    """Told the protocol that was agreed on, when the handshake is over."""


class Through:
    """What the two peers of one connection agree on."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._offered: Alpn | None = None
        self._chosen: Alpn | None = None
        self.go_on: list[Callable[[], None]] = []
        """What has the two handshakes go on, when there is more to know."""

    @property
    def client(self) -> Gate:
        """What holds the client's handshake."""
        return Gate(self._for_client, lambda _: None)

    @property
    def backend(self) -> Gate:
        """What holds the backend's handshake."""
        return Gate(self._for_backend, self._answered)

    def _for_client(self, sent: bytes) -> ssl.SSLContext | None:
        if self._offered is None:
            self._offered = offered(sent)
            if self._offered is None:
                return None
            if self._tls.backend is None:
                self._chosen = (PLAIN,) if PLAIN in self._offered else self._offered[:1]
            elif not self._offered:
                self._chosen = ()
            self._wake()
        return None if self._chosen is None else self._tls.client.speaking(self._chosen)

    def _for_backend(self, sent: bytes) -> ssl.SSLContext | None:
        if self._offered is None or self._tls.backend is None:
            return None
        return self._tls.backend.speaking(self._offered)

    def _answered(self, chosen: str | None) -> None:
        self._chosen = (chosen,) if chosen else ()
        self._wake()

    def _wake(self) -> None:
        for go_on in self.go_on:
            go_on()


def offered(data: bytes) -> Alpn | None:
    """The names that a ClientHello offers (RFC 8446 4.1.2), in the order of preference.

    Empty where it offers none, or ``data`` is no ClientHello; None where more must come.
    """
    message = bytearray()
    at = 0
    while len(data) - at >= 5:
        if data[at] != HANDSHAKE or data[at + 1] != 3:
            return ()
        size = int.from_bytes(data[at + 3 : at + 5])
        message += data[at + 5 : at + 5 + size]
        wanted = 4 + int.from_bytes(message[1:4])
        if message[:1] not in (b"", bytes((CLIENT_HELLO,))) or wanted > LARGEST:
            return ()
        if len(message) >= max(wanted, 4):
            return _names(bytes(message[:wanted]))
        if at + 5 + size > len(data):
            break
        at += 5 + size
    return None if data[:1] in (b"", bytes((HANDSHAKE,))) and len(data) < LARGEST else ()


def _names(message: bytes) -> Alpn:
    """The names in a whole ClientHello; what is no plain text is left out (RFC 8701)."""
    at = BEFORE_SESSION
    for width in (1, 2, 1):  # session id, cipher suites, compression methods
        at += width + int.from_bytes(message[at : at + width])
    at += 2
    while len(message) - at >= 4:
        kind, size = int.from_bytes(message[at : at + 2]), int.from_bytes(message[at + 2 : at + 4])
        at += 4
        if kind == EXTENSION:
            return tuple(_list(message[at + 2 : at + size]))
        at += size
    return ()


def _list(names: bytes) -> list[str]:
    found, at = [], 0
    while at < len(names):
        name = names[at + 1 : at + 1 + names[at]]
        at += 1 + names[at]
        if name and all(0x20 < byte < 0x7F for byte in name):
            found.append(name.decode())
    return found
