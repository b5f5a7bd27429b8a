"""Faults that lose nothing, changed at random under load: in the end every byte has arrived."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from chaostui.errors import ChaosError
from chaostui.settings import ChainEntry, Mix
from tests.engine.rig import ACTOR, Rig, catalog, digest_all, proxied, send_pieces
from tests.tcp import Peer

SEEDS = range(int(os.environ.get("CHAOSTUI_SOAKS", "6")))
CHANGES = 120
CONNECTIONS = 6

HARMLESS: dict[str, dict[str, Any]] = {
    "delay": {"sleep": 0.01, "jitter": 0.005, "direction": "both"},
    "hang": {},
    "throttle": {"rate": 20_000},
    "slice": {"size": 3000, "variation": 500},
    "loss": {"rate": 0.5},
    "slow_close": {"delay": 0.01},
    "slow_accept": {"delay": 0.01},
    "own": {},
    "own_thread": {},
    "unreachable": {},
}


async def own(source: Any, dest: Any, *_: Any) -> None:
    """Pass on, one way or the other."""
    await dest.sendall(await source.recv(10_000))


def own_thread(source: Any, dest: Any, *_: Any) -> None:
    """The same in a thread."""
    dest.sendall(source.recv(10_000))


class Meddler:
    """Changes something at random, again and again, with handlers of ``faults``."""

    def __init__(self, rig: Rig, dice: random.Random, faults: dict[str, dict[str, Any]]) -> None:
        self.rig = rig
        self.dice = dice
        self.faults = faults
        self.sessions: list[str] = []
        self.changes: list[Callable[[], Awaitable[object]]] = [
            self.mix, self.mix, self.weights, self.options, self.chain, self.unchain,
            self.pin, self.bypass, self.halt, self.fault, self.close, self.reset,
        ]  # fmt: skip

    def some(self) -> str:
        """A handler's name."""
        return self.dice.choice(list(self.faults))

    async def run(self) -> None:
        """Make all changes, a moment apart."""
        for _ in range(CHANGES):
            with contextlib.suppress(ChaosError):  # taken, or gone
                await self.dice.choice(self.changes)()
            await asyncio.sleep(self.dice.choice((0, 0, 0.001, 0.005)))

    async def mix(self) -> None:
        """A mix of up to three handlers, perhaps for a while."""
        names = self.dice.sample(list(self.faults), self.dice.randint(0, 3))
        text = ",".join(f"{self.dice.randint(1, 33)}:{name}" for name in names)
        duration = self.dice.choice((None, None, 0.02))
        await self.rig.mix(text, duration=duration, **self.faults)

    async def weights(self) -> None:
        """One weight of the mix in force."""
        weights = {self.some(): float(self.dice.randint(0, 100))}
        await self.rig.supervisor.set_weights(None, weights, ACTOR)

    async def options(self) -> None:
        """Another delay."""
        options = {"sleep": self.dice.random() * 0.02, "jitter": 0.0}
        await self.rig.supervisor.set_options(None, "delay", options, ACTOR)

    async def chain(self) -> None:
        """Another entry."""
        name = self.some()
        options = {key: value for key, value in self.faults[name].items() if key != "direction"}
        entry = ChainEntry(
            handler=name,
            direction=self.dice.choice(("upstream", "downstream", "both")),
            probability=self.dice.choice((1.0, 0.5)),
            options=options,
        )
        await self.rig.supervisor.add_chain(None, entry, ACTOR)

    async def unchain(self) -> None:
        """Take an entry out, or change it."""
        entries = self.rig.supervisor.chain(None)
        if entries:
            name = self.dice.choice(entries).name
            if self.dice.random() < 0.7:
                await self.rig.supervisor.remove_chain(None, name, ACTOR)
            else:
                await self.rig.supervisor.update_chain(None, name, ACTOR, probability=0.3)

    async def pin(self) -> None:
        """Pin or unpin a connection."""
        live = self.rig.supervisor.connections()
        if live:
            name = self.dice.choice((None, self.some()))
            await self.rig.supervisor.pin(self.dice.choice(live).id, name, ACTOR)

    async def bypass(self) -> None:
        """On or off."""
        await self.rig.supervisor.set_bypass(None, self.dice.random() < 0.5, ACTOR)

    async def halt(self) -> None:
        """Halt, and soon release."""
        await self.rig.supervisor.halt("", ACTOR)
        await asyncio.sleep(0.001)
        await self.rig.supervisor.release(ACTOR)

    async def fault(self) -> None:
        """A fault of a new session."""
        session = await self.rig.supervisor.open_session(30, "", ACTOR)
        self.sessions.append(session.id)
        mix = Mix(((self.some(), 50.0),))
        await self.rig.supervisor.add_fault(session.id, None, mix, ACTOR, options=self.faults)

    async def close(self) -> None:
        """Close one of the sessions."""
        if self.sessions:
            at = self.dice.randrange(len(self.sessions))
            await self.rig.supervisor.close_session(self.sessions.pop(at), ACTOR)

    async def reset(self) -> None:
        """Everything normal."""
        await self.rig.supervisor.reset(ACTOR)


async def accept(rig: Rig, waiting: dict[bytes, asyncio.Future[Peer]]) -> None:
    """Take the backend's ends; the first four bytes say whose they are."""
    loop = asyncio.get_running_loop()

    async def tell(peer: Peer) -> None:
        name = b""
        while len(name) < 4:
            name += await loop.sock_recv(peer.sock, 4 - len(name))
        waiting[name].set_result(peer)

    telling = set()
    while True:
        sock, _ = await loop.sock_accept(rig.backend.sock)
        rig.backend._accepted.append(Peer(sock))
        telling.add(loop.create_task(tell(rig.backend._accepted[-1])))


async def one_connection(rig: Rig, seed: int, server: asyncio.Future[Peer]) -> None:
    """Connect some time, send about 300 kB each way, both half-close, and compare."""
    dice = random.Random(seed)
    await asyncio.sleep(dice.random() * 0.1)
    client = await rig.connect()
    await client.send(b"%04d" % seed)
    sizes = [dice.randint(1, 20_000) for _ in range(30)]

    async def reply() -> tuple[str, str]:
        peer = await server
        return await asyncio.gather(
            send_pieces(peer, sizes[::-1], random.Random(-seed), pause=0.02), digest_all(peer)
        )

    up, (down, got_up), got_down = await asyncio.gather(
        send_pieces(client, sizes, dice, pause=0.02), reply(), digest_all(client)
    )
    assert (got_up, got_down) == (up, down)


@pytest.mark.parametrize("protocol", ["tcp", "redis"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_random_changes_lose_no_byte_and_leave_nothing(seed: int, protocol: str) -> None:
    """A hundred changes under six connections' traffic; then all normal, and all is there."""
    known = catalog(own=own, own_thread=own_thread)
    async with proxied(seed=seed, known=known, protocol=protocol, max_held=65_536) as rig:
        loop = asyncio.get_running_loop()
        servers = {b"%04d" % number: loop.create_future() for number in range(CONNECTIONS)}
        accepting = loop.create_task(accept(rig, servers))
        busy = [
            loop.create_task(one_connection(rig, int(name), server))
            for name, server in servers.items()
        ]
        await Meddler(rig, random.Random(seed), HARMLESS).run()
        await rig.supervisor.halt("the end", ACTOR)
        async with asyncio.timeout(20):
            await asyncio.gather(*busy)
        accepting.cancel()
        await rig.empty()

        assert rig.stats.handler_failures == 0


REQUEST = b"GET /%04d HTTP/1.1\r\nHost: test\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04d"
ERROR = re.compile(rb"HTTP/1.1 5[^\n]*\n(?:[A-Z][^\n]*\n)*\r\n5[^\n]*\n")
REQUESTS = 200
ANSWERING = {**HARMLESS, "errors": {"kind": "503"}}


async def answer(peer: Peer) -> None:
    """Answer each request with its number."""
    loop = asyncio.get_running_loop()
    size = len(REQUEST % 0)
    data = b""
    with suppress(OSError):  # errors cut what was under way
        while piece := await loop.sock_recv(peer.sock, 65536):
            data += piece
            while len(data) >= size:
                request, data = data[:size], data[size:]
                assert request.startswith(b"GET /"), request
                await loop.sock_sendall(peer.sock, REPLY % int(request[5:9]))
        peer.half_close()


async def one_conversation(rig: Rig, seed: int) -> list[str]:
    """Send requests, some at once, then FIN; say what each was answered with, in order."""
    dice = random.Random(seed)
    await asyncio.sleep(dice.random() * 0.1)
    client = await rig.connect()
    loop = asyncio.get_running_loop()

    async def ask() -> None:
        number = 0
        with suppress(OSError):
            await send(number)

    async def send(number: int) -> None:
        while number < REQUESTS:
            count = min(dice.randint(1, 5), REQUESTS - number)
            await loop.sock_sendall(
                client.sock, b"".join(REQUEST % n for n in range(number, number + count))
            )
            number += count
            await asyncio.sleep(dice.choice((0, 0, 0.002)))
        client.half_close()

    async def hear() -> bytes:
        data = b""
        with suppress(OSError):
            while piece := await loop.sock_recv(client.sock, 65536):
                data += piece
        return data

    _, heard = await asyncio.gather(ask(), hear())
    heard = ERROR.sub(b"\nerror", heard).replace((REPLY % 0)[:-4], b"\n")
    return heard.decode().split("\n")[1:]


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_changes_keep_answers_in_the_order_of_requests(seed: int) -> None:
    """Pipelined HTTP with errors among the faults: each request has one answer, in its turn.

    Errors that meet a request or a reply in the middle end the connection with it.
    """
    known = catalog(own=own, own_thread=own_thread)
    settings: dict[str, Any] = {"protocol": "http", "max_held": 65_536, "abandoned": "deliver"}
    async with proxied(seed=seed, known=known, **settings) as rig:
        loop = asyncio.get_running_loop()
        answering: set[asyncio.Task[None]] = set()

        async def serve() -> None:
            while True:
                sock, _ = await loop.sock_accept(rig.backend.sock)
                rig.backend._accepted.append(Peer(sock))
                answering.add(loop.create_task(answer(rig.backend._accepted[-1])))

        serving = loop.create_task(serve())
        busy = [loop.create_task(one_conversation(rig, n)) for n in range(CONNECTIONS)]
        await Meddler(rig, random.Random(seed), ANSWERING).run()
        await rig.supervisor.halt("the end", ACTOR)
        async with asyncio.timeout(20):
            told = await asyncio.gather(*busy)
        await asyncio.gather(*answering)
        serving.cancel()
        await rig.empty()

        wanted = [f"{number:04d}" for number in range(REQUESTS)]
        for answers in told:
            faulty = zip(wanted, answers, strict=False)
            assert [pair for pair in faulty if pair[1] not in (pair[0], "error")] == []
        assert (rig.stats.handler_failures, rig.stats.desyncs) == (0, 0)
