"""A supervisor with one proxy before a backend of the test's own, on the test's loop.

async with proxied(behavior="delay") as rig:
    client, server = await rig.pair()
    await client.send(b"ping")
    assert await server.receive() == b"ping"
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from chaostui import registry
from chaostui.catalog import Catalog
from chaostui.engine.control.supervisor import Supervisor
from chaostui.events import Event
from chaostui.handler import Handler
from chaostui.settings import Address, ChainEntry, Mix, Profile, ProxySettings
from chaostui.wire.views import ConnectionView, ProxyView, StatsView
from tests import tcp
from tests.tcp import TURNS, Listener, Peer
from tests.wait import eventually

E = TypeVar("E", bound=Event)

SEED = 7
ACTOR = "test"
LOOPBACK = Address("127.0.0.1", 0)


class Rig:
    """The supervisor, its first proxy, and the listener its connections come out at."""

    def __init__(self, supervisor: Supervisor, backend: Listener) -> None:
        self.supervisor = supervisor
        self.backend = backend
        self._clients: list[Peer] = []

    def address(self, proxy: str | None = None) -> tcp.Address:
        """Where a proxy listens."""
        listen = Address.parse(self.supervisor.proxy(proxy).listen)
        return listen.host, listen.port

    async def connect(self, proxy: str | None = None, **options: Any) -> Peer:
        """Connect a client; ``options`` as for ``Peer.connect``."""
        client = await Peer.connect(self.address(proxy), **options)
        self._clients.append(client)
        return client

    async def pair(self, proxy: str | None = None, **options: Any) -> tuple[Peer, Peer]:
        """Connect a client and take the backend's end of its connection."""
        client = await self.connect(proxy, **options)
        return client, await self.backend.accept()

    async def pairs(self, count: int) -> list[tuple[Peer, Peer]]:
        """Connect ``count`` clients, one after the other."""
        return [await self.pair() for _ in range(count)]

    async def mix(self, text: str, *, duration: float | None = None, **options: Any) -> ProxyView:
        """Put a mix in force: ``mix("20:delay", delay={"sleep": 0.1})``."""
        return await self.supervisor.set_mix(
            None, Mix.parse(text), ACTOR, options=options, duration=duration
        )

    async def fault(self, name: str, **options: Any) -> ProxyView:
        """Put one handler in force for everything: ``fault("delay", sleep=0.1)``."""
        return await self.supervisor.set_mix(
            None, Mix(((name, 100.0),)), ACTOR, options={name: options}
        )

    async def chain(self, handler: str, **more: Any) -> str:
        """Add a chain entry and return its name; what is no key of an entry is an option."""
        fields = set(ChainEntry.__struct_fields__)
        keys = {name: value for name, value in more.items() if name in fields}
        options = {name: value for name, value in more.items() if name not in fields}
        entry = ChainEntry(handler=handler, options=options, **keys)
        return (await self.supervisor.add_chain(None, entry, ACTOR)).name

    async def add(self, name: str, **settings: Any) -> ProxyView:
        """Add a proxy before the same backend."""
        backend = {"backend": Address(*self.backend.address), **settings}
        return await self.supervisor.add_proxy(make(name=name, **backend), ACTOR)

    @property
    def stats(self) -> StatsView:
        """The first proxy's counters."""
        return self.supervisor.stats()[self.supervisor.proxy().name]

    @property
    def hits(self) -> dict[str, int]:
        """Faults that hit, by handler."""
        return self.stats.hits

    @property
    def only(self) -> ConnectionView:
        """The one live connection."""
        (found,) = self.supervisor.connections()
        return found

    def events(self, kind: type[E]) -> list[E]:
        """The events of a kind so far, oldest first."""
        return [event for event in self.supervisor.bus.since(0)[0] if isinstance(event, kind)]

    async def until_hit(self, handler: str, times: int = 1) -> None:
        """Return when a handler has hit so often."""
        await eventually(lambda: self.hits.get(handler, 0) >= times, what=f"{handler} hits")

    async def empty(self, within: float = 5.0) -> None:
        """Return when no connection is left."""
        await eventually(
            lambda: not self.supervisor.connections(),
            within,
            f"all closed; left: {self.supervisor.live()}",
        )


async def turned_away(address: tcp.Address) -> None:
    """Connect where clients are reset at once, which may be before connecting has ended."""
    try:
        async with await Peer.connect(address) as client:
            await client.expect_reset()
    except ConnectionResetError:
        pass


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def make(**settings: Any) -> ProxySettings:
    """Settings of a proxy on a free port; ``behavior`` may be text."""
    mix = settings.pop("behavior", Mix())
    behavior = Mix.parse(mix) if isinstance(mix, str) else mix
    given = {"name": "a", "listen": LOOPBACK, "backend": Address("127.0.0.1", 1), **settings}
    return ProxySettings(behavior=behavior, **given)


def catalog(*kinds: type[Handler], **functions: Callable[..., Any]) -> Catalog:
    """The built-in handlers, handler classes of the test's and functions as users write them."""
    own = {kind.name: kind for kind in kinds}
    own |= {name: registry.make(name, function) for name, function in functions.items()}
    built_in = registry.builtin()
    return Catalog({**built_in.handlers, **own}, built_in.protocols)


@asynccontextmanager
async def proxied(
    *,
    seed: int = SEED,
    known: Catalog | None = None,
    host: str = "127.0.0.1",
    receive_buffer: int = 0,
    handler: Mapping[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """Run a supervisor with the proxy ``a``; ``settings`` are those of ``ProxySettings``.

    ``host`` and ``receive_buffer`` are the backend's, ``handler`` are the profile's settings
    of handlers. At the end nothing may be left: no connection and no task.
    """
    supervisor = Supervisor(known or registry.builtin(), seed=seed)
    tasks = asyncio.all_tasks()
    async with Listener(host, backlog=4096, receive_buffer=receive_buffer) as backend:
        given = {"backend": Address(*backend.address), **settings}
        profile = Profile(proxy=(make(**given),), handler=dict(handler or {}))
        await supervisor.start(profile)
        rig = Rig(supervisor, backend)
        try:
            yield rig
        finally:
            await supervisor.close()
            for client in rig._clients:
                client.close()
    await rig.empty()
    await eventually(lambda: asyncio.all_tasks() <= tasks, what="no task is left")


async def echo(peer: Peer) -> None:
    """Send back what comes, until the end; a backend's side of a connection."""
    try:
        while data := await asyncio.get_running_loop().sock_recv(peer.sock, 65536):
            await asyncio.get_running_loop().sock_sendall(peer.sock, data)
        peer.half_close()
    except OSError:
        pass
    finally:
        peer.close()


@asynccontextmanager
async def echoing(rig: Rig) -> AsyncIterator[None]:
    """Have the backend answer what it is sent, on every connection it gets."""
    busy: set[asyncio.Task[None]] = set()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(rig.backend.sock)
            task = loop.create_task(echo(Peer(sock)))
            busy.add(task)
            task.add_done_callback(busy.discard)

    server = asyncio.get_running_loop().create_task(serve())
    try:
        yield
    finally:
        server.cancel()
        for task in busy:
            task.cancel()
        await asyncio.gather(server, *busy, return_exceptions=True)


async def ping(client: Peer, data: bytes = b"ping") -> float:
    """Send something, expect it back, and return the seconds it took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    await client.send(data)
    assert await client.receive_exactly(len(data)) == data
    return loop.time() - start


async def quickest(client: Peer) -> float:
    """The shortest of five pings: what a busy machine adds is not in it."""
    return min([await ping(client) for _ in range(5)])


async def send_pieces(
    peer: Peer, sizes: Iterable[int], dice: random.Random, *, pause: float = 0.0
) -> str:
    """Send random bytes in pieces of ``sizes``, then a FIN; return the SHA-256 of all."""
    digest = hashlib.sha256()
    loop = asyncio.get_running_loop()
    for size in sizes:
        piece = dice.randbytes(size)
        digest.update(piece)
        await loop.sock_sendall(peer.sock, piece)
        if pause and dice.random() < 0.05:
            await asyncio.sleep(dice.random() * pause)
    peer.half_close()
    return digest.hexdigest()


async def digest_all(peer: Peer) -> str:
    """Receive until the FIN; return the SHA-256 of all."""
    digest = hashlib.sha256()
    loop = asyncio.get_running_loop()
    buffer = bytearray(1 << 18)
    while size := await loop.sock_recv_into(peer.sock, buffer):
        digest.update(memoryview(buffer)[:size])
    return digest.hexdigest()


PATTERN = random.Random(0).randbytes(65_521)


async def fill(peer: Peer, quiet: float = 0.25) -> bytes:
    """Send until nothing is taken for ``quiet`` seconds; return what was sent."""
    loop = asyncio.get_running_loop()
    twice = memoryview(PATTERN * 2)
    sent, turns, moved = 0, 0, loop.time()
    while loop.time() - moved < quiet or turns < TURNS:
        at = sent % len(PATTERN)
        try:
            sent += peer.sock.send(twice[at : at + len(PATTERN)])
            turns, moved = 0, loop.time()
        except BlockingIOError:
            turns += 1
            await asyncio.sleep(0.002)
        await asyncio.sleep(0)
    return (PATTERN * (sent // len(PATTERN) + 1))[:sent]
