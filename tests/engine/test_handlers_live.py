"""Every handler over real sockets: what an application sees of it."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any

import pytest

from chaostui.events import Closed
from chaostui.settings import Address
from tests.engine.rig import ACTOR, Rig, digest_all, echoing, ping, proxied, send_pieces
from tests.tcp import Peer, free_port
from tests.wait import SLACK, SOON, eventually

KB = 1000


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


# -- slow -------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
async def test_a_throttle_keeps_its_rate(direction: str) -> None:
    """B09: 500 kB at 500 kB/s take a second, either way, and arrive whole."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("throttle", direction=direction, rate=500)
        source, dest = (client, server) if direction == "upstream" else (server, client)
        start = now()
        sizes = (10 * KB for _ in range(50))
        sent, got = await asyncio.gather(
            send_pieces(source, sizes, random.Random(0)), digest_all(dest)
        )

        assert got == sent
        assert 0.93 <= now() - start <= SOON


async def test_a_shared_throttle_is_one_line_for_all() -> None:
    """Four connections of 200 kB at 400 kB/s together take two seconds; alone half of one."""
    for shared, least, most in ((True, 1.86, 6.0), (False, 0.43, 1.86)):
        async with proxied() as rig:
            pairs = await rig.pairs(4)
            await rig.chain("throttle", direction="upstream", rate=400, shared=shared)
            start = now()
            sending = [
                send_pieces(client, (10 * KB for _ in range(20)), random.Random(0))
                for client, _ in pairs
            ]
            receiving = [digest_all(server) for _, server in pairs]
            (*told,) = await asyncio.gather(*sending, *receiving)

            assert len(set(told)) == 1
            assert least <= now() - start <= most


async def test_a_throttle_of_zero_passes_nothing_until_it_is_changed() -> None:
    """Rate 0 hangs; a new rate lets go at once."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await rig.chain("throttle", direction="upstream", rate=0)
        asked = asyncio.ensure_future(ping(client))
        await eventually(lambda: rig.hits.get("throttle"))
        await asyncio.sleep(0.05)
        assert not asked.done()
        await rig.supervisor.update_chain(None, "throttle_upstream", ACTOR, options={"rate": 100})

        await asked


async def test_slices_are_small_and_add_up() -> None:
    """A reply of 1,000 bytes in crumbs of at most 64, each a read of its own."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("slice", size=64, delay=2)
        data = random.Random(0).randbytes(1000)
        await server.send(data)
        got: list[bytes] = []
        while sum(map(len, got)) < len(data):
            got.append(await client.receive())

        assert b"".join(got) == data
        assert len(got) >= 10
        assert len(got[0]) <= 64


async def test_loss_makes_bytes_late_and_loses_none() -> None:
    """With every second segment lost, 60 kB arrive whole, later by retransmission times."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("loss", direction="upstream", rate=30)
        start = now()
        sent, got = await asyncio.gather(
            send_pieces(client, [60_000], random.Random(0)), digest_all(server)
        )

        assert got == sent
        assert now() - start >= 0.19


async def test_a_slow_accept_dials_late() -> None:
    """The client is connected at once, its backend's end comes after the delay."""
    async with proxied(behavior="slow_accept", handler={"slow_accept": {"delay": 0.2}}) as rig:
        start = now()
        client = await rig.connect()
        await client.send(b"hello")
        assert now() - start < 0.15 + SLACK
        server = await rig.backend.accept()

        assert now() - start >= 0.19
        assert await server.receive_exactly(5) == b"hello"


async def test_a_slow_close_holds_the_end_back_and_nothing_else() -> None:
    """The reply comes at once, its FIN after the delay."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("slow_close", delay=0.25)
        await server.send(b"reply")
        server.half_close()
        start = now()
        assert await client.receive_exactly(5) == b"reply"
        assert now() - start < 0.2 + SLACK
        await client.expect_eof()

        assert 0.2 <= now() - start < SOON


# -- broken -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [99, 100, 101, 5000])
async def test_a_truncation_is_exact(size: int) -> None:
    """B12: of less than 100 bytes all pass; then exactly 100 do, and the connection closes."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("truncate", bytes=100)
        data = random.Random(size).randbytes(size)
        await server.send(data)
        if size < 100:
            server.half_close()
        assert await client.receive_all() == data[:100]

        if size >= 100:
            await rig.empty()
            assert [event.reason for event in rig.events(Closed)] == ["fault"]


async def test_a_truncation_in_many_pieces_counts_them_together() -> None:
    """One byte at a time, the hundredth is the last."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("truncate", bytes=100, direction="upstream")
        for number in range(100):
            await client.send(bytes((number,)))

        assert await server.receive_all() == bytes(range(100))


async def test_corruption_flips_bits_and_keeps_the_length() -> None:
    """Exactly three bits of a chunk differ, and the same ones with the same seed."""

    async def corrupted() -> bytes:
        async with proxied() as rig:
            client, server = await rig.pair()
            await rig.chain("corrupt", bits=3)
            await server.send(bytes(500))
            return await client.receive_exactly(500)

    first = await corrupted()
    assert int.from_bytes(first).bit_count() == 3
    assert await corrupted() == first


async def test_a_timeout_swallows_and_closes_after_quiet() -> None:
    """What is sent never arrives; 0.2 s after the last of it both sides are closed."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.chain("timeout", direction="upstream", timeout=0.2)
        for _ in range(4):
            await client.send(b"into the void")
            await asyncio.sleep(0.08)
        start = now()
        assert await server.receive_all() == b""
        await client.expect_eof()

        assert now() - start < SOON


async def test_a_timeout_that_is_switched_off_closes_what_it_robbed() -> None:
    """B16: the bytes are gone, so the connection must not go on without them."""
    async with proxied() as rig:
        client, server = await rig.pair()
        name = await rig.chain("timeout", direction="upstream")
        await client.send(b"lost")
        await eventually(lambda: rig.hits.get("timeout"))
        await rig.supervisor.remove_chain(None, name, ACTOR)
        await client.expect_eof()
        await server.expect_eof()

        client, server = await rig.pair()
        await client.send(b"ping")
        assert await server.receive_exactly(4) == b"ping"


async def test_a_blackout_never_calls_the_backend() -> None:
    """The client is closed, and nobody comes to the backend."""
    async with proxied(behavior="blackout") as rig:
        for _ in range(10):
            await (await rig.connect()).expect_eof()
        rig.backend.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            rig.backend.sock.accept()

        assert rig.hits == {"blackout": 10}


async def test_transient_failures_pass_every_third_call() -> None:
    """Two failures, then one success, over all connections of the proxy."""
    async with proxied(behavior="transient", handler={"transient": {"agitate": 2}}) as rig:
        async with echoing(rig):
            outcomes = []
            for _ in range(9):
                client = await rig.connect()
                try:
                    await ping(client)
                    outcomes.append("works")
                except (ConnectionError, AssertionError):
                    outcomes.append("fails")

        assert outcomes == ["fails", "fails", "works"] * 3


async def test_a_reset_comes_so_long_after_the_bytes() -> None:
    """``after`` of 0.2 s: the bytes never arrive, and the reset is on time."""
    async with proxied(behavior="reset", handler={"reset": {"after": 0.2}}) as rig:
        client = await rig.connect()
        await client.send(b"hello")
        start = now()
        await client.expect_reset()

        assert 0.18 <= now() - start < SOON


# -- at the door ------------------------------------------------------------------------------


async def refused(address: tuple[str, int]) -> bool:
    """Whether a client that connects is refused, or reset before it could do anything."""
    try:
        async with await Peer.connect(address) as client:
            await client.expect_silence(0.05)
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


async def test_refuse_refuses_newcomers_holds_the_port_and_spares_the_living() -> None:
    """Nobody else can listen there; switched off, clients are served again on the same port."""
    port = free_port()
    async with proxied(listen=Address("127.0.0.1", port)) as rig, echoing(rig):
        old = await rig.connect()
        await ping(old)
        for _ in range(3):
            await rig.mix("refuse")
            assert await refused(("127.0.0.1", port))
            with pytest.raises(OSError, match="in use"):
                socket.create_server(("127.0.0.1", port))
            await ping(old)
            await rig.mix("")
            new = await rig.connect()
            await ping(new)
            new.close()

        assert rig.supervisor.proxy().listen == f"127.0.0.1:{port}"


async def test_unreachable_hangs_newcomers_and_lets_them_in_afterwards() -> None:
    """connect() does not return; when the handler is off, the same client gets through."""
    async with proxied() as rig, echoing(rig):
        old = await rig.connect()
        await ping(old)
        await rig.mix("unreachable")
        waiting = [asyncio.ensure_future(rig.connect()) for _ in range(5)]
        await asyncio.sleep(0.2)
        stuck = [each for each in waiting if not each.done()]
        assert stuck
        await ping(old)
        await rig.mix("")

        for each in waiting:
            await ping(await each)


async def test_a_bounce_cuts_refuses_and_comes_back() -> None:
    """Connections are closed, newcomers refused for ``down``, then all is well."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        address = rig.address()
        await rig.fault("bounce", down=0.5)
        await client.expect_eof()
        assert await refused(address)
        await eventually_served(rig)

        assert rig.hits == {"bounce": 1}


async def eventually_served(rig: Rig, within: float = 3.0) -> None:
    """Knock until somebody answers."""
    deadline = now() + within
    while True:
        try:
            async with await Peer.connect(rig.address()) as client:
                await ping(client)
                return
        except (ConnectionError, AssertionError):
            assert now() < deadline, "nobody answers"
            await asyncio.sleep(0.02)


async def test_a_door_in_a_halt_is_open() -> None:
    """Refusing and stalling end with everything else."""
    async with proxied(behavior="refuse") as rig, echoing(rig):
        assert await refused(rig.address())
        await rig.supervisor.halt("", ACTOR)
        await ping(await rig.connect())
        await rig.supervisor.release(ACTOR)
        await rig.mix("unreachable")
        await rig.supervisor.halt("", ACTOR)

        await ping(await rig.connect())


async def test_a_refusing_proxy_can_be_disabled_moved_and_removed() -> None:
    """The port is really given up."""
    port = free_port()
    async with proxied(listen=Address("127.0.0.1", port), behavior="refuse") as rig:
        await rig.supervisor.update_proxy(None, {"enabled": False}, ACTOR)
        socket.create_server(("127.0.0.1", port)).close()
        await rig.supervisor.update_proxy(None, {"enabled": True}, ACTOR)
        assert await refused(("127.0.0.1", port))
        await rig.supervisor.update_proxy(None, {"listen": Address("127.0.0.1", 0)}, ACTOR)
        socket.create_server(("127.0.0.1", port)).close()
        assert await refused(rig.address())


# -- all --------------------------------------------------------------------------------------

PASSING: dict[str, dict[str, Any]] = {
    "normal": {},
    "delay": {"sleep": 0.002, "jitter": 0.002, "direction": "both"},
    "throttle": {"rate": 50_000},
    "slice": {"size": 20_000, "variation": 5000},
    "loss": {"rate": 0.05},
    "slow_close": {"delay": 0.05},
    "slow_accept": {"delay": 0.05},
}


@pytest.mark.parametrize("name", PASSING)
async def test_handlers_that_only_slow_down_lose_nothing(name: str) -> None:
    """1 MiB each way with both half-closes has the same digest at both ends."""
    async with proxied(behavior=name, handler={name: PASSING[name]}) as rig:
        client, server = await rig.pair()
        sizes = [40_000] * 26
        up, down, got_up, got_down = await asyncio.gather(
            send_pieces(client, sizes, random.Random(1)),
            send_pieces(server, sizes, random.Random(2)),
            digest_all(server),
            digest_all(client),
        )

        assert (got_up, got_down) == (up, down)
        await rig.empty()
