"""The two sockets of a connection: what comes from them, and to whom it goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chaostui.engine.faults.items import What
from chaostui.engine.pace.steps import FULL_READ
from chaostui.engine.relay.endpoint import Side
from chaostui.engine.relay.exchanges.contract import Turn
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection

CLIENT, BACKEND = Turn.CLIENT, Turn.BACKEND


class ClientSide(Side):
    """The socket that was accepted."""

    __slots__ = ()
    connection: Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.connection.proxy.listener is None:
            self.connection.turn_away()
        else:
            self.connection.accepted()

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        link = connection.up
        size = len(data)
        link.received += size
        if size >= FULL_READ:
            self.give_way()
        turns = connection.turns
        if turns is None:
            connection.exchanges.cut_requests(data)
            return
        if turns.turn is not CLIENT:
            turns.take_turn(data)
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            turns.requested(data)

    def eof_received(self) -> bool:
        self.peer_ended()
        self.connection.source_ended(self.connection.up)
        return True


class BackendSide(Side):
    """The socket that was dialled."""

    __slots__ = ()
    connection: Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connection.joined()

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        link = connection.down
        size = len(data)
        link.received += size
        if size >= FULL_READ:
            self.give_way()
        turns = connection.turns
        if turns is None:
            connection.exchanges.cut_replies(data)
            return
        if turns.turn is not BACKEND:
            turns.heard()
        if link.direct:
            link.dest.transport.write(data)  # type: ignore[union-attr]
        else:
            link.feed(What.DATA, Frame(data), connection.exchange)

    def eof_received(self) -> bool:
        self.peer_ended()
        self.connection.source_ended(self.connection.down)
        return True
