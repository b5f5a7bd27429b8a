"""Connections whose bytes are not read: by intention or not, no fault passes them silently."""

from __future__ import annotations

import pytest

from chaostui import registry
from chaostui.events import Closed, Injected, Warned
from tests.engine.rig import proxied
from tests.wait import eventually

PROTOCOLS = sorted(
    name for name, protocol in registry.builtin().protocols.items() if protocol.framed
)

JUNK = b"\xff\xfe\x00\x01not of this protocol\r\n\r\n"
HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


@pytest.mark.parametrize("handler", ["errors", "transient"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_error_resets_what_cannot_be_read(protocol: str, handler: str) -> None:
    """Bytes without sense in their protocol meet a fault of 100 % as they would on plain tcp."""
    options = {"agitate": 1000} if handler == "transient" else {}
    async with proxied(protocol=protocol) as rig:
        client, server = await rig.pair()
        await rig.fault(handler, **options)
        await client.send(JUNK)

        await client.expect_reset()
        await server.expect_reset()
        assert rig.hits == {handler: 1}
        assert (rig.stats.desyncs, rig.stats.opaque) == (1, 0)
        [hit] = rig.events(Injected)
        assert hit.what.startswith("reset, not readable: ")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("protocol", "data"),
    [
        ("http", b"GET / HTT"),
        ("redis", b"*2\r\n$3\r\nGE"),
        ("memcached", b"get k"),
        ("smtp", b"MAIL"),
        ("ldap", b"0\x10"),
        ("postgres", b"\0\0\0\x10\0\3"),
        ("mysql", b"\x10"),
    ],
)
async def test_a_request_that_breaks_off_is_reset(protocol: str, data: bytes, before: bool) -> None:
    """A beginning and a FIN: no more will come that could be answered."""
    async with proxied(protocol=protocol) as rig:
        if before:
            await rig.fault("transient", agitate=1000)
        client, server = await rig.pair()
        if not before:
            await rig.fault("transient", agitate=1000)
        await client.send(data)
        client.half_close()

        await client.expect_reset()
        assert await server.expect_reset() == b""
        assert rig.hits == {"transient": 1}


async def test_a_request_that_breaks_off_is_no_matter_without_faults() -> None:
    """Clients do leave: what they have sent goes on, and nobody is warned."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await client.send(b"GET / HTT")
        client.half_close()

        assert await server.receive_all() == b"GET / HTT"
        assert (rig.stats.desyncs, rig.events(Warned)) == (0, [])


async def test_an_unreadable_request_after_a_good_one_is_hit_too() -> None:
    """It is an exchange of its own, and so is each one after it."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await client.send(GET)
        assert await server.receive_exactly(len(GET)) == GET
        await server.send(OK)
        assert await client.receive_exactly(len(OK)) == OK
        await rig.fault("errors", kind="503", every=2)
        await client.send(JUNK)
        assert await server.receive_exactly(len(JUNK)) == JUNK
        await server.send(OK)
        assert await client.receive_exactly(len(OK)) == OK
        await client.send(JUNK)

        await client.expect_reset()
        assert await server.expect_reset() == b""
        assert rig.hits == {"errors": 1}


async def test_tls_is_not_read_by_intention() -> None:
    """It is counted apart and warns nobody; an error that could not act on it is counted too."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(HELLO)
        assert await server.receive_exactly(len(HELLO)) == HELLO
        assert (rig.stats.desyncs, rig.stats.opaque) == (0, 1)
        assert rig.only.opaque == "TLS"
        assert rig.events(Warned) == []

        await server.send(b"server hello")
        await client.receive_exactly(12)
        await rig.fault("errors")
        await client.send(b"\x17secret")
        assert await server.receive_exactly(7) == b"\x17secret"
        assert (rig.hits, rig.stats.not_reached) == ({}, 1)


async def test_the_first_bytes_after_an_upgrade_are_an_exchange() -> None:
    """A fault that was switched on meanwhile acts on them, not only on what comes later."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await client.send(UPGRADE)
        assert await server.receive_exactly(len(UPGRADE)) == UPGRADE
        await server.send(UPGRADED)
        assert await client.receive_exactly(len(UPGRADED)) == UPGRADED
        assert (rig.stats.desyncs, rig.stats.opaque) == (0, 1)
        await rig.fault("errors")
        await client.send(b"\x81\x02hi")

        await client.expect_reset()
        assert [hit.what for hit in rig.events(Injected)] == ["reset, not read: upgraded"]


async def test_a_desync_is_told_and_counted() -> None:
    """What makes no sense is named as such wherever it shows."""
    async with proxied(protocol="redis") as rig:
        client, server = await rig.pair()
        await client.send(JUNK)
        await server.receive_exactly(len(JUNK))

        assert (rig.stats.desyncs, rig.stats.opaque) == (1, 0)
        assert rig.only.opaque.startswith("desync: ")
        assert len(rig.events(Warned)) == 1


async def test_a_reply_made_here_that_has_lost_its_place_ends_the_connection() -> None:
    """An error waits for an earlier reply, which turns out unreadable: nobody is left waiting."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await client.send(GET)
        await server.receive_exactly(len(GET))
        await rig.fault("errors", kind="503")
        await client.send(GET)
        await eventually(lambda: rig.hits.get("errors"))
        await server.send(b"\x00 no reply of HTTP\r\n\r\n")

        await client.expect_reset()
        await rig.empty()
        assert [event.reason for event in rig.events(Closed)] == ["fault"]


async def test_requests_that_came_before_the_unreadable_one_are_exchanges() -> None:
    """Nothing is overlooked because of what stands behind it in the same bytes."""
    async with proxied(protocol="http") as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.001)
        await client.send(GET + GET + JUNK)
        assert await server.receive_exactly(2 * len(GET) + len(JUNK)) == GET + GET + JUNK

        assert rig.stats.exchanges == 3
        assert rig.hits == {"delay": 3}
