"""Bulk does not keep others waiting: everybody has a turn in each round of the loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from chaostui.engine.control.runtime import AT_ONCE
from chaostui.engine.pace.steps import FULL_READ
from tests.engine.rig import ACTOR, Rig, proxied
from tests.tcp import Peer
from tests.wait import eventually

STREAMS = 4
ENOUGH = 64 << 20
"""Bytes in which a loop without turns reads many times over from one stream."""


class Rounds:
    """The most by which a number grows in one round of the loop."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number
        self._before = number()
        self.most = 0
        self._handle = asyncio.get_running_loop().call_soon(self._round)

    def _round(self) -> None:
        now = self._number()
        self.most = max(self.most, now - self._before)
        self._before = now
        self._handle = asyncio.get_running_loop().call_soon(self._round)

    def stop(self) -> None:
        """Look no more."""
        self._handle.cancel()


def send(sock: socket.socket) -> None:
    """Send without end."""
    block = bytes(1 << 20)
    with suppress(OSError):
        while True:
            sock.sendall(block)


def take(sock: socket.socket) -> None:
    """Take what comes until the end."""
    buffer = bytearray(1 << 20)
    with suppress(OSError):
        while sock.recv_into(buffer):
            pass


@contextmanager
def flood(pairs: list[tuple[Peer, Peer]]) -> Iterator[None]:
    """Have each client send without end, and each backend take it, in threads."""
    sides = [(what, p.sock) for pair in pairs for what, p in zip((send, take), pair, strict=True)]
    threads = [threading.Thread(target=what, args=(sock,)) for what, sock in sides]
    for _, sock in sides:
        sock.setblocking(True)
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for _, sock in sides:
            sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def carried(rig: Rig) -> int:
    """Bytes that clients have sent."""
    return sum(connection.up.received for connection in rig.supervisor.live())


@pytest.mark.parametrize("protocol", ["tcp", "redis"])
async def test_a_stream_is_read_once_in_a_round(protocol: str) -> None:
    """Four streams of bulk: nobody waits for more than a read of each."""
    async with proxied(protocol=protocol) as rig:
        pairs = await rig.pairs(STREAMS)
        rounds = Rounds(lambda: carried(rig))
        with flood(pairs):
            await eventually(lambda: carried(rig) >= ENOUGH, 30)
            rounds.stop()

    assert 0 < rounds.most <= STREAMS * FULL_READ


async def test_several_clients_are_accepted_in_a_round() -> None:
    """A burst of clients gets in at four a round, however long the rounds are."""
    async with proxied() as rig:
        rounds = Rounds(lambda: rig.stats.connections)
        with ExitStack() as stack:
            for _ in range(5 * AT_ONCE):
                stack.enter_context(socket.create_connection(rig.address()))
            await eventually(lambda: rig.stats.connections == 5 * AT_ONCE)
            rounds.stop()

    assert rounds.most == AT_ONCE


async def test_many_proxies_accept_one_by_one() -> None:
    """Files are kept for connections where there are few of them."""
    async with proxied() as rig:
        core = rig.supervisor.core
        assert core.accepts_at_once(0) == AT_ONCE
        core.max_connections = 20 * AT_ONCE - 1

        assert core.accepts_at_once(0) == 1


async def test_a_limit_that_is_set_later_is_exact() -> None:
    """A proxy with ``max_connections`` counts each client before it accepts the next one."""
    async with proxied() as rig:
        await rig.supervisor.update_proxy(None, {"max_connections": 5}, ACTOR)
        with ExitStack() as stack:
            for _ in range(5 * AT_ONCE):
                stack.enter_context(socket.create_connection(rig.address()))
            await eventually(lambda: len(rig.supervisor.live()) >= 5)

            assert len(rig.supervisor.live()) == 5
