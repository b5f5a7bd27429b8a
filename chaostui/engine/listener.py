"""A listening address: bound whole or not at all, able to pause without letting go of it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from chaostui.engine.dial import AddressInfo, resolve, set_keep_alive
from chaostui.errors import CannotListen
from chaostui.settings import Address

BACKLOG = 4096
"""With asyncio's 100, clients of a busy loop wait a second for their SYN to be sent again."""


class Listener:
    """The sockets of one address and the servers that accept on them."""

    def __init__(self, address: Address, sockets: list[socket.socket]) -> None:
        self.address = address
        """As it was asked for."""
        self._sockets = sockets
        self._servers: list[asyncio.Server] = []
        self.accepting = False
        self.names: list[tuple[str, int]] = [sock.getsockname()[:2] for sock in sockets]
        """The bound IP addresses and ports."""

    @classmethod
    async def bind(cls, address: Address, proxy: str = "") -> Listener:
        """Bind and listen on every address behind the name, all on the same port.

        Clients can connect from then on, and are accepted after ``accept``. Raises
        CannotListen with one line; then nothing stays bound.
        """
        owner = f' (proxy "{proxy}")' if proxy else ""
        sockets: list[socket.socket] = []
        port = address.port
        try:
            for info in await resolve(address):
                sock = _bound(info, port)
                if sock is not None:
                    sockets.append(sock)
                    port = sock.getsockname()[1]
            if not sockets:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            for sock in sockets:
                sock.listen(BACKLOG)
        except OSError as error:
            for sock in sockets:
                sock.close()
            why = os.strerror(error.errno) if error.errno else str(error)
            at = Address(address.host, port)
            raise CannotListen(f"cannot listen on {at}: {why.lower()}{owner}") from None
        return cls(address, sockets)

    @property
    def bound(self) -> Address:
        """The address with the port that was really bound."""
        return Address(*self.names[0])

    def serves(self, address: Address) -> bool:
        """Whether it is bound to ``address``: as it was asked for, or with the port it got."""
        return address in (self.address, self.bound)

    async def accept(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Accept clients; each gets a protocol from ``factory``."""
        if self.accepting:
            return
        self.accepting = True
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            # The server gets a copy of the descriptor, so that closing it leaves the address ours.
            server = await loop.create_server(factory, sock=sock.dup(), backlog=BACKLOG)
            self._servers.append(server)

    def pause(self) -> None:
        """Stop accepting; clients wait in the backlog and the address stays ours."""
        self.accepting = False
        for server in self._servers:
            server.close()
        self._servers.clear()

    def share(self) -> Listener:
        """The same address for another proxy, which keeps it when this one closes."""
        return Listener(self.address, [sock.dup() for sock in self._sockets])

    def close(self) -> None:
        """Give the address up; clients are refused."""
        self.pause()
        for sock in self._sockets:
            sock.close()


def _bound(info: AddressInfo, port: int) -> socket.socket | None:
    """Bind one address; None where this machine has no such family."""
    family, kind, proto, _, sockaddr = info
    try:
        sock = socket.socket(family, kind, proto)
    except OSError:
        return None
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    set_keep_alive(sock)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind((sockaddr[0], port, *sockaddr[2:]))
    except OSError as error:
        sock.close()
        if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL and port:
            return None  # a name such as localhost with ::1 in no interface
        raise
    return sock
