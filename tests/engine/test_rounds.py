"""Whatever has to be done at once is done in turns: no step of the engine takes long."""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chaostui.engine.pace.rounds import Rounds
from chaostui.run import GARBAGE
from tests.engine.rig import ACTOR, proxied
from tests.tcp import Peer
from tests.wait import eventually

MB = 1_000_000
PATTERN = b"0123456789abcdef"


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Collect garbage as an engine's process does: else looking at the tests is what takes long."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Heart:
    """Beats at each step of the loop, and knows the longest time without a beat.

    In seconds of this thread's own CPU, so that other processes do not count.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.thread_time()
        self._timer = asyncio.get_running_loop().call_soon(self._beat)

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._timer = asyncio.get_running_loop().call_soon(self._beat)

    def stop(self) -> None:
        self._timer.cancel()


@asynccontextmanager
async def steady(most: float = 0.2) -> AsyncIterator[Heart]:
    """Fail where a step of the loop takes the CPU for longer than ``most`` seconds."""
    heart = Heart()
    yield heart
    heart.stop()
    print(f"longest step {heart.longest * 1000:.1f} ms")
    assert heart.longest < most


async def sent(client: Peer, size: int) -> None:
    """Send so many bytes; whoever reads them does so later."""
    await asyncio.get_running_loop().sock_sendall(client.sock, PATTERN * (size // 16))


def read(servers: list[Peer], size: int) -> None:
    """Read so many bytes from each, which came in order; in a thread of its own."""
    with selectors.DefaultSelector() as selector:
        for server in servers:
            selector.register(server.sock, selectors.EVENT_READ, [0])
        while selector.get_map():
            ready = selector.select(20)
            assert ready, "nothing comes any more"
            for key, _ in ready:
                data = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
                at = key.data[0] % 16
                assert data == (PATTERN * (len(data) // 16 + 2))[at : at + len(data)]
                key.data[0] += len(data)
                if key.data[0] == size:
                    selector.unregister(key.fileobj)


CASES: dict[str, tuple[int, int, dict[str, dict[str, Any]]]] = {
    "slice 64 B": (100, MB, {"slice": {"size": 64, "delay": 60_000}}),
    "slice 1 B": (4, MB, {"slice": {"size": 1, "delay": 60_000}}),
    "throttle 1 kB/s": (200, MB // 4, {"throttle": {"rate": 1}}),
    "hang": (100, MB, {"hang": {}}),
    "delay": (100, MB, {"delay": {"sleep": 60}}),
}


@pytest.mark.parametrize("case", CASES)
async def test_letting_go_of_much_takes_turns(case: str) -> None:
    """Everything that a fault holds on many connections arrives, and no step takes long."""
    count, size, faults = CASES[case]
    ((name, options),) = faults.items()
    async with proxied() as rig:
        pairs = await rig.pairs(count)
        await rig.fault(name, **options)
        sending = [asyncio.ensure_future(sent(client, size)) for client, _ in pairs]
        await eventually(lambda: rig.hits.get(name) == count, within=20)
        await asyncio.sleep(0.5)
        async with steady():
            await rig.mix("")
            await asyncio.to_thread(read, [server for _, server in pairs], size)
        await asyncio.gather(*sending)


async def test_a_change_for_many_connections_takes_turns_and_is_in_force_as_the_call_ends() -> None:
    """A thousand requests that wait: each change reaches all of them, and no step takes long."""
    async with proxied() as rig:
        pairs = await rig.pairs(1000)
        for client, _ in pairs:
            await client.send(b"?")
        await eventually(lambda: all(view.exchanges for view in rig.supervisor.connections()))
        live = rig.supervisor.live()
        async with steady():
            await rig.fault("delay", sleep=60, direction="downstream")
            assert {connection.handler_name for connection in live} == {"delay"}
            await rig.fault("delay", sleep=30, direction="downstream")
            await rig.mix("50:delay,50:hang")
            assert {connection.handler_name for connection in live} == {"delay", "hang"}
            await rig.supervisor.halt("enough", ACTOR)
            assert {connection.handler_name for connection in live} == {"normal"}
            await rig.supervisor.release(ACTOR)
            await rig.supervisor.hang_up(None, ACTOR)
            await rig.empty()


async def test_a_change_while_another_takes_turns_is_obeyed_by_all() -> None:
    """Two changes at once for a thousand connections: the second is what holds for each."""
    async with proxied() as rig:
        pairs = await rig.pairs(1000)
        for client, _ in pairs:
            await client.send(b"?")
        await eventually(lambda: all(view.exchanges for view in rig.supervisor.connections()))
        await asyncio.gather(
            rig.fault("hang"),
            rig.fault("delay", sleep=60, direction="downstream"),
            rig.fault("delay", sleep=0.001, direction="downstream"),
        )
        for _, server in pairs:
            await server.send(b"!")
        for client, _ in pairs:
            assert await client.receive_exactly(1) == b"!"

        assert rig.hits == {"delay": 1000}


def test_each_takes_turns() -> None:
    """What is done to many goes on in later steps of the loop, in order, and all is done."""
    done: list[int] = []

    async def main() -> None:
        def work(number: int) -> None:
            done.append(number)
            time.sleep(0.001)

        Rounds().each(range(30), work)
        assert len(done) < 30
        await eventually(lambda: len(done) == 30)

    asyncio.run(main())
    assert done == list(range(30))


@pytest.mark.parametrize("fault", ["delay", "corrupt", "errors"])
async def test_many_messages_in_one_read_take_turns(fault: str) -> None:
    """Ten thousand commands that come together pass, or are answered, in order."""
    asked, answered = b"PING\r\n" * 10_000, b"+PONG\r\n" * 10_000
    options: dict[str, dict[str, Any]] = {
        "delay": {"sleep": 0.01},
        "corrupt": {"rate": 0},
        "errors": {"kind": "err"},
    }
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.fault(fault, **options[fault])
        async with steady():
            sending = asyncio.ensure_future(client.send(asked))
            if fault == "errors":
                said = b"-ERR internal error\r\n" * 10_000
                assert await client.receive_exactly(len(said)) == said
            else:
                assert await server.receive_exactly(len(asked)) == asked
                replying = asyncio.ensure_future(server.send(answered))
                assert await client.receive_exactly(len(answered)) == answered
                await replying
            await sending

        assert rig.only.exchanges == 10_000


async def test_an_end_behind_many_messages_comes_after_them() -> None:
    """A FIN changes nothing for what waits for its turn."""
    asked = b"PING\r\n" * 5_000
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.fault("corrupt", rate=0)
        await client.send(asked)
        client.half_close()

        assert await server.receive_all() == asked
