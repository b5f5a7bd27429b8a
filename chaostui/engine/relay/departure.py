"""What becomes of what a fault holds of a client that has gone: it goes with its client.

A request that is held when its client gives up must not be executed once the fault is lifted.
A reset always means gone. A FIN means gone where the protocol is framed and a request is still
held; on plain tcp it may be a client that waits for its answer, so that the kernel is asked
whether a program still has the socket, as far as it is a client on this machine. Where no fault
holds anything, nothing is asked, and bytes and ends pass in their order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chaostui.engine.net.orphan import ends, orphaned

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection


def kept(connection: Connection) -> bool:
    """Whether a fault holds bytes of the client's that are to go with it."""
    up = connection.up
    if connection.proxy.settings.abandoned != "drop" or up.dead:
        return False
    return up.keeps or (up.blocked and connection.client.unread > 0)


def client_ended(connection: Connection) -> None:
    """The client's FIN has come, or waits behind bytes that a fault keeps from being read."""
    up, proxy = connection.up, connection.proxy
    if proxy.freezer.defers(connection, partial(client_ended, connection)):
        return
    if up.ended or connection.closed or look(connection):
        return
    # It may wait, or be about to leave: the proxy looks again, and not for ever.
    if not connection.half_closed_at:
        connection.half_closed_at = proxy.core.now
    proxy.half_closed.add(connection)
    proxy.departing[connection] = None


def look(connection: Connection) -> bool:
    """Look whether a client whose FIN has come is gone; end the connection if so."""
    if connection.closed or connection.proxy.freezer.on or not kept(connection):
        return False
    protocol = connection.protocol
    framed = protocol.framed and not protocol.opaque
    if not framed and not orphaned(ends(connection.client.transport)):
        return False
    connection.hang_up("client closed")
    return True
