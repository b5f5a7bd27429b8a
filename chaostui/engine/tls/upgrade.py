"""Where TLS comes between the sides of a connection and their sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from chaostui.actions import Close, Reset
from chaostui.engine.tls.alpn import Through
from chaostui.engine.tls.transport import TlsLayer

if TYPE_CHECKING:
    from chaostui.engine.tls.certificates import Tls
    from chaostui.engine.tls.owner import Endpoint, Secured


def layer(side: Endpoint, tls: Tls, alpn: Through | None = None) -> TlsLayer:
    """Make what speaks TLS on a side; ``alpn`` is agreed on with the other side."""
    connection = side.connection
    limit = connection.proxy.settings.connect_timeout
    if side is connection.backend and tls.backend is not None:
        made = TlsLayer(side, alpn.backend if alpn else tls.backend.usual, limit, tls.name)
    else:
        made = TlsLayer(side, alpn.client if alpn else tls.client.usual, limit)
    if alpn is not None:
        made.alpn = alpn
        alpn.go_on.append(made.go_on)
    return made


def client_protocol(connection: Secured) -> asyncio.Protocol:
    """What to accept a client with where TLS ends here: from the first byte, or later on."""
    client, tls = connection.client, connection.tls
    if tls is None or connection.protocol.negotiates_tls:
        return cast("asyncio.Protocol", client)
    return layer(client, tls, None if connection.protocol.alpn else Through(tls))


def backend_protocol(connection: Secured) -> asyncio.Protocol:
    """Who takes over the socket of a backend that was dialled."""
    backend, tls = connection.backend, connection.tls
    if tls is None or tls.backend is None or connection.protocol.negotiates_tls:
        return cast("asyncio.Protocol", backend)
    above = connection.client.transport
    return layer(backend, tls, above.alpn if isinstance(above, TlsLayer) else None)


def hold(side: Endpoint, read: bytes) -> None:
    """What comes from now on, and what was ``read`` already, is TLS's, if that begins."""
    tls = side.connection.tls
    if tls is None or not side.writable or isinstance(side.transport, TlsLayer):
        return
    above = layer(side, tls)
    above.take_over()
    if read:
        above.data_received(read)


def begin(side: Endpoint) -> None:
    """All that was to leave as plain text has left: from now on it is TLS."""
    hold(side, b"")
    if isinstance(side.transport, TlsLayer):
        side.transport.begin()


def withdraw(side: Endpoint) -> None:
    """What is held for TLS is plain text after all."""
    if isinstance(side.transport, TlsLayer):
        side.transport.withdraw()


def failed(side: Endpoint, why: str) -> None:
    """TLS with a peer has failed; nothing to tell where the peer has not even tried."""
    connection = side.connection
    client = side is connection.client
    if not why:
        connection.end("client closed" if client else "backend closed", Close())
        return
    connection.tls_failed(why, client=client)
    connection.end("tls failed", Close() if client else Reset())
