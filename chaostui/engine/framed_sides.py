"""The sockets of a connection whose protocol finds the boundaries of requests and replies."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from chaostui.engine.portions import SMALL, Portions
from chaostui.engine.side import Side
from chaostui.engine.steps import FULL_READ
from chaostui.engine.turns import BackendSide, ClientSide

if TYPE_CHECKING:
    from chaostui.engine.connection import Connection
    from chaostui.engine.framed import Framed


class Portioned(Side):
    """A socket whose bytes are taken in portions where each message counts."""

    __slots__ = ("_portions",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._portions: Portions | None = None

    def data_received(self, data: bytes) -> None:
        if self._portions is None and (len(data) <= SMALL or not self.counts):
            self.take(data)
            return
        if self._portions is None:
            self._portions = Portions(self, self.take)
        self._portions.add(data)

    @property
    @abstractmethod
    def counts(self) -> bool:
        """Whether each message costs much."""

    @abstractmethod
    def take(self, data: bytes) -> None:
        """Cut bytes into messages and pass them on."""

    def eof_received(self) -> bool:
        self._finish()
        return bool(super().eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()
        super().connection_lost(exc)

    def _finish(self) -> None:
        portions, self._portions = self._portions, None
        if portions is not None:
            portions.finish()


class FramedClientSide(Portioned, ClientSide):
    """The socket that was accepted."""

    __slots__ = ()
    connection: Framed

    @property
    def counts(self) -> bool:
        return costs(self.connection)

    def take(self, data: bytes) -> None:
        connection = self.connection
        if connection.protocol.opaque:
            ClientSide.data_received(self, data)
            return
        size = len(data)
        connection.up.received += size
        if size >= FULL_READ:
            self.give_way()
        connection.cut_requests(data)


class FramedBackendSide(Portioned, BackendSide):
    """The socket that was dialled."""

    __slots__ = ()
    connection: Framed

    @property
    def counts(self) -> bool:
        return costs(self.connection)

    def take(self, data: bytes) -> None:
        connection = self.connection
        if connection.protocol.opaque:
            BackendSide.data_received(self, data)
            return
        size = len(data)
        connection.down.received += size
        if size >= FULL_READ:
            self.give_way()
        connection.cut_replies(data)


def costs(connection: Framed) -> bool:
    """Whether each message costs much: something may act on it, or is told of it.

    Where the protocol negotiates TLS they are taken at once: what comes behind a request for it
    must not wait anywhere else.
    """
    proxy, protocol = connection.proxy, connection.protocol
    acts = not proxy.plan.quiet or connection.acted_on or proxy.bus.exchanges_wanted
    return bool(acts) and not (protocol.opaque or protocol.tls)
