"""Users' own functions, as Vaurien called them: coroutines on the loop, plain ones in threads."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
import threading
import time
from typing import Any

import pytest

from chaostui.events import Closed, Injected
from tests.engine.rig import ACTOR, catalog, digest_all, echoing, fill, ping, proxied
from tests.wait import SLACK, eventually


async def loud(
    source: Any, dest: Any, to_backend: bool, name: str, settings: dict[str, Any], server: Any
) -> None:
    """Requests in capitals, replies as they are."""
    data = await source.recv()
    await dest.sendall(data.upper() if to_backend else data)


def loud_thread(
    source: Any, dest: Any, to_backend: bool, name: str, settings: dict[str, Any], server: Any
) -> None:
    """The same without a loop."""
    data = server.get_data(source)
    dest.sendall(data.upper() if to_backend else data)


def article(
    source: Any, dest: Any, to_backend: bool, name: str, settings: dict[str, Any], proxy: Any
) -> None:
    """The delay that Vaurien's announcement prints."""
    if to_backend:
        time.sleep(settings.get("sleep", 1))

    dest.sendall(proxy.get_data(source))


BOTH = pytest.mark.parametrize("function", [loud, loud_thread])


@BOTH
async def test_a_function_changes_what_passes(function: Any) -> None:
    """Each way is the function's: requests become loud, replies stay as they are."""
    async with proxied(known=catalog(own=function), behavior="own") as rig:
        client, server = await rig.pair()
        for number in range(5):
            await client.send(b"quiet %d" % number)
            assert await server.receive_exactly(7) == b"QUIET %d" % number
            await server.send(b"answer")
            assert await client.receive_exactly(6) == b"answer"
        client.half_close()
        await server.expect_eof()
        server.half_close()
        await client.expect_eof()

        assert rig.hits == {"own": 5}


@BOTH
async def test_a_long_stream_through_a_function_is_whole(function: Any) -> None:
    """4 MiB each way, in pieces of any size, in order, then both ends."""
    async with proxied(known=catalog(own=function), behavior="own") as rig:
        client, server = await rig.pair()
        sent = b"0123456789abcdef" * 262_144

        async def send(peer: Any) -> None:
            await asyncio.get_running_loop().sock_sendall(peer.sock, sent)
            peer.half_close()

        _, _, up, down = await asyncio.gather(
            send(client), send(server), server.receive_all(), client.receive_all()
        )
        assert up == sent.upper()
        assert down == sent


async def test_the_articles_delay_delays_its_own_connection_alone() -> None:
    """A thread that sleeps holds up neither other connections nor other proxies."""
    async with proxied(known=catalog(slow=article)) as rig, echoing(rig):
        await rig.add("quick")
        await rig.fault("slow", sleep=1)
        clients = [await rig.connect() for _ in range(40)]
        quick = await rig.connect("quick")
        asked = [asyncio.ensure_future(ping(client)) for client in clients]
        await eventually(lambda: rig.hits.get("slow") == 40)
        times = [await ping(quick) for _ in range(20)]

        assert max(times) < SLACK
        took = await asyncio.gather(*asked)
        assert min(took) >= 0.99
        assert max(took) < 2


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_a_function_that_raises_ends_its_own_connection(kind: str) -> None:
    """G01: the connection is reset and the failure counted; others are served."""

    async def bad(source: Any, *_: Any) -> None:
        raise ValueError("no good")

    def bad_thread(source: Any, *_: Any) -> None:
        raise ValueError("no good")

    known = catalog(own=bad if kind == "async" else bad_thread)
    async with proxied(known=known, behavior="own") as rig, echoing(rig):
        await rig.add("other")
        other = await rig.connect("other")
        for _ in range(20):
            client = await rig.connect()
            await client.send(b"hello")
            await client.expect_reset()
            await ping(other)
        await eventually(lambda: len(rig.events(Closed)) == 20)

        assert rig.stats.handler_failures == 20
        assert {event.reason for event in rig.events(Closed)} == {"handler failed"}


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_a_function_that_exits_ends_its_own_connection(kind: str) -> None:
    """``sys.exit`` in a user's function does not end the engine."""

    async def leave(*_: Any) -> None:
        sys.exit(3)

    def leave_thread(*_: Any) -> None:
        sys.exit(3)

    async with proxied(known=catalog(own=leave if kind == "async" else leave_thread)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"hello")
        await client.expect_reset()
        await server.expect_reset()

        assert rig.stats.handler_failures == 1


async def test_a_function_that_cancels_itself_ends_its_own_connection() -> None:
    """A CancelledError out of a user's function is a failure like any other."""

    async def cancelled(*_: Any) -> None:
        raise asyncio.CancelledError

    async with proxied(known=catalog(own=cancelled), behavior="own") as rig:
        client = await rig.connect()
        await client.send(b"hello")
        await client.expect_reset()

        assert rig.stats.handler_failures == 1


async def test_a_function_that_sends_text_is_told_what_it_did() -> None:
    """G04: sendall takes bytes; anything else fails the connection."""

    async def wrong(source: Any, dest: Any, *_: Any) -> None:
        await dest.sendall("text")

    async with proxied(known=catalog(own=wrong), behavior="own") as rig:
        client = await rig.connect()
        await client.send(b"hello")
        await client.expect_reset()

        assert rig.stats.handler_failures == 1


async def test_a_function_knows_what_it_was_given() -> None:
    """Direction, name, its settings and the proxy's, and a log of its own."""
    seen: list[tuple[Any, ...]] = []

    async def curious(
        source: Any, dest: Any, to_backend: bool, name: str, settings: Any, server: Any
    ) -> None:
        seen.append((to_backend, name, settings, server.settings["name"], server.log.name))
        await dest.sendall(await server.get_data(source))

    handler = {"own": {"words": ["a", "b"], "limit": 3}}
    async with (
        proxied(known=catalog(own=curious), behavior="own", handler=handler) as rig,
        echoing(rig),
    ):
        await ping(await rig.connect())

    settings = {"words": ["a", "b"], "limit": 3}
    log = "chaostui.handler.own"
    assert seen == [(True, "own", settings, "a", log), (False, "own", settings, "a", log)]


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_a_function_may_read_the_reply_itself(kind: str) -> None:
    """It asks the backend, reads the answer from ``dest`` and sends its own to the client."""

    async def both(source: Any, dest: Any, *_: Any) -> None:
        await dest.sendall(await source.recv())
        await source.sendall(b"<" + await dest.recv() + b">")

    def both_thread(source: Any, dest: Any, *_: Any) -> None:
        dest.sendall(source.recv())
        source.sendall(b"<" + dest.recv() + b">")

    known = catalog(own=both if kind == "async" else both_thread)
    async with proxied(known=known) as rig, echoing(rig):
        await rig.chain("own", direction="upstream")
        client = await rig.connect()
        for _ in range(5):
            await client.send(b"ping")
            assert await client.receive_exactly(6) == b"<ping>"


async def test_a_reply_waits_while_a_function_could_read_it() -> None:
    """The two sides are dealt with in turn: what the function leaves unread passes after it."""

    async def slow(source: Any, dest: Any, *_: Any) -> None:
        await dest.sendall(await source.recv())
        await source.sendall(b"first ")
        await asyncio.sleep(0.1)
        await source.sendall(b"second ")

    async with proxied(known=catalog(own=slow)) as rig:
        client, server = await rig.pair()
        await rig.chain("own", direction="upstream")
        await client.send(b"request")
        assert await server.receive_exactly(7) == b"request"
        await server.send(b"third")
        server.half_close()

        assert await client.receive_all() == b"first second third"


async def test_a_function_may_be_one_loop_for_the_whole_connection() -> None:
    """A loop that reads until ``b""`` does not hold up replies, and ends when switched off."""
    ended = asyncio.Event()

    async def stream(source: Any, dest: Any, *_: Any) -> None:
        while data := await source.recv():
            await dest.sendall(data.upper())
        ended.set()

    async with proxied(known=catalog(own=stream)) as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        name = await rig.chain("own", direction="upstream")
        for _ in range(3):
            await client.send(b"ping")
            assert await client.receive_exactly(4) == b"PING"
        await rig.supervisor.remove_chain(None, name, ACTOR)
        await asyncio.wait_for(ended.wait(), 2)

        await ping(client)


@pytest.mark.parametrize("what", ["close", "reset"])
@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_a_function_may_end_the_connection(what: str, kind: str) -> None:
    """What it sent before arrives; then both sides see a FIN or a RST."""

    async def end(source: Any, dest: Any, *_: Any) -> None:
        await source.sendall(b"bye")
        await getattr(source, what)()

    def end_thread(source: Any, dest: Any, *_: Any) -> None:
        source.sendall(b"bye")
        getattr(source, what)()

    async with proxied(known=catalog(own=end if kind == "async" else end_thread)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"hello")
        if what == "close":
            assert await client.receive_all() == b"bye"
            await server.expect_eof()
        else:
            assert await client.expect_reset() == b"bye"
            await server.expect_reset()
        await rig.empty()


async def test_a_function_that_reads_nothing_is_asked_again_when_more_comes() -> None:
    """What it left is there the next time, with what came since."""
    calls = 0

    async def patient(source: Any, dest: Any, *_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            await dest.sendall(await source.recv())

    async with proxied(known=catalog(own=patient)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        for part in (b"one ", b"two ", b"three"):
            before = calls
            await client.send(part)
            await eventually(lambda: calls == before + 1)  # noqa: B023 (asked at once)

        assert await server.receive_exactly(13) == b"one two three"
        assert calls == 3


async def test_a_function_that_reads_a_little_is_called_until_all_is_read() -> None:
    """Two bytes a call."""

    async def sip(source: Any, dest: Any, *_: Any) -> None:
        await dest.sendall(b"[" + await source.recv(2) + b"]")

    async with proxied(known=catalog(own=sip)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"abcde")

        assert await server.receive_exactly(11) == b"[ab][cd][e]"


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_what_a_function_left_unread_goes_on_when_it_is_switched_off(kind: str) -> None:
    """A function that only hangs heals as the built-in hang does."""

    async def hang(*_: Any) -> None:
        return None

    def hang_thread(*_: Any) -> None:
        return None

    known = catalog(own=hang if kind == "async" else hang_thread)
    async with proxied(known=known) as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        await rig.mix("own")
        asked = asyncio.ensure_future(ping(client))
        await eventually(lambda: rig.hits.get("own"))
        await asyncio.sleep(0.02)
        assert not asked.done()
        await rig.mix("")

        await asked
        await ping(client, b"again")


async def test_a_function_that_is_switched_off_while_it_sleeps_is_not_called_again() -> None:
    """The call under way ends as it would; what came meanwhile passes untouched, in order."""

    async with proxied(known=catalog(slow=article)) as rig:
        client, server = await rig.pair()
        await rig.fault("slow", sleep=0.2)
        await client.send(b"first ")
        await eventually(lambda: rig.hits.get("slow"))
        await rig.mix("")
        await client.send(b"second ")
        await client.send(b"third")

        assert await server.receive_exactly(18) == b"first second third"
        await server.send(b"reply")
        assert await client.receive_exactly(5) == b"reply"


async def test_a_client_that_leaves_while_a_thread_sleeps_leaves_nothing() -> None:
    """The connection is gone at once, the thread when it wakes."""
    begun, ended = threading.Event(), threading.Event()

    def sleepy(source: Any, dest: Any, *_: Any) -> None:
        begun.set()
        time.sleep(0.3)
        try:
            dest.sendall(source.recv())
        finally:
            ended.set()

    async with proxied(known=catalog(own=sleepy)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"hello")
        await eventually(begun.is_set)
        client.reset()
        await server.expect_reset()
        await rig.empty()
        assert await asyncio.to_thread(ended.wait, 3)

        assert rig.stats.handler_failures == 0


async def test_a_function_that_sends_faster_than_the_client_reads_has_to_wait() -> None:
    """``sendall`` waits for a reader that is slow: memory stays bounded."""
    sent = 0

    async def flood(source: Any, dest: Any, *_: Any) -> None:
        nonlocal sent
        await source.recv()
        while sent < 64 << 20:
            await source.sendall(bytes(65_536))
            sent += 65_536
            await asyncio.sleep(0)

    async with proxied(known=catalog(own=flood)) as rig:
        client, _ = await rig.pair(receive_buffer=4096)
        await rig.mix("own")
        await client.send(b"more")
        await eventually(lambda: sent > 0)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)

        assert sent < 32 << 20


async def test_replies_that_a_function_does_not_read_stop_the_backend() -> None:
    """What comes from ``dest`` while the function is busy elsewhere is bounded."""
    wake = asyncio.Event()

    async def busy(source: Any, dest: Any, *_: Any) -> None:
        await dest.sendall(await source.recv())
        await source.sendall(await dest.recv(1))
        await wake.wait()

    async with proxied(known=catalog(own=busy)) as rig:
        client, server = await rig.pair()
        await rig.chain("own", direction="upstream")
        await client.send(b"more")
        await server.receive_exactly(4)
        await server.send(b"!")
        assert await client.receive_exactly(1) == b"!"
        sent = await fill(server)
        assert rig.only.downstream < 2 << 20
        wake.set()
        server.half_close()

        assert await client.receive_all() == sent


async def test_pinning_a_function_calls_it_for_one_connection() -> None:
    """A pin takes users' functions too."""
    async with proxied(known=catalog(own=loud)) as rig:
        (one, server), (other, across) = await rig.pairs(2)
        await rig.supervisor.pin(1, "own", ACTOR)
        await one.send(b"a")
        await other.send(b"b")

        assert await server.receive_exactly(1) == b"A"
        assert await across.receive_exactly(1) == b"b"
        assert [event.connection for event in rig.events(Injected)] == [1]


async def test_a_digest_survives_a_function_that_comes_and_goes() -> None:
    """Switched on and off 60 times during a stream, a function that passes on loses nothing."""

    async def passing(source: Any, dest: Any, *_: Any) -> None:
        data = await source.recv()
        await asyncio.sleep(0)
        await dest.sendall(data)

    async with proxied(known=catalog(own=passing)) as rig:
        client, server = await rig.pair()
        await client.send(b"!")
        await server.receive_exactly(1)
        done = False

        async def send() -> str:
            dice, digest = random.Random(0), hashlib.sha256()
            while not done:
                piece = dice.randbytes(dice.randint(1, 60_000))
                digest.update(piece)
                await client.send(piece)
            client.half_close()
            return digest.hexdigest()

        sending, getting = asyncio.ensure_future(send()), asyncio.ensure_future(digest_all(server))
        for _ in range(60):
            name = await rig.chain("own", direction="upstream")
            await asyncio.sleep(0.002)
            await rig.supervisor.remove_chain(None, name, ACTOR)
            await asyncio.sleep(0.002)
        done = True

        assert await getting == await sending


async def sip(source: Any, dest: Any, *_: Any) -> None:
    """Take a moment for each piece, and mark it."""
    data = await source.recv()
    await asyncio.sleep(0.002)
    await dest.sendall(b"[" + data + b"]")


async def test_bytes_that_waited_for_a_hang_come_before_those_that_follow() -> None:
    """What stands in line goes to the function first, then what comes meanwhile."""
    async with proxied(known=catalog(own=sip)) as rig:
        client, server = await rig.pair()
        hang = await rig.chain("hang", direction="upstream")
        await rig.chain("own", direction="upstream")
        for number in range(20):
            await client.send(b"%02d" % number)
            await eventually(lambda: rig.only.upstream == 2 * number + 2)  # noqa: B023
        await rig.supervisor.remove_chain(None, hang, ACTOR)
        for number in range(20, 40):
            await client.send(b"%02d" % number)
            await asyncio.sleep(0.001)
        client.half_close()

        marked = await server.receive_all()
        assert marked.translate(None, b"[]") == b"".join(b"%02d" % n for n in range(40))


async def test_pieces_of_an_earlier_handler_come_to_a_function_one_by_one() -> None:
    """Slices of two bytes, each a call of its own, in their order."""
    async with proxied(known=catalog(own=sip)) as rig:
        client, server = await rig.pair()
        await rig.chain("slice", direction="upstream", size=2)
        await rig.chain("own", direction="upstream")
        await client.send(b"abcdefgh")

        assert await server.receive_exactly(16) == b"[ab][cd][ef][gh]"


async def test_a_function_behind_a_wait_that_is_switched_off_loses_nothing() -> None:
    """Throttle and function go at the same moment: what waited for both passes untouched."""
    async with proxied(known=catalog(own=loud)) as rig:
        client, server = await rig.pair()
        await rig.chain("throttle", direction="upstream", rate=1)
        await rig.chain("own", direction="upstream")
        await client.send(b"x" * 1000)
        await eventually(lambda: rig.hits.get("throttle"))
        await rig.supervisor.reset(ACTOR)

        assert (await server.receive_exactly(1000)).lower() == b"x" * 1000


async def test_a_loop_of_one_exchange_ends_when_the_next_begins() -> None:
    """A function drawn for one request does not get, nor hold up, the request after it."""

    async def forever(source: Any, dest: Any, *_: Any) -> None:
        while data := await source.recv():
            await dest.sendall(data.upper())

    async with proxied(known=catalog(own=forever), protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.fault("own", max_hits=1)
        await client.send(b"ping a\r\n")
        assert await server.receive_exactly(8) == b"PING A\r\n"
        await client.send(b"ping b\r\n")

        assert await server.receive_exactly(8) == b"ping b\r\n"


async def test_requests_that_a_function_did_not_read_stay_requests() -> None:
    """What came while a function held the other way is met by handlers one request at a time."""
    reading = asyncio.Event()

    async def slow(source: Any, dest: Any, *_: Any) -> None:
        await dest.sendall(await source.recv())  # from now on requests may be its business
        await reading.wait()

    known = catalog(slow=slow)
    async with proxied(known=known, protocol="redis") as rig:
        client, server = await rig.pair()
        await rig.chain("slow", direction="downstream")
        await client.send(b"PING\r\n")
        assert await server.receive_exactly(6) == b"PING\r\n"
        await server.send(b"+PONG\r\n")
        assert await client.receive_exactly(7) == b"+PONG\r\n"
        await rig.fault("errors", kind="loading")
        await client.send(b"GET a\r\n")
        await eventually(lambda: rig.only.exchanges == 2)
        await client.send(b"GET b\r\nGET c\r\n")
        await eventually(lambda: rig.only.exchanges == 4)
        reading.set()

        error = b"-LOADING Redis is loading the dataset in memory\r\n"
        assert await client.receive_exactly(3 * len(error)) == 3 * error
        assert rig.hits["errors"] == 3
