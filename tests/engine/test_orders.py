"""One connection through all orders of what can happen to it: in the end nothing is left.

A random walk over real sockets, with the loop let run for some steps in between: accepted, data,
FIN, RST, the backend there, refusing, silent or gone, faults on and off, the proxy off, removed,
bounced, its backend changed, everything halted or drained.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chaostui.errors import ChaosError
from chaostui.settings import Address
from tests.engine.rig import ACTOR, Rig, proxied
from tests.engine.test_departure import REQUESTS
from tests.engine.test_dial import black_hole
from tests.engine.test_dialling import bounce, disable, halt, nothing_left, reload, remove
from tests.soak.clients import ANSWERS
from tests.tcp import Peer

SEEDS = range(int(os.environ.get("CHAOSTUI_ORDERS", "4")))
WALKS = 25
STEPS = 12
FAULTS: dict[str, dict[str, Any]] = {
    "hang": {},
    "delay": {"sleep": 0.02, "direction": "both"},
    "throttle": {"rate": 100},
    "reset": {},
    "errors": {},
    "blackout": {},
    "abort": {},
    "slow_close": {"delay": 0.02},
    "slow_accept": {"delay": 0.02},
    "truncate": {"bytes": 10},
    "timeout": {"timeout": 0.05},
    "refuse": {},
}
PROTOCOLS = ["tcp", "http", "redis", "smtp"]


class Order:
    """A client, a backend and a hand on the switches, each doing something at random."""

    def __init__(self, rig: Rig, dice: random.Random, silent: Address, protocol: str) -> None:
        self.protocol = protocol
        self.request = REQUESTS[protocol][1]
        self.rig = rig
        self.dice = dice
        self.silent = silent
        self.backend = Address(*rig.backend.address)
        self.clients: list[Peer] = []
        self.servers: list[Peer] = []
        self.steps: list[Callable[[], Awaitable[None]]] = [
            self.connect, self.connect, self.client, self.client, self.client, self.accept,
            self.server, self.server, self.fault, self.heal, self.switch, self.repoint,
        ]  # fmt: skip

    async def walk(self) -> None:
        """Take some steps; what fails because somebody was cut is as it should be."""
        for _ in range(STEPS):
            with contextlib.suppress(OSError, ChaosError):
                await self.dice.choice(self.steps)()
            for _ in range(self.dice.choice((0, 0, 1, 2, 3, 5))):
                await asyncio.sleep(0)
            if self.dice.random() < 0.1:
                await asyncio.sleep(0.005)

    async def connect(self) -> None:
        """Another client, which may speak or leave at once."""
        address = self.rig.supervisor.proxy("a").listen
        peer = await Peer.connect((Address.parse(address).host, Address.parse(address).port))
        self.clients.append(peer)
        if self.dice.random() < 0.5:
            peer.sock.send(self.request)
        if self.dice.random() < 0.3:
            self.dice.choice((Peer.reset, Peer.close, Peer.half_close))(peer)

    async def act(self, peers: list[Peer], data: bytes) -> None:
        """One of ``peers`` does something."""
        if not peers:
            return
        peer = self.dice.choice(peers)
        what = self.dice.randrange(6)
        if what < 2:
            peer.sock.send(data)
        elif what == 2:
            peer.sock.recv(65536)
        else:
            (Peer.half_close, Peer.close, Peer.reset)[what - 3](peer)

    async def client(self) -> None:
        """A client speaks, listens or leaves."""
        await self.act(self.clients, self.request * self.dice.choice((1, 1, 300)))

    async def accept(self) -> None:
        """The backend takes what waits."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.servers.append(Peer(self.rig.backend.sock.accept()[0]))

    async def server(self) -> None:
        """The backend speaks, listens or leaves."""
        await self.accept()
        await self.act(self.servers, ANSWERS[self.protocol])

    async def fault(self) -> None:
        """A fault, in the mix or in the chain."""
        name = self.dice.choice(list(FAULTS))
        if self.dice.random() < 0.5:
            await self.rig.fault(name, **FAULTS[name])
        else:
            direction = self.dice.choice(("upstream", "downstream"))
            options = {k: v for k, v in FAULTS[name].items() if k != "direction"}
            await self.rig.chain(name, direction=direction, **options)

    async def heal(self) -> None:
        """All normal."""
        await self.rig.supervisor.reset(ACTOR)

    async def switch(self) -> None:
        """The proxy, or everything, off and on."""
        await self.dice.choice((disable, remove, reload, bounce, halt))(self.rig)

    async def repoint(self) -> None:
        """Another backend: it refuses, it is silent, or it is the one that answers."""
        backend = self.dice.choice((self.backend, self.silent, Address("127.0.0.1", 1)))
        await self.rig.supervisor.update_proxy("a", {"backend": backend}, ACTOR)
        if self.dice.random() < 0.5:
            await self.rig.supervisor.hang_up("a", ACTOR)

    async def end(self) -> None:
        """All leave, in some order, and all is healed before, or after, or not at all."""
        heals = self.dice.randrange(3)
        if heals == 0:
            await self.heal()
        await self.accept()
        ends = [*self.clients, *self.servers]
        self.dice.shuffle(ends)
        for peer in ends:
            peer.reset() if peer.sock.fileno() >= 0 and self.dice.random() < 0.5 else peer.close()
        await asyncio.sleep(0)
        await self.accept()
        for peer in self.servers:
            peer.close()
        if heals == 1:
            await self.heal()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", SEEDS)
async def test_no_order_leaves_anything(
    seed: int, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty-five walks: no connection, call, descriptor, task or complaint of the engine's."""
    limits: dict[str, Any] = {"linger": 0.5, "connect_timeout": 0.3, "half_close_timeout": 0.5}
    async with black_hole() as hole, proxied(protocol=protocol, **limits) as rig:
        dice = random.Random(seed)
        async with nothing_left(rig, caplog):
            for _ in range(WALKS):
                order = Order(rig, dice, hole, protocol)
                await order.walk()
                await order.end()
            await rig.supervisor.reset(ACTOR)
            await order.repoint()
            await order.accept()
            for peer in order.servers:
                peer.close()
