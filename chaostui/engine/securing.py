"""Where TLS comes between the sides of a connection and their sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine.alpn import Through
from chaostui.engine.tls import TlsLayer

if TYPE_CHECKING:
    from chaostui.engine.certificates import Tls
    from chaostui.engine.connection import Connection
    from chaostui.engine.side import Side


def layer(side: Side, tls: Tls, alpn: Through | None = None) -> TlsLayer:
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


def client_protocol(connection: Connection) -> asyncio.Protocol:
    """What to accept a client with where TLS ends here: from the first byte, or later on."""
    client, tls = connection.client, connection.tls
    if tls is None or connection.protocol.negotiates_tls:
        return client
    return layer(client, tls, None if connection.protocol.alpn else Through(tls))


def backend_protocol(connection: Connection) -> asyncio.Protocol:
    """Who takes over the socket of a backend that was dialled."""
    backend, tls = connection.backend, connection.tls
    if tls is None or tls.backend is None or connection.protocol.negotiates_tls:
        return backend
    above = connection.client.transport
    return layer(backend, tls, above.alpn if isinstance(above, TlsLayer) else None)


def hold(side: Side, read: bytes) -> None:
    """What comes from now on, and what was ``read`` already, is TLS's, if that begins."""
    tls = side.connection.tls
    if tls is None or not side.writable or isinstance(side.transport, TlsLayer):
        return
    above = layer(side, tls)
    above.take_over()
    if read:
        above.data_received(read)


def begin(side: Side) -> None:
    """All that was to leave as plain text has left: from now on it is TLS."""
    hold(side, b"")
    if isinstance(side.transport, TlsLayer):
        side.transport.begin()


def withdraw(side: Side) -> None:
    """What is held for TLS is plain text after all."""
    if isinstance(side.transport, TlsLayer):
        side.transport.withdraw()


def failed(side: Side, why: str) -> None:
    """TLS with a peer has failed; nothing to tell where the peer has not even tried."""
    connection = side.connection
    client = side is connection.client
    if not why:
        connection.end("client closed" if client else "backend closed", Close())
        return
    connection.proxy.tls_failed(connection, why, client=client)
    connection.end("tls failed", Close() if client else Reset())
