"""The ceiling: a pass-through on uvloop protocols, without faults, counters or control.

``python -m benchmarks.bare_pump LISTEN_PORT BACKEND_PORT``
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

HIGH_WATER = 256 * 1024
"""Bytes that may wait for a slow reader before its peer is paused."""


class End(asyncio.Protocol):
    """One side of a connection; what it reads goes to ``peer``."""

    transport: asyncio.Transport
    peer: End | None = None
    done = False

    def __init__(self) -> None:
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport and bound what may wait in it."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)

    def join(self, peer: End) -> None:
        """Pass on to ``peer`` from now on, and what came before."""
        self.peer = peer
        for data in self.early:
            peer.transport.write(data)
        self.early.clear()
        if self.done:
            peer.transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Pass on; keep what comes before the backend is there."""
        if self.peer:
            self.peer.transport.write(data)
        else:
            self.early.append(data)

    def eof_received(self) -> bool:
        """Pass the half-close on; close when both sides are done."""
        self.done = True
        if self.peer and self.peer.done:
            self.transport.close()
            self.peer.transport.close()
        elif self.peer and not self.peer.transport.is_closing():
            self.peer.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """Stop reading from the peer of a slow reader."""
        if self.peer:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self.peer:
            self.peer.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Take the other side down too."""
        if self.peer:
            self.peer.transport.close()


class Accepted(End):
    """The client's side, which dials the backend."""

    def __init__(self, backend_port: int, dials: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self.backend_port = backend_port
        self.dials = dials

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Dial; the set keeps the task alive."""
        super().connection_made(transport)
        dial = asyncio.create_task(self.dial())
        self.dials.add(dial)
        dial.add_done_callback(self.dials.discard)

    async def dial(self) -> None:
        """Reach the backend and join the two sides."""
        loop = asyncio.get_running_loop()
        try:
            _, backend = await loop.create_connection(End, "127.0.0.1", self.backend_port)
        except OSError:
            self.transport.abort()
            return
        backend.join(self)
        self.join(backend)


async def pump(port: int, backend_port: int) -> None:
    """Listen for ever."""
    dials: set[asyncio.Task[None]] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Accepted(backend_port, dials), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(pump(int(sys.argv[1]), int(sys.argv[2])))
