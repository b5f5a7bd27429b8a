"""What TLS needs of the connection whose sockets it comes between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from chaostui import protocol
from chaostui.actions import Close, Reset
from chaostui.events import CloseReason
from chaostui.settings import ProxySettings

if TYPE_CHECKING:
    from chaostui.engine.tls.certificates import Tls


class Owner(Protocol):
    """The proxy."""

    settings: ProxySettings


class Secured(Protocol):
    """The connection."""

    tls: Tls | None
    protocol: protocol.Protocol

    @property
    def proxy(self) -> Owner:
        """Whose it is."""

    @property
    def client(self) -> Endpoint:
        """The socket that was accepted."""

    @property
    def backend(self) -> Endpoint:
        """The socket that was dialled."""

    def end(self, reason: CloseReason, final: Close | Reset) -> None:
        """End both sides."""

    def tls_failed(self, why: str, *, client: bool) -> None:
        """TLS with one of the peers has failed: count it, and tell."""


class Endpoint(Protocol):
    """One of the two sockets, as it reads and writes plain text."""

    transport: asyncio.Transport | None
    paused: int
    lost: bool
    closing: bool

    @property
    def connection(self) -> Secured:
        """Whose it is."""

    @property
    def chokes(self) -> bool:
        """Whether more is to be written to it than it should be."""

    @property
    def writable(self) -> bool:
        """Whether bytes can be written to it now."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has a transport."""

    def data_received(self, data: bytes) -> None:
        """Bytes came."""

    def eof_received(self) -> bool | None:
        """The peer's end came."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""

    def pause_writing(self) -> None:
        """It takes no more for now."""

    def resume_writing(self) -> None:
        """It takes more again."""

    def give_way(self) -> None:
        """Stop reading until all others have had their turn."""

    def tls_failed(self, why: str) -> None:
        """TLS with the peer has failed: ``why``; empty: it has not even tried."""
