"""What a fault holds of a client that has gone never reaches the backend."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import Any

import pytest

from chaostui.events import Closed
from tests.engine.rig import Rig, catalog, proxied
from tests.tcp import Peer
from tests.wait import eventually

Talk = list[tuple[bytes, bytes]]
"""What the client says, and what the backend answers; the backend's greeting is answer to b''."""


def packet(number: int, payload: bytes) -> bytes:
    """A packet of MySQL's."""
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETING = (
    b"\x0a8.0.36\0" + bytes(4) + b"12345678\0" + b"\xff\xf7\x21\x02\0\xff\xdf\x15" + bytes(10)
)
GREETING += b"123456789012\0mysql_native_password\0"
LOGIN = b"\x0f\xa2\x3a\0" + bytes(4) + b"\x21" + bytes(23) + b"me\0\x14" + bytes(20)
LOGIN += b"mysql_native_password\0"
STARTUP = (13 + 4).to_bytes(4) + (196608).to_bytes(4) + b"user\0me\0\0"

REQUESTS: dict[str, tuple[Talk, bytes]] = {
    "tcp": ([], b"charge the card"),
    "http": ([], b"POST /charge HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
    "redis": ([(b"PING\r\n", b"+PONG\r\n")], b"*2\r\n$4\r\nINCR\r\n$6\r\norders\r\n"),
    "memcached": ([], b"incr orders 1\r\n"),
    "smtp": (
        [(b"", b"220 hello\r\n"), (b"HELO a\r\n", b"250 hello\r\n")],
        b"MAIL FROM:<a@example.com>\r\n",
    ),
    "mysql": (
        [(b"", packet(0, GREETING)), (packet(1, LOGIN), packet(2, b"\0\0\0\x02\0\0\0"))],
        packet(0, b"\x03INSERT INTO orders VALUES (1)"),
    ),
    "postgres": (
        [(STARTUP, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")],
        b"Q\0\0\0\x22INSERT INTO orders VALUES (1)\0",
    ),
    "ldap": ([], bytes.fromhex("300d020105") + b"\x4a\x08cn=order"),
}


async def begun(rig: Rig, talk: Talk) -> tuple[Peer, Peer]:
    """A connection on which the two have said what comes before a request."""
    client, server = await rig.pair()
    for said, answered in talk:
        if said:
            await client.send(said)
            assert await server.receive_exactly(len(said)) == said
        await server.send(answered)
        assert await client.receive_exactly(len(answered)) == answered
    return client, server


async def gone(server: Peer) -> None:
    """The backend sees the end, and not a byte before it."""
    with contextlib.suppress(ConnectionResetError):
        assert await server.receive_all() == b""


LEAVES: dict[str, Callable[[Peer], None]] = {"closes": Peer.close, "resets": Peer.reset}
HOLDS: dict[str, dict[str, Any]] = {"hang": {}, "delay": {"sleep": 1.0}}


@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("fault", HOLDS)
@pytest.mark.parametrize("protocol", REQUESTS)
async def test_a_held_request_goes_with_its_client(protocol: str, fault: str, leaves: str) -> None:
    """A POST, INSERT or INCR that its client has given up is not executed once all is healed."""
    talk, request = REQUESTS[protocol]
    async with proxied(protocol=protocol) as rig:
        client, server = await begun(rig, talk)
        await rig.fault(fault, **HOLDS[fault])
        await client.send(request)
        await eventually(lambda: rig.hits.get(fault), what="the request is held")
        LEAVES[leaves](client)

        await gone(server)
        await rig.mix("")
        await rig.empty()
        assert rig.stats.desyncs == 0
        (closed,) = rig.events(Closed)
        assert closed.reason == {"closes": "client closed", "resets": "reset by client"}[leaves]


async def slow(source: Any, dest: Any, *_: Any) -> None:
    """A user's own that takes its time."""
    data = await source.recv()
    await asyncio.sleep(1)
    await dest.sendall(data)


HANDLERS: dict[str, dict[str, Any]] = {
    "hang": {},
    "delay": {"sleep": 1.0},
    "throttle": {"rate": 0.001},
    "slice": {"size": 4, "delay": 1000},
    "loss": {"rate": 100},
    "slow": {},
}


@pytest.mark.parametrize("name", HANDLERS)
async def test_every_handler_lets_go_of_what_nobody_waits_for(name: str) -> None:
    """In the chain too, and where bytes wait unread: most of the request never leaves."""
    request = b"POST /charge HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + bytes(3000)
    async with proxied(protocol="http", known=catalog(slow=slow), max_held=4096) as rig:
        client, server = await rig.pair()
        await rig.chain(name, direction="upstream", **HANDLERS[name])
        await client.send(request * 10)
        await eventually(lambda: rig.hits.get(name))
        client.close()

        left = b""
        with contextlib.suppress(ConnectionResetError):
            left = await server.receive_all()
        await rig.empty(within=2)
        assert len(left) < len(request), "no whole request has left"


async def test_a_client_that_gives_up_before_it_is_let_in_is_never_dialled_for() -> None:
    """Slow to accept: what it has sent waits unread, and goes with it."""
    async with proxied(protocol="http", behavior="slow_accept") as rig:
        await rig.fault("slow_accept", delay=60)
        client = await rig.connect()
        await client.send(REQUESTS["http"][1])
        await eventually(lambda: rig.hits.get("slow_accept"))
        client.close()

        await rig.empty(within=2)


@pytest.mark.parametrize("protocol", ["tcp", "http"])
async def test_a_program_that_ends_takes_what_was_held_with_it(protocol: str) -> None:
    """A killed client says the same as one that closes."""
    async with proxied(protocol=protocol, behavior="hang") as rig:
        host, port = rig.address()
        code = f"import socket; s = socket.create_connection(({host!r}, {port})); s.send(b'GET / ')"
        code += "; print(1, flush=True); input()"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        await process.stdout.readline()
        await eventually(rig.supervisor.connections)
        process.kill()
        await process.wait()
        await rig.empty(within=2)


async def test_a_half_closed_client_of_plain_tcp_still_gets_its_answer() -> None:
    """Its program has the socket still: bytes and FIN go on in order when the hang is lifted."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.mix("hang")
        await client.send(b"question")
        client.half_close()
        await server.expect_silence(0.4)
        await rig.mix("")

        assert await server.receive_all() == b"question"
        await server.send(b"answer")
        server.half_close()
        assert await client.receive_all() == b"answer"


async def test_one_that_closes_later_than_it_half_closed_is_noticed() -> None:
    """No packet tells of that: the kernel is asked, again and again while something is held."""
    async with proxied(behavior="hang") as rig:
        client = await rig.connect()
        await client.send(b"question")
        client.half_close()
        await eventually(lambda: rig.only.state != "open" and rig.only.held == 8)
        await asyncio.sleep(0.3)
        assert rig.only.held == 8
        client.close()

        await rig.empty(within=2)


async def test_what_is_lifted_at_once_after_the_client_left_is_not_delivered() -> None:
    """No tick has passed: the kernel is asked before what was held goes on."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.mix("hang")
        await client.send(b"question")
        client.half_close()
        await eventually(lambda: rig.supervisor.core.proxies["a"].departing)
        client.close()
        await rig.mix("")

        await gone(server)


@pytest.mark.parametrize("protocol", ["tcp", "http"])
async def test_a_fin_behind_a_hang_ends_at_the_half_close_limit(protocol: str) -> None:
    """Also where it is to be delivered: nothing that is held is held for ever."""
    settings: dict[str, Any] = {"abandoned": "deliver", "half_close_timeout": 0.4}
    async with proxied(behavior="hang", protocol=protocol, **settings) as rig:
        client = await rig.connect()
        await client.send(REQUESTS["http"][1])
        client.half_close()
        await client.expect_eof()
        await rig.empty(within=2)
        assert [event.reason for event in rig.events(Closed)] == ["half-close timeout"]


@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("protocol", ["tcp", "http"])
async def test_what_is_held_can_be_delivered_all_the_same(protocol: str, leaves: str) -> None:
    """``abandoned = "deliver"``: as a slow network does, for clients that never wait."""
    request = REQUESTS[protocol][1]
    async with proxied(protocol=protocol, abandoned="deliver") as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.3)
        await client.send(request)
        await eventually(lambda: rig.hits.get("delay"))
        LEAVES[leaves](client)

        assert await server.receive_exactly(len(request)) == request
        server.close()
        await rig.empty()


@pytest.mark.parametrize("protocol", REQUESTS)
async def test_without_a_fault_everything_arrives(protocol: str) -> None:
    """A client that sends and closes at once: bytes and FIN, in order."""
    talk, request = REQUESTS[protocol]
    async with proxied(protocol=protocol) as rig:
        client, server = await begun(rig, talk)
        await client.send(request)
        client.close()

        assert await server.receive_all() == request


async def test_a_late_fin_alone_is_no_held_request() -> None:
    """Of a client that is done nothing is lost: its end comes late, as it was asked for."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await rig.chain("slow_close", direction="upstream", delay=0.3)
        await client.send(REQUESTS["http"][1])
        client.close()

        assert await server.receive_all() == REQUESTS["http"][1]


async def test_hung_clients_that_are_killed_are_gone_soon() -> None:
    """Two hundred of them, half by FIN and half by reset: none is listed or counted any more."""
    async with proxied(behavior="hang", protocol="http") as rig:
        clients = [await rig.connect() for _ in range(200)]
        for client in clients:
            await client.send(REQUESTS["http"][1])
        await eventually(lambda: rig.hits.get("hang") == 200)
        for number, client in enumerate(clients):
            client.reset() if number % 2 else client.close()

        await rig.empty()
        assert rig.supervisor.core.open == 0


@pytest.mark.parametrize("side", ["client", "backend"])
async def test_a_reset_ends_although_the_other_does_not_read(side: str) -> None:
    """What was sent may linger for so long, and then the connection is over."""
    async with proxied(linger=0.5) as rig:
        client, server = await rig.pair(receive_buffer=4096)
        sender = client if side == "client" else server
        await sender.send_until_stuck()
        sender.reset()

        await rig.empty(within=3)
        assert [event.reason for event in rig.events(Closed)] == ["linger timeout"]


async def test_a_reset_after_a_fin_is_noticed() -> None:
    """No loop reads what has ended; the client has gone while its answer is awaited."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"question")
        client.half_close()
        assert await server.receive_all() == b"question"
        await asyncio.sleep(0.25)
        client.reset()

        await rig.empty()
        with pytest.raises(BrokenPipeError):
            await server.send(b"answer")


@pytest.mark.parametrize("leaves", LEAVES)
async def test_a_client_that_leaves_before_its_last_answer_is_gone_too(leaves: str) -> None:
    """An error that is to end the connection waits for a reply that never comes."""
    options = {"errors": {"kind": "garbage"}}
    async with proxied(protocol="http", half_close_timeout=0.4, handler=options) as rig:
        client, server = await rig.pair()
        await client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await server.receive()
        await rig.mix("errors")
        await client.send(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        await eventually(lambda: rig.hits.get("errors"))
        LEAVES[leaves](client)

        await rig.empty(within=3)
