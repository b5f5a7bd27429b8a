"""Exchanges by a protocol's own boundaries: pipelining, errors in their turn, lost frames."""

from __future__ import annotations

import asyncio

import pytest

from chaostui.events import Closed, Exchanged, Injected, Warned
from tests.engine.rig import ACTOR, Rig, proxied
from tests.tcp import Peer
from tests.wait import eventually

GET = b"GET /%d HTTP/1.1\r\nHost: test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d"


async def replies(client: Peer, count: int) -> list[str]:
    """Read so many HTTP replies: status and body of each."""
    data, found = b"", list[str]()
    while len(found) < count:
        head, end, rest = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        if not end or len(rest) < length:
            piece = await client.receive()
            assert piece, f"the end came after {found}"
            data += piece
            continue
        found.append(f"{head.split()[1].decode()} {rest[:length].decode().strip()}")
        data = rest[length:]
    assert data == b""
    return found


async def faulty_pair(rig: Rig, **options: object) -> tuple[Peer, Peer]:
    """A connection that has had one good exchange, with every second request an error."""
    client, server = await rig.pair()
    await client.send(GET % 0)
    await server.receive_exactly(len(GET % 0))
    await server.send(OK % 0)
    assert await replies(client, 1) == ["200 0"]
    await rig.fault("errors", kind="503", every=2, **options)
    return client, server


async def test_errors_of_pipelined_requests_come_in_their_turn() -> None:
    """Six at once, every second an error: all six answers arrive in the order of the requests."""
    async with proxied(protocol="http") as rig:
        client, server = await faulty_pair(rig)
        await client.send(b"".join(GET % number for number in range(1, 7)))
        passed = b"".join(GET % number for number in (1, 3, 5))
        assert await server.receive_exactly(len(passed)) == passed
        await client.expect_silence(0.05)
        for number in (1, 3, 5):
            await server.send(OK % number)

        error = "503 503 Service Unavailable"
        assert await replies(client, 6) == ["200 1", error, "200 3", error, "200 5", error]
        assert rig.hits == {"errors": 3}
        assert [event.exchange for event in rig.events(Injected)] == [3, 5, 7]


async def test_a_connection_works_on_after_an_error_of_its_protocol() -> None:
    """An error page is a reply like any other: the next request passes on the same connection."""
    async with proxied(protocol="http") as rig:
        client, server = await faulty_pair(rig)
        for number in (1, 3):
            await client.send(GET % number)
            await server.receive_exactly(len(GET % number))
            await server.send(OK % number)
            assert await replies(client, 1) == [f"200 {number}"]
            await client.send(GET % (number + 1))
            assert await replies(client, 1) == ["503 503 Service Unavailable"]


async def test_a_reply_under_way_is_whole_before_an_error_follows() -> None:
    """The error for a second request waits for the last byte of the first one's reply."""
    async with proxied(protocol="http") as rig:
        client, server = await faulty_pair(rig)
        await client.send(GET % 1)
        await server.receive_exactly(len(GET % 1))
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalfhalf"
        await server.send(reply[:-4])
        assert await client.receive_exactly(len(reply) - 4) == reply[:-4]
        await client.send(GET % 2)
        await eventually(lambda: rig.hits.get("errors"))
        await client.expect_silence(0.05)
        await server.send(reply[-4:])

        assert (await client.receive_exactly(16)) == b"halfHTTP/1.1 503"


async def test_an_error_that_ends_the_connection_comes_after_earlier_replies() -> None:
    """The second of three requests gets a broken reply: the first's arrives before, then FIN."""
    async with proxied(protocol="http") as rig:
        client, server = await faulty_pair(rig)
        await rig.fault("errors", kind="garbage", every=2)
        await client.send(b"".join(GET % number for number in range(1, 4)))
        await server.receive_exactly(len(GET % 1))
        await server.send(OK % 1)

        assert await client.receive_all() == OK % 1 + b"\x00\xffchaos\r\n\r\n"
        await rig.empty()
        assert [event.reason for event in rig.events(Closed)] == ["fault"]


async def test_each_pipelined_request_is_delayed_by_its_own_draw() -> None:
    """Ten at once, every second delayed: order is kept, five are hit."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.02, every=2)
        sent = b"".join(GET % number for number in range(10))
        await client.send(sent)

        assert await server.receive_exactly(len(sent)) == sent
        assert [event.exchange for event in rig.events(Injected)] == [2, 4, 6, 8, 10]


async def test_an_abort_lets_the_backend_do_the_work() -> None:
    """The request arrives; at the first byte of its reply the client is reset."""
    async with proxied(protocol="http", behavior="abort") as rig:
        client, server = await rig.pair()
        await client.send(GET % 1)
        assert await server.receive_exactly(len(GET % 1)) == GET % 1
        await server.send(OK % 1)

        await client.expect_reset()
        await server.expect_reset()


async def test_bytes_that_make_no_sense_pass_and_are_told_once() -> None:
    """P02: the frame is lost, every byte arrives, and faults on raw bytes still work."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        junk = b"*nonsense\r\n" + bytes(range(256))
        await client.send(junk)
        assert await server.receive_exactly(len(junk)) == junk
        await server.send(junk[::-1])
        assert await client.receive_exactly(len(junk)) == junk[::-1]

        assert rig.stats.desyncs == 1
        assert rig.only.opaque
        (warned,) = rig.events(Warned)
        assert "passes as plain tcp" in warned.message
        await rig.fault("delay", sleep=0.05)
        start = asyncio.get_running_loop().time()
        await client.send(junk)
        assert await server.receive_exactly(len(junk)) == junk
        assert asyncio.get_running_loop().time() - start >= 0.049


async def test_a_request_that_nobody_answers_is_over_when_it_was_sent() -> None:
    """Memcached's noreply: no reply is waited for, and the next request's is its own."""
    async with proxied(protocol="memcached") as rig:
        client, server = await rig.pair()
        await client.send(b"set a 0 0 1 noreply\r\nx\r\nget a\r\n")
        assert await server.receive_exactly(31) == b"set a 0 0 1 noreply\r\nx\r\nget a\r\n"
        await server.send(b"VALUE a 0 1\r\nx\r\nEND\r\n")
        assert await client.receive_exactly(21) == b"VALUE a 0 1\r\nx\r\nEND\r\n"

        assert rig.stats.exchanges == 2
        assert rig.stats.latency.count == 1


async def test_requests_have_names_that_people_read() -> None:
    """Events and the live view tell which request was hit."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.001)
        await client.send(b"*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n")
        await server.receive_exactly(25)
        await server.send(b"$-1\r\n")
        await client.receive_exactly(5)

        assert rig.only.request == "GET user:1"
        assert [event.request for event in rig.events(Injected)] == ["GET user:1"]
        assert [event.request for event in rig.events(Exchanged)] == ["GET user:1"]


async def test_each_exchange_is_told_while_somebody_wants_it() -> None:
    """Without a reader only those that were hit are events; with one, all are."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()

        async def exchange(number: int) -> None:
            await client.send(GET % number)
            await server.receive_exactly(len(GET % number))
            await server.send(OK % number)
            assert await replies(client, 1) == [f"200 {number}"]

        await exchange(1)
        assert rig.events(Exchanged) == []
        rig.supervisor.bus.exchanges_wanted += 1
        await exchange(2)
        await exchange(3)
        await eventually(lambda: len(rig.events(Exchanged)) == 2)

        assert [event.request for event in rig.events(Exchanged)] == ["GET /2", "GET /3"]
        assert rig.stats.exchanges == 3


@pytest.mark.parametrize("protocol", ["http", "redis", "postgres", "mysql", "memcached", "smtp"])
async def test_switching_faults_on_and_off_between_requests_loses_no_byte(protocol: str) -> None:
    """Bytes that are no protocol's pass every framer exactly while mixes come and go."""
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        sent = b"".join(b"%05d\r\n" % number for number in range(3000))
        receiving = asyncio.ensure_future(server.receive_exactly(len(sent)))
        for number, at in enumerate(range(0, len(sent), 700)):
            await client.send(sent[at : at + 700])
            if number % 3 == 0:
                await rig.fault("delay", sleep=0.005)
            elif number % 3 == 1:
                await rig.mix("hang")
            else:
                await rig.mix("")
        await rig.mix("")

        assert await receiving == sent


async def test_an_exchange_keeps_its_handler_until_it_is_over() -> None:
    """Weights act at the next draw: a request that was drawn before stays delayed."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await rig.mix("100:delay", delay={"sleep": 0.2})
        await client.send(GET % 1)
        await eventually(lambda: rig.hits.get("delay"))
        await rig.supervisor.set_weights(None, {"delay": 0.001}, ACTOR)
        await server.expect_silence(0.1)
        assert await server.receive_exactly(len(GET % 1)) == GET % 1
        await client.send(GET % 2)

        assert await server.receive_exactly(len(GET % 2)) == GET % 2
        assert rig.hits == {"delay": 1}


async def test_the_event_of_an_error_says_which_error() -> None:
    """A page made here and a command that makes Redis itself fail are both told by their kind."""
    async with proxied(
        protocol="http", behavior="errors", handler={"errors": {"kind": "504"}}
    ) as rig:
        client = await rig.connect()
        await client.send(GET % 1)
        assert await replies(client, 1) == ["504 504 Gateway Timeout"]

        assert [event.what for event in rig.events(Injected)] == ["answered with 504"]

    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(b"MULTI\r\n")
        assert await server.receive_exactly(7) == b"MULTI\r\n"
        await rig.fault("errors", kind="oom")
        await client.send(b"SET a 1\r\n")
        assert await server.receive() == b"*1\r\n$8\r\nCHAOSTUI\r\n"

        assert [event.what for event in rig.events(Injected)] == ["answered with oom"]
