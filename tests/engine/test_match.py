"""Faults for certain requests only, on live connections."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from chaostui.events import Injected
from chaostui.settings import ChainEntry
from tests.engine.rig import ACTOR, Rig, proxied
from tests.tcp import Peer

MIX, CHAIN = "mix", "chain"

GET, SET, OTHER = b"GET a\r\n", b"SET user:1 x\r\n", b"SET b x\r\n"
TWO = {"kind": "err", "match": {"command": "SET", "key": "user:*"}}
ERROR, OK = b"-ERR internal error\r\n", b"+OK\r\n"


def redis(where: str, options: dict[str, Any], **settings: Any) -> AbstractAsyncContextManager[Rig]:
    """A proxy for Redis with errors in its mix, or in its chain."""
    if where == CHAIN:
        entry = ChainEntry(handler="errors", direction="both", options=options)
        return proxied(protocol="redis", chain=(entry,), **settings)
    return proxied(protocol="redis", behavior="errors", handler={"errors": options}, **settings)


async def ask(client: Peer, server: Peer, *requests: bytes) -> list[bool]:
    """Send requests, one after the other; say of each whether it got an error."""
    failed = []
    for request in requests:
        await client.send(request)
        failed.append(await answer(client, server, request) == ERROR)
    return failed


async def answer(client: Peer, server: Peer, request: bytes) -> bytes:
    """What the client gets, when the server answers all that reaches it."""
    loop = asyncio.get_running_loop()
    reached = loop.create_task(server.receive_exactly(len(request)))
    answered = loop.create_task(client.receive_exactly(1))
    done, _ = await asyncio.wait({reached, answered}, return_when=asyncio.FIRST_COMPLETED)
    if reached in done:
        assert reached.result() == request
        await server.send(OK)
    else:
        reached.cancel()
    begin = await answered
    whole = ERROR if begin == ERROR[:1] else OK
    return begin + await client.receive_exactly(len(whole) - 1)


@pytest.mark.parametrize("draw", ["request", "connection"])
@pytest.mark.parametrize("where", [MIX, CHAIN])
async def test_only_matching_requests_are_hit(where: str, draw: str) -> None:
    """Of GET and SET, first or later on a connection, SETs of a user's key fail."""
    async with redis(where, TWO, draw=draw) as rig:
        client, server = await rig.pair()
        assert await ask(client, server, SET, GET, OTHER, SET, GET) == [
            True, False, False, True, False,
        ]  # fmt: skip
        client, server = await rig.pair()
        assert await ask(client, server, GET, SET, SET) == [False, True, True]
        assert rig.hits == {"errors": 4}


@pytest.mark.parametrize("where", [MIX, CHAIN])
async def test_pipelined_requests_match_each_for_itself(where: str) -> None:
    """Three requests in one segment: the second is answered here, the others by the server."""
    async with redis(where, TWO) as rig:
        client, server = await rig.pair()
        await client.send(GET + SET + OTHER)
        assert await server.receive_exactly(len(GET + OTHER)) == GET + OTHER
        await server.send(OK)
        assert await client.receive_exactly(len(OK + ERROR)) == OK + ERROR
        await server.send(OK)
        assert await client.receive_exactly(len(OK)) == OK


@pytest.mark.parametrize("where", [MIX, CHAIN])
@pytest.mark.parametrize(
    ("limits", "failed"),
    [
        ({"max_hits": 1}, [False, True, False, False]),
        ({"first": 2}, [False, True, True, False]),
        ({"every": 2}, [False, False, True, False]),
    ],
)
async def test_only_matching_requests_count(
    where: str, limits: dict[str, Any], failed: list[bool]
) -> None:
    """``first``, ``every`` and ``max_hits`` do not count a GET, nor connecting."""
    async with redis(where, {**TWO, **limits}) as rig:
        client, server = await rig.pair()
        assert await ask(client, server, GET, SET) == failed[:2]
        client, server = await rig.pair()
        assert await ask(client, server, SET, SET) == failed[2:]


async def test_replies_are_acted_on_by_what_was_asked() -> None:
    """A chain entry for SETs spoils the reply of the SET, not the one of the GET behind it."""
    async with proxied(protocol="redis") as rig:
        await rig.chain("truncate", bytes=2, match={"command": "SET"})
        client, server = await rig.pair()
        await client.send(GET + SET)
        await server.receive_exactly(len(GET + SET))
        await server.send(b"$1\r\na\r\n" + OK)
        assert await client.receive_all() == b"$1\r\na\r\n" + OK[:2]


async def test_a_client_matches_from_the_start() -> None:
    """A match on the client alone holds at open, on plain tcp too."""
    async with proxied() as rig:
        await rig.fault("blackout", match={"client": "10.0.0.0/8"})
        client, server = await rig.pair()
        await client.send(b"ping")
        assert await server.receive() == b"ping"
        await rig.fault("blackout", match={"client": "127.0.0.0/8"})
        assert await (await rig.connect()).receive() == b""


async def test_plain_tcp_has_no_requests_to_match() -> None:
    """Where nothing is known of a request, a match on its command never fits."""
    async with proxied() as rig:
        await rig.fault("blackout", match={"command": "*"})
        client, server = await rig.pair()
        await client.send(GET)
        assert await server.receive() == GET
        await server.send(OK)
        assert await client.receive() == OK
        assert rig.hits == {}


async def test_a_pinned_handler_matches_too() -> None:
    """Pinned to a connection, it still is for the requests it is for."""
    async with proxied(protocol="redis", handler={"errors": TWO}) as rig:
        client, server = await rig.pair()
        await rig.supervisor.pin(rig.only.id, "errors", ACTOR)
        assert await ask(client, server, GET, SET) == [False, True]


async def test_a_match_can_be_changed_and_taken_away() -> None:
    """It acts from the next request on."""
    async with proxied(protocol="redis") as rig:
        await rig.fault("errors", **TWO)
        client, server = await rig.pair()
        assert await ask(client, server, GET) == [False]
        await set_match(rig, "command=GET")
        assert await ask(client, server, GET, SET) == [True, False]
        await set_match(rig, None)
        assert await ask(client, server, GET, SET) == [True, True]


async def set_match(rig: Rig, match: str | None) -> None:
    """Change the match of ``errors``."""
    await rig.supervisor.set_options(None, "errors", {"match": match}, ACTOR)


async def test_the_event_names_the_request() -> None:
    """A hit tells which request it was."""
    async with redis(MIX, TWO) as rig:
        client, server = await rig.pair()
        await ask(client, server, GET, SET)
        assert [event.request for event in rig.events(Injected)] == ["SET user:1"]


async def test_statements_match_by_their_text() -> None:
    """A prepared statement's text is known when it runs."""
    start = b"\0\0\0\x10\0\3\0\0user\0a\0\0"
    handler = {"errors": {"kind": "deadlock", "match": {"query": "^commit"}}}
    async with proxied(protocol="postgres", behavior="errors", handler=handler) as rig:
        client, server = await rig.pair()
        await client.send(start)
        await server.receive_exactly(len(start))
        await server.send(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\5I")
        await client.receive_exactly(15)
        query = b"select 'commit'\0"
        plain = b"Q" + (len(query) + 4).to_bytes(4) + query
        await client.send(plain)
        assert await server.receive_exactly(len(plain)) == plain
        await server.send(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I")
        await client.receive_exactly(20)
        await client.send(b"Q\0\0\0\x0bCOMMIT\0")
        assert b"40P01" in await client.receive()
