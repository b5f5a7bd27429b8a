"""A connection ends as its two ends ended it: FIN stays FIN, RST stays RST, nothing is cut off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaostui.events import Closed
from tests.engine.rig import Rig, descriptors, echoing, fill, ping, proxied
from tests.tcp import Peer
from tests.wait import SOON, eventually

MIB = 1 << 20
CLOSE_WAIT = "08"


async def reason(rig: Rig) -> str:
    """Why the one connection there was has ended."""
    await rig.empty()
    (closed,) = rig.events(Closed)
    return closed.reason


def sockets_in(state: str, port: int) -> int:
    """How many sockets of this machine at a local port are in a state of TCP's."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(f[1].endswith(f":{port:04X}") and f[3] == state for f in fields)


# -- half-close -------------------------------------------------------------------------------


async def test_a_client_that_half_closes_still_gets_its_long_reply() -> None:
    """B04: the backend sees the end after all bytes, and the client gets 16 MiB, then FIN."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"all I have to say")
        client.half_close()
        assert await server.receive_all() == b"all I have to say"
        await eventually(lambda: rig.only.state == "half-closed")

        reply = bytes(range(256)) * (16 * MIB // 256)
        sending = asyncio.ensure_future(server.send(reply))
        assert await client.receive_exactly(len(reply)) == reply
        await sending
        server.half_close()
        await client.expect_eof()
        assert await reason(rig) == "client closed"


async def test_a_backend_that_half_closes_still_gets_all_the_client_sends() -> None:
    """B05: the mirror image: the client sees the end and goes on sending 16 MiB."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await server.send(b"all I have to say")
        server.half_close()
        assert await client.receive_all() == b"all I have to say"

        upload = bytes(range(256)) * (16 * MIB // 256)
        sending = asyncio.ensure_future(client.send(upload))
        assert await server.receive_exactly(len(upload)) == upload
        await sending
        client.half_close()
        await server.expect_eof()
        await rig.empty()


async def test_both_half_close_at_once() -> None:
    """B06: 150 times both sides close at the same moment; both see a FIN, nothing stays."""
    async with proxied() as rig:
        for _ in range(150):
            client, server = await rig.pair()
            client.half_close()
            server.half_close()
            await client.expect_eof()
            await server.expect_eof()
            client.close()
            server.close()
        await rig.empty()


async def test_a_half_closed_connection_that_stays_silent_is_reaped() -> None:
    """B07: the other side silent for half_close_timeout ends it with FIN."""
    async with proxied(half_close_timeout=0.5) as rig:
        client, _ = await rig.pair()
        start = asyncio.get_running_loop().time()
        client.half_close()
        await client.expect_eof()

        assert 0.4 <= asyncio.get_running_loop().time() - start <= 2.0
        assert await reason(rig) == "half-close timeout"


async def test_a_half_closed_connection_that_speaks_lives_on() -> None:
    """A reply that takes twice the half_close_timeout, in pieces, arrives whole."""
    async with proxied(half_close_timeout=1) as rig:
        client, server = await rig.pair()
        client.half_close()
        await server.expect_eof()
        for _ in range(20):
            await asyncio.sleep(0.1)
            await server.send(b"piece")
        server.half_close()

        assert await client.receive_all() == b"piece" * 20


@pytest.mark.parametrize("protocol", ["http", "redis", "postgres"])
async def test_what_a_framer_holds_back_goes_on_before_the_end(protocol: str) -> None:
    """Half a request, then FIN: the backend gets the half, then the end."""
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        await client.send(b"GET / HT")
        client.half_close()

        assert await server.receive_all() == b"GET / HT"


# -- resets -----------------------------------------------------------------------------------


async def test_a_clients_reset_reaches_the_backend_as_a_reset() -> None:
    """B08: 50 clients reset an idle connection; the backend sees ECONNRESET, not FIN."""
    async with proxied() as rig:
        for client, server in await rig.pairs(50):
            client.reset()
            await server.expect_reset()
        await rig.empty()

        assert {event.reason for event in rig.events(Closed)} == {"reset by client"}


async def test_a_backends_reset_reaches_the_client_as_a_reset() -> None:
    """B08: 50 backends reset an idle connection; the client sees ECONNRESET, not FIN."""
    async with proxied() as rig:
        for client, server in await rig.pairs(50):
            server.reset()
            await client.expect_reset()
        await rig.empty()

        assert {event.reason for event in rig.events(Closed)} == {"reset by backend"}


@pytest.mark.parametrize("size", [10_000, 200_000, 2 * MIB])
async def test_a_reset_comes_after_the_bytes_that_were_sent_before_it(size: int) -> None:
    """What the proxy had taken arrives at a slow client before the reset does."""
    async with proxied() as rig:
        client, server = await rig.pair(receive_buffer=4096)
        data = bytes(range(256)) * (size // 256)
        sending = asyncio.ensure_future(server.send(data))
        got = bytearray()
        while not sending.done() or server.unsent:
            if len(data) - len(got) > 150_000:
                got += await client.receive(4096)
            else:
                await asyncio.sleep(0.001)
        server.reset()
        await asyncio.sleep(0.05)
        got += await client.expect_reset()

        assert bytes(got) == data


async def test_a_reset_while_the_other_way_is_closed_already_is_a_reset() -> None:
    """A backend that resets after the client's half-close resets the client."""
    async with proxied() as rig:
        client, server = await rig.pair()
        client.half_close()
        await server.expect_eof()
        server.reset()

        await client.expect_reset()
        await rig.empty()


async def test_a_reset_by_the_operator_hits_both_sides() -> None:
    """Both sides see a reset at once, and the reason is the operator's."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.supervisor.reset_connection(rig.only.id, "test")
        await client.expect_reset()
        await server.expect_reset()

        assert await reason(rig) == "reset by operator"


async def test_a_removed_proxy_closes_its_connections() -> None:
    """Both sides see a FIN, as when a process ends, and later clients are refused."""
    async with proxied() as rig:
        client, server = await rig.pair()
        address = rig.address()
        await rig.supervisor.remove_proxy("a", "test")
        await client.expect_eof()
        await server.expect_eof()
        with pytest.raises(ConnectionRefusedError):
            await Peer.connect(address)

        assert {event.reason for event in rig.events(Closed)} == {"proxy closed"}


# -- closes of our own ------------------------------------------------------------------------


async def test_a_reply_of_ours_survives_a_client_that_is_still_sending() -> None:
    """A made-up reply and FIN reach a client that has pipelined 300 kB of requests."""
    async with proxied(
        protocol="http", behavior="errors", handler={"errors": {"kind": "garbage"}}
    ) as rig:
        client = await rig.connect()
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 11_000)

        assert await client.receive_all() == b"\x00\xffchaos\r\n\r\n"
        assert await reason(rig) == "fault"


async def test_a_close_of_ours_is_a_quick_fin() -> None:
    """A blackout closes both sides with FIN at once."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.mix("blackout")
        start = asyncio.get_running_loop().time()
        await client.send(b"hello?")
        await client.expect_eof()
        await server.expect_eof()

        assert asyncio.get_running_loop().time() - start < SOON
        assert await reason(rig) == "fault"


async def test_a_peer_that_never_reads_is_reset_after_the_linger_time() -> None:
    """A close that cannot be delivered ends after ``linger`` with a reset."""
    async with proxied(linger=0.4) as rig:
        client, server = await rig.pair(receive_buffer=4096)
        await fill(server)
        await rig.mix("blackout")
        start = asyncio.get_running_loop().time()
        await client.send(b"hello?")
        await rig.empty()

        assert 0.3 <= asyncio.get_running_loop().time() - start <= 2.5
        assert await reason(rig) == "linger timeout"
        await client.expect_reset()


async def test_an_idle_connection_is_closed_after_the_idle_timeout() -> None:
    """Nothing moved for idle_timeout: both sides get a FIN."""
    async with proxied(idle_timeout=0.4) as rig:
        client, server = await rig.pair()
        for _ in range(5):
            await asyncio.sleep(0.15)
            await client.send(b"still here")
            assert await server.receive() == b"still here"
        await client.expect_eof()
        await server.expect_eof()

        assert await reason(rig) == "idle timeout"


async def test_a_connection_says_what_it_carried() -> None:
    """The last event of a connection has its bytes each way and its time."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"12345")
        await server.receive_exactly(5)
        await server.send(b"123")
        server.half_close()
        await client.receive_all()
        client.half_close()
        await rig.empty()

        (closed,) = rig.events(Closed)
        assert (closed.upstream, closed.downstream) == (5, 3)
        assert 0 < closed.seconds < 5


async def test_nothing_piles_up_over_many_connections() -> None:
    """L02: 600 connections later no socket waits in CLOSE_WAIT and no descriptor is open."""
    async with proxied() as rig, echoing(rig):
        await ping(await rig.connect())
        before = descriptors()
        for number in range(600):
            client = await Peer.connect(rig.address())
            await ping(client)
            if number % 3:
                client.close()
            else:
                client.reset()
        await eventually(lambda: len(rig.supervisor.connections()) == 1)
        await eventually(lambda: sockets_in(CLOSE_WAIT, rig.address()[1]) == 0)

        for peer in rig.backend._accepted[1:]:
            peer.close()
        assert descriptors() <= before + 2


async def test_the_state_of_a_connection_can_be_read() -> None:
    """A connection's line says who, where, how much and in what state."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"12345")
        await server.receive_exactly(5)
        (live,) = rig.supervisor.live()

        assert repr(live) == "<Connection 1 a normal ↑5 B ↓0 B open>"


# -- a reset that overtakes what was said before it ----------------------------------------------


async def upload(client: Peer) -> bytes:
    """Send a request of 8 MB as long as it is taken, then return what came back until the end."""
    loop = asyncio.get_running_loop()
    try:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
        for _ in range(80):
            await loop.sock_sendall(client.sock, bytes(100_000))
    except OSError:
        pass
    data = b""
    try:
        while piece := await client.receive():
            data += piece
    except OSError:
        pass
    return data


EARLY = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 400\r\nConnection: close\r\n\r\n"
EARLY += bytes(400)


@pytest.mark.parametrize("protocol", ["tcp", "http"])
async def test_a_backends_early_answer_reaches_a_client_that_still_sends(protocol: str) -> None:
    """Forty of forty: the backend says 413 in the middle of an upload, and closes unread input."""
    async with proxied(protocol=protocol) as rig:
        for _ in range(40):
            client, server = await rig.pair()
            uploading = asyncio.ensure_future(upload(client))
            await server.receive(1000)
            await server.send(EARLY)
            server.close()
            assert await uploading == EARLY
        await rig.empty()


@pytest.mark.parametrize("protocol", ["tcp", "http"])
async def test_what_a_backend_said_is_read_after_a_write_to_it_has_failed(protocol: str) -> None:
    """The loop meets the client's next bytes first, and its write to the backend fails."""
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
        await server.receive(10)
        # All in one step of the loop, which then finds both sockets ready, in this order.
        client.sock.send(bytes(1000))
        server.sock.send(EARLY)
        server.close()

        assert await client.receive_exactly(len(EARLY)) == EARLY
        await client.expect_reset()
        assert await reason(rig) == "reset by backend"


@pytest.mark.parametrize(
    ("protocol", "asked", "reply"),
    [
        ("http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("redis", b"PING\r\n", b"+PONG\r\n"),
    ],
)
async def test_many_replies_are_read_after_a_write_has_failed(
    protocol: str, asked: bytes, reply: bytes
) -> None:
    """As many as the kernel kept of them, though each takes time as a fault acts on it."""
    count = 60_000 // len(reply)
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.01, direction="downstream")
        await client.send(asked * count + asked)
        await server.receive_exactly(len(asked) * count + 1)  # the rest is unread as it closes
        # All in one step of the loop, which then finds both sockets ready, in this order.
        client.sock.send(asked)
        assert server.sock.send(reply * count) == count * len(reply)
        server.close()

        assert await client.expect_reset() == reply * count
        assert await reason(rig) == "reset by backend"


async def test_replies_that_wait_are_not_looked_at_for_a_client_that_has_gone() -> None:
    """Thousands were read at once: the client's reset ends the work that they are."""
    count = 10_000
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=60, direction="downstream")
        await client.send(b"PING\r\n" * count)
        await server.receive_exactly(6 * count)
        replying = asyncio.ensure_future(server.send(b"+PONG\r\n" * count))
        while not rig.hits:
            await asyncio.sleep(0)
        client.reset()
        await replying
        await rig.empty()

        assert rig.hits["delay"] < count
