"""A listening address: bound whole or not at all, able to pause without letting go of it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import Literal

from chaostui.engine.net.dial import resolve, set_keep_alive
from chaostui.engine.net.resolver import AddressInfo
from chaostui.errors import CannotListen
from chaostui.settings import Address

BACKLOG = 4096
"""With asyncio's 100, clients of a busy loop wait a second for their SYN to be sent again."""

Door = Literal["accept", "refuse", "stall"]


class Listener:
    """The sockets of one address and the servers that accept on them."""

    def __init__(self, address: Address, sockets: list[socket.socket]) -> None:
        self.address = address
        """As it was asked for."""
        self.sockets = sockets
        """Those that clients wait at, one for each IP address."""
        self._servers: list[asyncio.Server] = []
        self.at_once = 1
        """Clients that are accepted in a round of the loop: libuv takes one for each server."""
        self.accepting = False
        self.state: Door = "accept"
        self.closed = False
        """How clients that connect are met."""
        self._fillers: list[socket.socket] = []
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
        ip = ""
        try:
            for info in await resolve(address):
                ip = info[4][0]
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
            why = (os.strerror(error.errno) if error.errno else str(error)).lower()
            raise CannotListen(
                f"cannot listen on {Address(address.host, port)}: {why}{owner}",
                host=address.host,
                address=str(Address(ip, port)) if ip else "",
                reason=why,
            ) from None
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
        if self.closed or self.accepting or self.state != "accept":
            return
        self.accepting = True
        loop, servers = asyncio.get_running_loop(), self._servers
        for sock in self.sockets * self.at_once:
            # The server gets a copy of the descriptor, so that closing it leaves the address ours.
            server = await loop.create_server(
                factory, sock=sock.dup(), backlog=BACKLOG, start_serving=False
            )
            servers.append(server)
            await server.start_serving()
            if servers is not self._servers:
                return  # paused meanwhile, by whoever may have it accept again by now

    # -- keeping clients out ----------------------------------------------------------------

    def meet(self, state: Door) -> list[socket.socket]:
        """Meet clients in another way from now on; the address stays ours, as do live connections.

        Returns the clients that had connected already and wait to be let in.
        """
        waiting: list[socket.socket] = []
        if state == self.state:
            return waiting
        for sock in self.sockets:
            waiting += self._open_again(sock)
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self.state = state
        if state != "accept":
            self.pause()
        for sock in self.sockets:
            if state == "refuse":
                refuse(sock)
            elif state == "stall":
                waiting += _accepted(sock)
                self._fillers.append(stall(sock))
        return waiting

    def _open_again(self, sock: socket.socket) -> list[socket.socket]:
        if self.state == "refuse":
            # Connections that live on have the port too: listening beside them takes this.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.listen(BACKLOG)
        if self.state != "stall":
            return []
        ours = {filler.getsockname() for filler in self._fillers}
        waiting = []
        for client in _accepted(sock):
            if client.getpeername() in ours:
                client.close()
            else:
                waiting.append(client)
        sock.listen(BACKLOG)
        return waiting

    async def let_in(
        self, factory: Callable[[], asyncio.Protocol], waiting: list[socket.socket]
    ) -> None:
        """Accept those clients that have connected already and wait."""
        loop = asyncio.get_running_loop()
        while waiting:
            client = waiting.pop(0)
            if self.closed:
                client.close()
                continue
            client.setblocking(False)
            try:
                await loop.connect_accepted_socket(factory, client)
            except OSError:  # it has gone meanwhile
                client.close()

    def pause(self) -> None:
        """Stop accepting; clients wait in the backlog and the address stays ours."""
        self.accepting = False
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()

    def share(self) -> Listener:
        """The same address for another proxy, which keeps it when this one closes."""
        for client in self.meet("accept"):
            client.close()
        return Listener(self.address, [sock.dup() for sock in self.sockets])

    def close(self) -> None:
        """Give the address up; clients are refused."""
        self.closed = True
        self.pause()
        for sock in (*self.sockets, *self._fillers):
            sock.close()


def _bound(info: AddressInfo, port: int) -> socket.socket | None:
    """Bind one address; None where this machine has no such family."""
    try:
        socket.socket(*info[:3]).close()
    except OSError:
        return None
    try:
        return _on_port(info, port)
    except OSError as error:
        if info[0] == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL and port:
            return None  # a name such as localhost with ::1 in no interface
        raise


def _on_port(info: AddressInfo, port: int) -> socket.socket:
    sock = socket.socket(*info[:3])
    try:
        _take(sock, info, port)
        # A port that the kernel chose is lost when listening stops; one that was asked for is not.
        return sock if port else _on_port(info, sock.getsockname()[1])
    except OSError:
        sock.close()
        raise
    finally:
        if not port:
            sock.close()


def _take(sock: socket.socket, info: AddressInfo, port: int) -> None:
    family, _, _, _, sockaddr = info
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    set_keep_alive(sock)
    if family == socket.AF_INET6:
        # [::] alone means every address of this machine, as it does in Go's and Java's servers.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sockaddr[0] != "::"))
    sock.bind((sockaddr[0], port, *sockaddr[2:]))


def refuse(sock: socket.socket) -> None:
    """Answer those who connect with a reset, while the port stays bound.

    Without SO_REUSEADDR nobody else can bind it now that nobody listens.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    sock.shutdown(socket.SHUT_RDWR)


def stall(sock: socket.socket) -> socket.socket:
    """Leave those who connect without an answer; return the socket that brings this about.

    A queue of no length has room for one connection: ours fills it, and the kernel drops every
    further SYN. The clients send it again and again, until they give up or get in.
    """
    sock.listen(0)
    filler = socket.socket(sock.family, socket.SOCK_STREAM)
    filler.setblocking(False)
    host, port, *more = sock.getsockname()
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    filler.connect_ex((reachable, port, *more))
    return filler


def _accepted(sock: socket.socket) -> list[socket.socket]:
    """Take all clients that wait in the queue."""
    found = []
    while True:
        try:
            found.append(sock.accept()[0])
        except OSError:
            return found
