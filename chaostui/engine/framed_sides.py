"""The sockets of a connection whose protocol finds the boundaries of requests and replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaostui.engine.steps import FULL_READ
from chaostui.engine.turns import BackendSide, ClientSide

if TYPE_CHECKING:
    from chaostui.engine.framed import Framed


class FramedClientSide(ClientSide):
    """The socket that was accepted."""

    __slots__ = ()
    connection: Framed

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        if connection.protocol.opaque:
            super().data_received(data)
            return
        size = len(data)
        connection.up.received += size
        if size >= FULL_READ:
            self.give_way()
        connection.cut_requests(data)


class FramedBackendSide(BackendSide):
    """The socket that was dialled."""

    __slots__ = ()
    connection: Framed

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        if connection.protocol.opaque:
            super().data_received(data)
            return
        size = len(data)
        connection.down.received += size
        if size >= FULL_READ:
            self.give_way()
        connection.cut_replies(data)
