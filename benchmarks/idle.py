"""``python -m benchmarks.idle``: what many idle connections cost a headless engine.

Each connection carries a ping, then all are idle for a while, then each carries another ping.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import click
import uvloop

from benchmarks.contenders import Chaostui

PING = b"ping"
AT_ONCE = 200
"""Connections that are made at the same time."""


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]


async def _serve(telling: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=4096)
    telling.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def serve(telling: Connection) -> None:
    """Run the backend; tell the port it listens on."""
    uvloop.run(_serve(telling))


class Idler(asyncio.Protocol):
    """A client that pings when it is told to."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.answered = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.answered.set_result(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionError("closed"))

    async def ping(self) -> bool:
        """Whether it is answered within 10 seconds."""
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(PING)  # type: ignore[attr-defined]
        with contextlib.suppress(OSError):
            return bool(await asyncio.wait_for(self.answered, 10) == PING)
        return False


async def connect(port: int, count: int) -> list[Idler]:
    """Make ``count`` connections that have each carried a ping."""
    loop = asyncio.get_running_loop()
    clients: list[Idler] = []
    while len(clients) < count:
        making = [
            loop.create_connection(Idler, "127.0.0.1", port)
            for _ in range(min(AT_ONCE, count - len(clients)))
        ]
        made = [client for _, client in await asyncio.gather(*making)]
        assert all(await asyncio.gather(*(client.ping() for client in made)))
        clients += made
    return clients


def resident(pid: int) -> int:
    """A process's resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(proxy: Chaostui, count: int, seconds: float) -> None:
    """Print what ``count`` connections cost that are idle for ``seconds``."""
    assert proxy.process
    pid = proxy.process.pid
    before = resident(pid)
    clients = await connect(proxy.port, count)
    full, used, start = resident(pid), processor(pid), time.monotonic()
    await asyncio.sleep(seconds)
    busy = (processor(pid) - used) / (time.monotonic() - start)
    answered = sum(await asyncio.gather(*(client.ping() for client in clients)))
    click.echo(
        f"{count} connections: {full / 2**20:.0f} MiB resident ({before / 2**20:.0f} before,"
        f" {(full - before) / count / 1000:.1f} kB each), {busy:.1%} of a core while idle,"
        f" {count - answered} lost"
    )


@click.command()
@click.option("--connections", default=9000, show_default=True, type=click.IntRange(1, 30_000))
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.1, 600))
def main(connections: int, seconds: float) -> None:
    """Measure what idle connections cost a headless engine."""
    context = get_context("spawn")
    hearing, telling = context.Pipe(duplex=False)
    backend = context.Process(target=serve, args=[telling], daemon=True)
    backend.start()
    with Chaostui(hearing.recv()) as proxy:
        uvloop.run(measure(proxy, connections, seconds))
    backend.terminate()
    backend.join()


if __name__ == "__main__":
    main()
