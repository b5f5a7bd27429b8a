"""An actor on real sockets that does on TCP exactly what it is told, as HAProxy's tcploop.

``Peer`` is one end of a connection, ``Listener`` the place where a backend's ends come out::

    async with Listener() as backend, await Peer.connect(proxy) as client:
        server = await backend.accept()
        await client.send(b"ping")
        client.half_close()
        assert await server.receive_all() == b"ping"
        server.reset()
        await client.expect_reset()

Nothing is read unless a test says so: not to call ``receive`` is to pause. Every wait ends
after ``PATIENCE`` seconds with a ``TimeoutError``.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Awaitable
from typing import TypeVar

Address = tuple[str, int]
T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that any single step may take."""

BOTTOMLESS = 256 << 20
"""Bytes: nobody who takes more than this is ever stuck."""

TURNS = 20
"""Turns of the loop that who is stuck lets others have."""

LOWEST_PORT, HIGHEST_PORT = 10_000, 32_767
"""Linux hands out no port below 32768 by itself, so one that was free stays free."""

_STATES = (
    "?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
)  # fmt: skip
_handed_out: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """Find a TCP port nobody listens on; parallel test processes get different ones."""
    span = HIGHEST_PORT - LOWEST_PORT
    for step in range(span):
        port = LOWEST_PORT + (os.getpid() * 97 + step) % span
        if port not in _handed_out and _can_listen(host, port):
            _handed_out.add(port)
            return port
    raise AssertionError("no free port")


def _can_listen(host: str, port: int) -> bool:
    with socket.socket(_family(host)) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _in_time(step: Awaitable[T]) -> T:
    return await asyncio.wait_for(step, PATIENCE)


class Peer:
    """One end of a TCP connection. ``sock`` is its non-blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    @classmethod
    async def connect(
        cls, address: Address, *, source: str = "", receive_buffer: int = 0, send_buffer: int = 0
    ) -> Peer:
        """Connect, from ``source`` if given; buffers are the kernel's, in bytes (0: default)."""
        sock = socket.socket(_family(address[0]))
        _set_buffers(sock, receive_buffer, send_buffer)
        if source:
            sock.bind((source, 0))
        sock.setblocking(False)
        try:
            await _in_time(asyncio.get_running_loop().sock_connect(sock, address))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    async def send(self, data: bytes) -> None:
        """Send all of ``data``; waits while the other side does not read."""
        await _in_time(asyncio.get_running_loop().sock_sendall(self.sock, data))

    async def send_until_stuck(self, piece: bytes = bytes(65536), quiet: float = 0.3) -> int:
        """Send pieces until none fits for ``quiet`` seconds; return how many bytes went.

        On a busy machine the other end may be slow to read: it gets its turn meanwhile, often.
        """
        sent, turns, stuck_since = 0, 0, None
        loop = asyncio.get_running_loop()
        while stuck_since is None or loop.time() - stuck_since < quiet or turns < TURNS:
            if sent > BOTTOMLESS:
                raise AssertionError(f"never stuck, {sent} bytes were taken")
            try:
                sent += self.sock.send(piece)
                turns, stuck_since = 0, None
            except BlockingIOError:
                turns, stuck_since = turns + 1, stuck_since or loop.time()
            await asyncio.sleep(0.001)
        return sent

    async def receive(self, most: int = 65536) -> bytes:
        """Receive what is there, at least a byte; ``b""`` is the end."""
        return await _in_time(asyncio.get_running_loop().sock_recv(self.sock, most))

    async def receive_exactly(self, size: int) -> bytes:
        """Receive ``size`` bytes; fails when the end comes first."""
        data = bytearray()
        while len(data) < size:
            piece = await self.receive(size - len(data))
            assert piece, f"the end came after {len(data)} of {size} bytes"
            data += piece
        return bytes(data)

    async def receive_all(self) -> bytes:
        """Receive until the other side's FIN."""
        data = bytearray()
        while piece := await self.receive():
            data += piece
        return bytes(data)

    async def expect_eof(self) -> None:
        """Fail unless the next thing that comes is a FIN."""
        data = await self.receive()
        assert data == b"", f"data came instead of the end: {data[:80]!r}"

    async def expect_reset(self) -> bytes:
        """Fail unless the connection is reset; return what came before."""
        data = bytearray()
        try:
            while piece := await self.receive():
                data += piece
        except ConnectionResetError:
            return bytes(data)
        raise AssertionError(f"FIN instead of RST, after {bytes(data[:80])!r}")

    async def expect_silence(self, seconds: float) -> None:
        """Fail if anything comes within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
        except TimeoutError:
            return
        raise AssertionError(f"not silent: {data[:80]!r}")

    def half_close(self) -> None:
        """Send a FIN; receiving goes on."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close. The kernel sends a RST instead of a FIN when data was left unread."""
        self.sock.close()

    @property
    def unsent(self) -> int:
        """Bytes that the other kernel has not acknowledged yet (SIOCOUTQ)."""
        count = array.array("i", [0])
        fcntl.ioctl(self.sock, termios.TIOCOUTQ, count)
        return count[0]

    @property
    def state(self) -> str:
        """The state of TCP's machine, as ``ss`` names it: ``ESTABLISHED``, ``CLOSE_WAIT``…"""
        number: int = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return _STATES[number]

    @property
    def address(self) -> Address:
        """This end's own host and port."""
        host, port = self.sock.getsockname()[:2]
        return host, port

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Listener:
    """A listening socket whose connections wait in the backlog until ``accept``."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int = 128, receive_buffer: int = 0
    ) -> None:
        self.sock = socket.socket(_family(host))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _set_buffers(self.sock, receive_buffer, 0)
        self.sock.bind((host, port))
        self.sock.listen(backlog)
        self.sock.setblocking(False)
        self._accepted: list[Peer] = []

    @property
    def address(self) -> Address:
        """The host and port to connect to."""
        host, port = self.sock.getsockname()[:2]
        return host, port

    async def accept(self) -> Peer:
        """Take the next connection; it is closed with the listener at the latest."""
        sock, _ = await _in_time(asyncio.get_running_loop().sock_accept(self.sock))
        peer = Peer(sock)
        self._accepted.append(peer)
        return peer

    def close(self) -> None:
        """Stop listening and close what was accepted."""
        self.sock.close()
        for peer in self._accepted:
            peer.close()

    async def __aenter__(self) -> Listener:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _set_buffers(sock: socket.socket, receive: int, send: int) -> None:
    if receive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    if send:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send)
