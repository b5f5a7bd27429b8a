"""Exchanges of a protocol whose replies come in any order: LDAP, by message ids."""

from __future__ import annotations

import time
from typing import Any

from chaostui.events import Exchanged, Injected
from tests.engine.rig import Rig, proxied
from tests.tcp import Peer
from tests.wait import eventually


def message(number: int, tag: int, contents: bytes) -> bytes:
    """An LDAP message (RFC 4511 section 5.1) of less than 128 bytes."""
    operation = bytes((tag, len(contents))) + contents
    return bytes((0x30, len(operation) + 3, 2, 1, number)) + operation


def search(number: int) -> bytes:
    """A search below ``o=<number>``."""
    return message(number, 0x63, b"\x04\x03o=%d" % number + b"\x0a\1\2\x0a\1\0\2\1\0\2\1\0\1\1\0")


def entry(number: int, size: int = 20) -> bytes:
    """An entry that was found."""
    return message(number, 0x64, b"\x04\x04cn=a\x30" + bytes((size,)) + b"x" * size)


def done(number: int, code: int = 0) -> bytes:
    """The result of a search."""
    return message(number, 0x65, b"\x0a\1" + bytes((code,)) + b"\4\0\4\0")


BUSY = message(
    2, 0x65, b"\x0a\1\x33\4\0\4\x16the server is too busy"
)  # what errors answer to the search with the id 2


async def asked(rig: Rig, *numbers: int) -> tuple[Peer, Peer]:
    """A connection with so many searches on their way at once."""
    client, server = await rig.pair()
    await send(client, server, *numbers)
    return client, server


async def send(client: Peer, server: Peer, *numbers: int) -> None:
    """Have searches arrive."""
    searches = b"".join(map(search, numbers))
    await client.send(searches)
    assert await server.receive_exactly(len(searches)) == searches


async def answer(client: Peer, server: Peer, *replies: bytes) -> None:
    """Have replies arrive."""
    for reply in replies:
        await server.send(reply)
        assert await client.receive_exactly(len(reply)) == reply


def ldap(**settings: Any) -> Any:
    """A proxy for LDAP."""
    return proxied(protocol="ldap", **settings)


async def test_each_reply_ends_its_own_exchange() -> None:
    """Answered 2, 3, 1: so they are told, each by its own name and with its own latency."""
    async with ldap() as rig:
        rig.supervisor.bus.exchanges_wanted += 1
        client, server = await asked(rig, 1)
        await client.expect_silence(0.08)
        await send(client, server, 2, 3)
        await answer(client, server, done(2), done(3), done(1))
        await eventually(lambda: len(rig.events(Exchanged)) == 3)

    told = rig.events(Exchanged)
    assert [event.request for event in told] == ["SEARCH o=2", "SEARCH o=3", "SEARCH o=1"]
    assert [event.exchange for event in told] == [2, 3, 1]
    assert told[2].seconds - told[0].seconds >= 0.05
    assert rig.stats.latency.count == 3


async def test_a_fault_hits_the_reply_to_its_request() -> None:
    """The first search's reply is cut; that of the second comes before it, whole."""
    async with ldap() as rig:
        await rig.fault("abort", match={"key": "o=1"})
        client, server = await asked(rig, 1, 2)
        await answer(client, server, entry(2), done(2))
        await server.send(done(1))

        await client.expect_reset()
        assert [event.request for event in rig.events(Injected)] == ["SEARCH o=1"]


async def test_a_reply_among_others_is_hit_at_its_begin() -> None:
    """Entries of two searches alternate: only the hit one's first byte ends the connection."""
    async with ldap() as rig:
        client, server = await asked(rig, 1)
        await rig.fault("abort", match={"key": "o=2"})
        await send(client, server, 2)
        await answer(client, server, entry(1), entry(1))
        await server.send(entry(1) + entry(2))

        assert await client.expect_reset() == entry(1)
        assert [event.request for event in rig.events(Injected)] == ["SEARCH o=2"]


async def test_an_error_does_not_wait_for_earlier_replies() -> None:
    """The second search is answered here at once, the first whenever the server does."""
    async with ldap() as rig:
        await rig.fault("errors", kind="busy", match={"key": "o=2"})
        client, server = await asked(rig, 1)
        await client.send(search(2))
        assert await client.receive_exactly(len(BUSY)) == BUSY
        await answer(client, server, entry(1), done(1))
        await send(client, server, 3)
        await answer(client, server, done(3))

        assert rig.hits == {"errors": 1}
        assert rig.stats.latency.count == 3


async def test_an_error_does_not_break_a_message_under_way() -> None:
    """It comes after the entry of which half has passed, before the search's other ones."""
    async with ldap() as rig:
        await rig.fault("errors", kind="busy", match={"key": "o=2"})
        client, server = await asked(rig, 1)
        long = b"\x30\x82\x01\xf4" + b"\2\1\1" + b"\x64\x82\x01\xed" + b"x" * 493
        await answer(client, server, entry(1), long[:300])
        await client.send(search(2))
        await eventually(lambda: rig.hits.get("errors"))
        await client.expect_silence(0.03)
        await server.send(long[300:])
        expected = long[300:] + BUSY
        assert await client.receive_exactly(len(expected)) == expected
        await answer(client, server, done(1))

        assert rig.stats.latency.count == 2


async def test_a_notice_ends_the_connection_without_earlier_replies() -> None:
    """A server that says good-bye answers nothing more."""
    async with ldap() as rig:
        await rig.fault("errors", kind="disconnect", match={"key": "o=2"})
        client, _ = await asked(rig, 1)
        await client.send(search(2))

        assert (await client.receive_all()).endswith(b"1.3.6.1.4.1.1466.20036")


async def test_an_abandoned_search_ends_with_what_comes_next() -> None:
    """It has no latency of its own, and the live view forgets it."""
    async with ldap() as rig:
        rig.supervisor.bus.exchanges_wanted += 1
        client, server = await asked(rig, 1, 2)
        abandon = message(3, 0x50, b"\1")
        await client.send(abandon)
        assert await server.receive_exactly(len(abandon)) == abandon
        await answer(client, server, done(2))
        await eventually(lambda: len(rig.events(Exchanged)) == 3)

        told = [(event.request, event.seconds > 0) for event in rig.events(Exchanged)]
        assert told == [("ABANDON", False), ("SEARCH o=1", False), ("SEARCH o=2", True)]
        assert rig.stats.latency.count == 1


async def test_a_slow_reply_holds_back_what_comes_after_it() -> None:
    """A delay of the first reply keeps the order in which the server has answered."""
    async with ldap() as rig:
        await rig.fault("delay", sleep=0.1, direction="downstream", match={"key": "o=2"})
        client, server = await asked(rig, 1, 2)
        began = time.monotonic()
        await answer(client, server, done(2) + done(1))

        assert time.monotonic() - began >= 0.099
        assert [event.request for event in rig.events(Injected)] == ["SEARCH o=2"]
