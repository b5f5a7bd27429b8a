"""Backends of every protocol, and clients that come, speak and leave in every way."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct

from tests.engine.test_departure import REQUESTS
from tests.tcp import Address

ANSWERS = {
    "tcp": b"pong",
    "http": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "redis": b":1\r\n",
    "memcached": b"1\r\n",
    "smtp": b"250 ok\r\n",
    "mysql": b"\x07\0\0\x01\0\0\0\x02\0\0\0",
    "postgres": b"C\0\0\0\x0fINSERT 0 1\0Z\0\0\0\x05I",
    "ldap": b"\x30\x0c\x02\x01\x05\x6b\x07\x0a\x01\0\x04\0\x04\0",
}
LINGER_ZERO = struct.pack("ii", 1, 0)
PATIENCE = 0.5
"""Seconds that a client waits for an answer, at most."""


class Backend:
    """Says what a server of one protocol would, and leaves in the middle now and then."""

    def __init__(self, protocol: str, dice: random.Random) -> None:
        self._protocol = protocol
        self._dice = dice
        self._server: asyncio.Server
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> Address:
        """Listen; return where."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)
        host, port = self._server.sockets[0].getsockname()
        return host, port

    def stop(self) -> None:
        """Let go of everything."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk, _ = REQUESTS[self._protocol]
        for said, answered in talk:
            if said:
                await reader.read(65536)
            writer.write(answered)
        while await reader.read(65536):
            leaves = self._dice.random()
            if leaves < 0.03:
                writer.transport.abort()
                return
            writer.write(ANSWERS[self._protocol] * self._dice.choice((1, 1, 1, 500)))
            if leaves < 0.06:
                return
            await writer.drain()


class Client:
    """Connects, says what its protocol says, and leaves somehow."""

    def __init__(self, protocol: str, address: Address, dice: random.Random) -> None:
        self._protocol = protocol
        self._address = address
        self._dice = dice

    async def visit(self) -> None:
        """Come once; whatever happens to it is no matter to it."""
        sock = socket.socket()
        sock.setblocking(False)
        try:
            async with asyncio.timeout(3):
                await asyncio.get_running_loop().sock_connect(sock, self._address)
                await self._speak(sock)
        except (OSError, TimeoutError):
            pass
        finally:
            self._leave(sock)

    async def _speak(self, sock: socket.socket) -> None:
        loop, dice = asyncio.get_running_loop(), self._dice
        talk, request = REQUESTS[self._protocol]
        if dice.random() < 0.1:
            return  # looks whether the port is open
        for said, _ in talk:
            if said:
                await loop.sock_sendall(sock, said)
            await self._hear(sock)
        for _ in range(dice.randint(1, 5)):
            await loop.sock_sendall(sock, request * dice.choice((1, 1, 1, 50)))
            if dice.random() < 0.15:
                return  # gives up
            await self._hear(sock)

    async def _hear(self, sock: socket.socket) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._dice.random() * PATIENCE):
                await asyncio.get_running_loop().sock_recv(sock, 65536)

    def _leave(self, sock: socket.socket) -> None:
        how = self._dice.randrange(4)
        with contextlib.suppress(OSError):
            if how == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            elif how == 1:
                sock.shutdown(socket.SHUT_WR)
        sock.close()
