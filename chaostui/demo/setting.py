"""Backends and traffic beside an engine, and the profile of that engine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Self

from chaostui.demo.backend import Backend
from chaostui.demo.cache import Cache
from chaostui.demo.residents import reside
from chaostui.demo.shop import Shop
from chaostui.demo.tally import Seen
from chaostui.demo.traffic import Record, Traffic
from chaostui.engine.control.supervisor import Supervisor
from chaostui.settings import Address, ControlSettings, Profile, ProxySettings

SEED = 42
PROTOCOLS = {"shop": "http", "cache": "redis"}
SLEEP = 0.25
"""Seconds of delay: a client notices, and does not give up."""


def demo_profile(
    backends: Mapping[str, Address], seed: int = SEED, control: ControlSettings | None = None
) -> Profile:
    """Two proxies on free ports before ``backends``, which has ``shop`` and ``cache``."""
    proxies = tuple(
        ProxySettings(
            name=name, listen=Address("127.0.0.1", 0), backend=backends[name], protocol=protocol
        )
        for name, protocol in PROTOCOLS.items()
    )
    return Profile(
        seed=seed,
        control=control or ControlSettings(),
        proxy=proxies,
        handler={"delay": {"sleep": SLEEP}},
        drain=1.0,
    )


class Demo:
    """The two backends, on ports that are held from the start, and their clients.

    ``run.headless(demo.profile(), Launch(extra=[demo.beside]))`` is the demo's engine.
    """

    def __init__(self, seed: int = SEED) -> None:
        self.seed = seed
        self._sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in PROTOCOLS}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets.values():
            sock.close()

    def profile(self, control: ControlSettings | None = None) -> Profile:
        """The profile of an engine that stands before the backends."""
        places = {name: Address(*sock.getsockname()) for name, sock in self._sockets.items()}
        return demo_profile(places, self.seed, control)

    def beside(self, supervisor: Supervisor) -> asyncio.Task[None]:
        """Serve and ask until cancelled, on the loop of an engine that runs ``profile``."""
        return supervisor.core.spawn(self._live(supervisor))

    async def _live(self, supervisor: Supervisor) -> None:
        traffic = self.traffic(supervisor, lambda: _forget)
        async with self.serving(), asyncio.TaskGroup() as group:
            group.create_task(traffic.run())
            group.create_task(reside(traffic.places, self.seed))

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Serve both backends within the block."""
        loop = asyncio.get_running_loop()
        values = {b"visitors": b"0"}
        kinds: dict[str, Callable[[], Backend]] = {"shop": Shop, "cache": lambda: Cache(values)}
        servers = [
            await loop.create_server(kind, sock=self._sockets[name]) for name, kind in kinds.items()
        ]
        try:
            yield
        finally:
            for server in servers:
                server.close()

    def traffic(self, supervisor: Supervisor, record: Callable[[], Record]) -> Traffic:
        """The clients of the engine's proxies."""
        listens = {name: Address.parse(supervisor.proxy(name).listen) for name in PROTOCOLS}
        places = {name: (listen.host, listen.port) for name, listen in listens.items()}
        return Traffic(places, self.seed, record)


def _forget(_: Seen, __: float) -> None:
    """Nobody counts: the console shows what the engine counts."""
