"""A fault that is switched on acts at the next bytes, either way, on what is under way too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chaostui.events import Injected
from tests.engine.rig import ACTOR, Rig, echoing, ping, proxied
from tests.tcp import Peer
from tests.wait import eventually

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
GET = b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n"
SUBSCRIBE = b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n"
SUBSCRIBED = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
BLPOP = b"*3\r\n$5\r\nBLPOP\r\n$1\r\na\r\n$1\r\n0\r\n"
PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"
SILENCE = 0.3
"""Seconds after which what a backend says is no part of its reply any more, and some."""


def message(number: int) -> bytes:
    """A message on the channel ``a``."""
    return b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\n%03d\r\n" % number


@asynccontextmanager
async def streaming(protocol: str, **settings: Any) -> AsyncIterator[tuple[Rig, Peer, Peer]]:
    """A backend in the middle of a long reply, whose first 100 bytes have arrived."""
    async with proxied(protocol=protocol, **settings) as rig:
        client, server = await rig.pair()
        await client.send(GET)
        await server.receive_exactly(len(GET))
        await server.send(HEAD + b"x" * 100)
        await client.receive_exactly(len(HEAD) + 100)
        yield rig, client, server


STREAMS = pytest.mark.parametrize("protocol", ["tcp", "http"])


@STREAMS
@pytest.mark.parametrize(
    ("name", "options"),
    [("hang", {}), ("delay", {"sleep": 60, "direction": "downstream"}), ("throttle", {"rate": 0})],
)
async def test_a_stream_is_held_and_goes_on(
    protocol: str, name: str, options: dict[str, Any]
) -> None:
    """What the server sends after the switch is held, counts one hit, and comes when it is off."""
    async with streaming(protocol) as (rig, client, server):
        await rig.fault(name, **options)
        for _ in range(5):
            await server.send(b"held ")
        await client.expect_silence(0.1)
        assert rig.hits == {name: 1}
        await rig.mix("")

        assert await client.receive_exactly(25) == b"held " * 5
        await server.send(b"and more")
        assert await client.receive_exactly(8) == b"and more"


@STREAMS
@pytest.mark.parametrize(
    ("name", "options", "passes"),
    [
        ("reset", {}, b""),
        ("abort", {}, b""),
        ("errors", {}, b""),
        ("truncate", {"bytes": 3}, b"cut"),
        ("blackout", {}, b""),
    ],
)
async def test_a_stream_is_cut(
    protocol: str, name: str, options: dict[str, Any], passes: bytes
) -> None:
    """At the next bytes of the server's, though the client says nothing."""
    async with streaming(protocol) as (rig, client, server):
        await rig.fault(name, **options)
        assert rig.hits == {}
        await server.send(b"cut here")
        if name in ("truncate", "blackout"):
            assert await client.receive_all() == passes
        else:
            await client.expect_reset()

        assert rig.hits == {name: 1}


@STREAMS
async def test_a_stream_is_corrupted(protocol: str) -> None:
    """From the next byte on, with the length kept."""
    async with streaming(protocol) as (rig, client, server):
        await rig.fault("corrupt", bits=3)
        await server.send(b"12345678")

        assert await client.receive_exactly(8) != b"12345678"


@STREAMS
@pytest.mark.parametrize("at", ["reply", "mid-reply"])
async def test_a_place_in_the_reply_that_has_gone_by_is_the_next_byte(
    protocol: str, at: str
) -> None:
    """Where the reply has begun, what acts on replies or in their middle acts on what follows."""
    async with streaming(protocol) as (rig, client, server):
        await rig.fault("abort", at=at)
        await server.send(b"lost")
        if (protocol, at) == ("tcp", "mid-reply"):
            assert await client.receive_exactly(2) == b"lo"  # nothing tells replies apart there
        await client.expect_reset()

        assert rig.hits == {"abort": 1}


@STREAMS
async def test_a_pin_acts_on_a_stream_too(protocol: str) -> None:
    """A handler for one connection acts from the next bytes on, and lets go."""
    async with streaming(protocol) as (rig, client, server):
        await rig.supervisor.pin(rig.only.id, "hang", ACTOR)
        await server.send(b"held")
        await client.expect_silence(0.1)
        await rig.supervisor.pin(rig.only.id, None, ACTOR)

        assert await client.receive_exactly(4) == b"held"


@STREAMS
async def test_an_upload_is_held_from_the_next_byte(protocol: str) -> None:
    """The rest of a request that was under way waits, and arrives when the fault is off."""
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        begun = b"POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n0123456789"
        await client.send(begun)
        assert await server.receive_exactly(len(begun)) == begun
        await rig.fault("hang")
        await client.send(b"01234")
        await eventually(lambda: rig.hits == {"hang": 1})
        await client.send(b"56789")
        await server.expect_silence(0.1)
        await rig.mix("")

        assert await server.receive_exactly(10) == b"0123456789"


async def test_an_upload_that_fails_in_the_middle_is_answered_and_closed() -> None:
    """The backend has half of it, so nothing else can follow on this connection."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        begun = b"POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n01234"
        await client.send(begun)
        await server.receive_exactly(len(begun))
        await rig.fault("errors", kind="503")
        await client.send(b"56789")

        assert (await client.receive_all()).startswith(b"HTTP/1.1 503 ")
        await server.expect_eof()


# -- what nobody asked for --------------------------------------------------------------------


async def test_pushes_on_tcp_are_drawn_one_by_one() -> None:
    """After a silence what a backend says is an exchange of its own: each second one is late."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"subscribe")
        await server.receive_exactly(9)
        await server.send(b"yes")
        await client.receive_exactly(3)
        await rig.fault("delay", sleep=0.001, direction="downstream", every=2)
        for _ in range(4):
            await asyncio.sleep(SILENCE)
            await server.send(b"news")
            assert await client.receive_exactly(4) == b"news"

        assert rig.hits == {"delay": 2}
        assert [event.request for event in rig.events(Injected)] == ["push", "push"]


@asynccontextmanager
async def subscribed(**settings: Any) -> AsyncIterator[tuple[Rig, Peer, Peer]]:
    """A client that has subscribed in Redis's words and waits."""
    async with proxied(protocol="redis", **settings) as rig:
        client, server = await rig.pair()
        await client.send(SUBSCRIBE)
        await server.receive_exactly(len(SUBSCRIBE))
        await server.send(SUBSCRIBED)
        await client.receive_exactly(len(SUBSCRIBED))
        yield rig, client, server


async def push(server: Peer, client: Peer, numbers: range) -> None:
    """Send messages and receive each."""
    for number in numbers:
        await server.send(message(number))
        assert await client.receive_exactly(len(message(0))) == message(number)


async def test_messages_are_drawn_one_by_one() -> None:
    """Of 100 messages to a subscriber about a fifth is hit, and told as pushes."""
    async with subscribed() as (rig, client, server):
        await rig.mix("20:delay", delay={"sleep": 0.001, "direction": "downstream"})
        await push(server, client, range(100))

        assert 10 <= rig.hits["delay"] <= 32
        assert {event.request for event in rig.events(Injected)} == {"push"}


async def test_the_same_messages_are_hit_again() -> None:
    """Same seed, same traffic, same hits: however they come together, with requests between."""

    async def hit(at_once: int) -> list[str]:
        async with subscribed(seed=3) as (rig, client, server):
            await rig.mix(
                "30:delay", delay={"sleep": 0.001, "direction": "downstream", "jitter": 0.001}
            )
            for start in range(0, 20, at_once):
                numbers = range(start, start + at_once)
                await server.send(b"".join(map(message, numbers)))
                for number in numbers:
                    assert await client.receive_exactly(len(message(0))) == message(number)
                if start + at_once == 10:
                    await client.send(PONG[0])
                    await server.receive_exactly(len(PONG[0]))
                    await server.send(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")
                    await client.receive_exactly(20)
            return [f"{event.exchange} {event.what}" for event in rig.events(Injected)]

    first = await hit(1)
    assert len(first) > 2
    assert await hit(1) == first
    assert await hit(5) == first


async def test_a_held_message_keeps_its_place() -> None:
    """What comes while a hang holds a message comes after it when that is lifted."""
    async with subscribed() as (rig, client, server):
        await rig.fault("hang")
        for number in range(20):
            await server.send(message(number))
        await client.expect_silence(0.1)
        await rig.mix("")

        expected = b"".join(message(number) for number in range(20))
        assert await client.receive_exactly(len(expected)) == expected


async def test_errors_have_no_words_for_messages() -> None:
    """Nobody asked, so nobody is answered: they pass; the next request gets its error."""
    async with subscribed() as (rig, client, server):
        await rig.fault("errors", kind="loading")
        await push(server, client, range(3))
        await client.send(PONG[0])

        assert (await client.receive()).startswith(b"-LOADING ")


async def test_messages_count_to_max_hits_once_each() -> None:
    """With three hits at most the first three messages are hit, and no idle client uses any."""
    async with subscribed() as (rig, client, server):
        await rig.pairs(10)
        await rig.fault("delay", sleep=0.001, direction="downstream", max_hits=3)
        await push(server, client, range(10))

        assert rig.hits == {"delay": 3}


# -- what waits -------------------------------------------------------------------------------


async def test_a_request_that_waits_is_answered_with_an_error_at_once() -> None:
    """A blocked BLPOP gets its error; then both ends are closed, so nobody takes the element."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(BLPOP)
        await server.receive_exactly(len(BLPOP))
        await rig.fault("errors", kind="loading")

        answer = await client.receive_all()
        assert answer.startswith(b"-LOADING ")
        assert answer.count(b"\r\n") == 1
        await server.expect_eof()
        assert rig.hits == {"errors": 1}


async def test_a_request_that_cannot_be_taken_back_is_reset() -> None:
    """A transaction's command that waits: said to have failed, the server would run it later."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(b"MULTI\r\n")
        await server.receive_exactly(7)
        await server.send(b"+OK\r\n")
        await client.receive_exactly(5)
        await client.send(b"SET a 1\r\n")
        await server.receive_exactly(9)
        await rig.fault("errors", kind="loading")

        await client.expect_reset()
        await server.expect_reset()
        assert rig.hits == {"errors": 1}


@pytest.mark.parametrize("where", ["mix", "chain"])
async def test_a_request_that_waits_on_tcp_is_reset(where: str) -> None:
    """Where no words are known a request without a reply ends as errors do there."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"long poll")
        await server.receive_exactly(9)
        if where == "mix":
            await rig.fault("errors")
        else:
            await rig.chain("errors", direction="upstream")

        await client.expect_reset()
        assert rig.hits == {"errors": 1}


async def test_a_reply_that_comes_as_it_should_is_left_alone_by_errors() -> None:
    """A request that was sent just before the switch has its reply; the next one has the error."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(PONG[0])
        await server.receive_exactly(len(PONG[0]))
        await rig.fault("errors", kind="loading")
        await server.send(PONG[1])
        assert await client.receive_exactly(len(PONG[1])) == PONG[1]
        await client.send(PONG[0])

        assert (await client.receive()).startswith(b"-LOADING ")
        assert rig.hits == {"errors": 1}


async def test_a_reply_that_waits_behind_others_is_answered_in_its_turn() -> None:
    """An error for the second of two requests comes after the first one's own reply."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(BLPOP)
        await client.send(BLPOP)
        await server.receive_exactly(2 * len(BLPOP))
        await rig.fault("errors", kind="loading", every=2)
        await client.expect_silence(SILENCE)
        await server.send(b"*-1\r\n")

        answer = await client.receive_all()
        assert answer.startswith(b"*-1\r\n-LOADING ")
        assert answer.count(b"\r\n") == 2


async def test_what_a_hang_holds_is_answered_when_errors_take_its_place() -> None:
    """The backend never sees the request, and the connection works on."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.fault("hang")
        await client.send(PONG[0])
        await eventually(lambda: rig.hits == {"hang": 1})
        await rig.fault("errors", kind="loading")
        assert (await client.receive()).startswith(b"-LOADING ")
        await server.expect_silence(0.05)
        await rig.mix("")
        await client.send(PONG[0])

        assert await server.receive_exactly(len(PONG[0])) == PONG[0]


# -- one rule for weights ---------------------------------------------------------------------


@pytest.mark.parametrize("draw", ["request", "connection"])
async def test_weights_read_the_same_roll_anew(draw: str) -> None:
    """Of 40 requests that wait, those held at 30 % are held at 60 % too, and none at 0 %."""
    async with proxied(draw=draw) as rig:
        pairs = await rig.pairs(40)

        async def held(mix: str) -> set[int]:
            await rig.mix(mix, delay={"sleep": 60, "direction": "downstream"})
            passed = set()
            for _, server in pairs:
                await server.send(b"x")
            await asyncio.sleep(0.1)
            for view in rig.supervisor.connections():
                if not view.held:
                    passed.add(view.id)
            return {view.id for view in rig.supervisor.connections()} - passed

        for client, server in pairs:
            await client.send(b"?")
            await server.receive_exactly(1)
        few, more = await held("30:delay"), await held("60:delay")

        assert 4 <= len(few) < len(more) <= 34
        assert few < more
        assert await held("") == set()
        assert await held("30:delay") == few


async def test_a_change_of_weights_counts_no_request_twice() -> None:
    """However often weights change meanwhile, each of ten requests is one draw and one hit."""
    async with proxied() as rig, echoing(rig):
        await rig.mix("99:delay,1:hang", delay={"sleep": 0.02, "every": 2})
        client = await rig.connect()
        for _ in range(10):
            asked = asyncio.ensure_future(ping(client))
            for weight in (98, 99) * 5:
                await rig.supervisor.set_weights(None, {"delay": weight}, ACTOR)
                await asyncio.sleep(0)
            await asked

        assert [event.exchange for event in rig.events(Injected)] == [2, 4, 6, 8, 10]


@pytest.mark.parametrize("where", ["mix", "chain"])
async def test_idle_connections_use_up_no_hits(where: str) -> None:
    """Twenty idle connections are open when one hit is armed: the one that is used is hit."""
    async with proxied() as rig, echoing(rig):
        clients = [await rig.connect() for _ in range(20)]
        for client in clients:
            await ping(client)
        if where == "mix":
            await rig.fault("delay", sleep=0.001, max_hits=1)
        else:
            await rig.chain("delay", direction="upstream", sleep=0.001, max_hits=1)
        await ping(clients[7])

        assert [event.connection for event in rig.events(Injected)] == [8]


async def test_the_fin_of_an_idle_connection_is_acted_on() -> None:
    """A late close is late on connections that were idle when it was switched on."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"?")
        await server.receive_exactly(1)
        await server.send(b"!")
        await client.receive_exactly(1)
        await rig.fault("slow_close", delay=60)
        client.half_close()
        await server.expect_silence(0.1)
        await rig.mix("")

        await server.expect_eof()
