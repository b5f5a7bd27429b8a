"""The demo's clients: no fault ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from chaostui import registry
from chaostui.demo.setting import PROTOCOLS, Demo
from chaostui.demo.tally import Seen
from chaostui.demo.traffic import CLIENTS
from chaostui.demo.wire import WIRES
from chaostui.engine.control.supervisor import Supervisor
from chaostui.settings import Mix
from tests.wait import eventually

HANDLERS = {kind.name for kind in registry.builtin().handlers.values()}

FASTER = {"slow_accept": {"delay": 0.1}, "delay": {"sleep": 0.1}}
"""Options with which clients do not give up before it hits."""

UNSEEN = {"slow_close"}
"""They act on those who close in peace; these clients hang up."""


class Asked:
    """How requests went, and clients that go on."""

    def __init__(self, supervisor: Supervisor, demo: Demo) -> None:
        self.seen: list[Seen] = []
        traffic = demo.traffic(supervisor, lambda: lambda seen, _: self.seen.append(seen))
        self.task = asyncio.create_task(traffic.run())

    async def many(self, *kinds: Seen) -> None:
        """Wait for one more request of each client, or so many that went like this."""
        before, wanted = len(self.seen), kinds or tuple(Seen)

        def enough() -> bool:
            assert not self.task.done(), self.task.exception()
            return sum(seen in wanted for seen in self.seen[before:]) >= 2 * CLIENTS

        await eventually(enough, within=20)


@asynccontextmanager
async def asked() -> AsyncIterator[tuple[Supervisor, Asked]]:
    """An engine with the demo's clients on it."""
    with Demo() as demo:
        supervisor = Supervisor(registry.builtin(), seed=1)
        await supervisor.start(demo.profile())
        async with demo.serving():
            clients = Asked(supervisor, demo)
            try:
                await clients.many(Seen.OK)
                yield supervisor, clients
            finally:
                clients.task.cancel()
                await asyncio.gather(clients.task, return_exceptions=True)
                await supervisor.close()
                await asyncio.sleep(0.01)  # what was aborted closes


@pytest.mark.parametrize("handler", sorted(set(HANDLERS) - {"normal"}))
async def test_the_clients_survive_every_fault(handler: str) -> None:
    """Whatever a handler does to all their requests, all go on, and are served afterwards."""
    async with asked() as (supervisor, clients):
        for proxy in supervisor.proxies():
            options = {handler: FASTER.get(handler, {})}
            await supervisor.set_mix(proxy.name, Mix(((handler, 100.0),)), "test", options=options)
        await clients.many()
        if handler not in UNSEEN:
            await eventually(lambda: all(s.hits.get(handler) for s in supervisor.stats().values()))
        await supervisor.reset("test")
        await clients.many(Seen.OK)


async def test_the_clients_survive_resets() -> None:
    """Their connections are reset under their hands, again and again."""
    async with asked() as (supervisor, clients):
        for _ in range(20):
            for connection in supervisor.connections():
                await supervisor.reset_connection(connection.id, "test")
            await asyncio.sleep(0.01)
        await clients.many(Seen.OK)


@pytest.mark.parametrize("kind", PROTOCOLS)
@pytest.mark.parametrize(
    "answer",
    [b"", b"\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"$-7\r\n", b"$x\r\n",
     b"*1\r\n" * 5000, b"HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n", b"x" * 200_000, b"*z\r\n"],
)  # fmt: skip
async def test_what_is_no_answer_is_a_connection_error(kind: str, answer: bytes) -> None:
    """Rubbish, however long, ends one connection, or is taken for an error."""

    def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        wire = await WIRES[kind].connect(*server.sockets[0].getsockname())
        with suppress(ConnectionError):
            await wire.ask(b"PING\r\n")
        wire.close()
        await asyncio.sleep(0.01)  # what was aborted closes
