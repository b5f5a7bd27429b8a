"""TLS that clients ask for in the protocol's words: order, faults, and nothing slips in."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import pytest

from chaostui.events import Closed, Warned
from tests.certificates import client_context, terminating
from tests.engine.rig import Rig, catalog, proxied
from tests.protocols.test_negotiation import GSS, SSL, START
from tests.protocols.test_tls import HELLO
from tests.tcp import Peer
from tests.tls import TlsPeer
from tests.wait import eventually

ON = terminating(backend_tls="on")
READY = bytes.fromhex("5200000008000000005a0000000549")
QUERY = b"Q\0\0\0\x0dSELECT 1\0"


def postgres(**more: Any) -> dict[str, Any]:
    """Settings of a proxy that grants TLS itself."""
    return {"protocol": "postgres", **terminating(), **more}


async def closed(rig: Rig) -> Closed:
    """The end of the only connection."""
    await eventually(lambda: rig.events(Closed))
    return rig.events(Closed)[0]


async def asked(rig: Rig) -> tuple[Peer, Peer]:
    """A client that has asked for TLS and got it, and the backend's end."""
    client, server = await rig.pair()
    await client.send(GSS)
    assert await client.receive_exactly(1) == b"N"
    await client.send(SSL)
    assert await client.receive_exactly(1) == b"S"
    return client, server


async def test_the_proxy_grants_it_and_the_backend_never_knows() -> None:
    """Requests in TLS are cut and counted as ever; the first is the login."""
    async with proxied(**postgres()) as rig:
        raw, server = await asked(rig)
        client = await TlsPeer.client(raw)
        await client.send(START)
        assert await server.receive_exactly(len(START)) == START
        await server.send(READY)
        assert await client.receive_exactly(len(READY)) == READY
        await client.send(QUERY)
        assert await server.receive_exactly(len(QUERY)) == QUERY
        await eventually(lambda: rig.only.request == "SELECT 1")
        assert (rig.only.exchanges, rig.only.opaque, rig.stats.desyncs) == (2, "", 0)


async def test_a_consent_that_is_held_leaves_as_plain_text() -> None:
    """The request is delayed on its way, the answer comes after; the handshake follows."""
    async with proxied(**postgres(), behavior="delay", handler={"delay": {"sleep": 0.05}}) as rig:
        client, server = await rig.pair()
        start = time.monotonic()
        await client.send(SSL)
        assert await client.receive() == b"S"
        assert time.monotonic() - start >= 0.049
        secured = await TlsPeer.client(client)
        await secured.send(START)
        assert await server.receive_exactly(len(START)) == START


async def test_a_hello_that_does_not_wait_for_the_consent() -> None:
    """It is kept until the consent has left, however long a fault holds that."""
    async with proxied(**postgres(), behavior="hang") as rig:
        raw = await rig.connect()
        client = TlsPeer(raw, client_context(), "localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.ssl.do_handshake()
        await raw.send(SSL + client.outgoing.read())
        await eventually(lambda: rig.only.upstream > len(SSL))
        await rig.mix("")
        assert await raw.receive_exactly(1) == b"S"
        await client.shake()
        await client.send(START)
        server = await rig.backend.accept()
        assert await server.receive_exactly(len(START)) == START


async def test_plain_text_behind_the_request_does_not_slip_into_tls() -> None:
    """What an attacker puts there would be taken for the client's own (CVE-2011-0411)."""
    async with proxied(**postgres()) as rig:
        client, server = await rig.pair()
        await client.send(SSL + START)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await TlsPeer.client(client)
        assert await server.receive_all() == b""
        assert (await closed(rig)).reason == "tls failed"


async def test_an_error_at_connect_is_told_in_tls() -> None:
    """After the consent, in answer to the login; the backend never sees it."""
    faulty = {"behavior": "errors", "handler": {"errors": {"kind": "starting_up"}}}
    async with proxied(**postgres(**faulty)) as rig:
        raw, server = await asked(rig)
        client = await TlsPeer.client(raw)
        await client.send(START)
        assert b"57P03" in await client.receive_all()
        assert await server.receive_all() == b""


async def test_both_sides_are_upgraded_where_the_backend_grants_it() -> None:
    """The request leaves as plain text, delayed or not, before the handshake does."""
    async with proxied(
        protocol="postgres", **ON, behavior="delay", handler={"delay": {"sleep": 0.02}}
    ) as rig:
        raw, behind = await rig.pair()
        await raw.send(SSL)
        assert await behind.receive() == SSL
        await behind.send(b"S")
        assert await raw.receive() == b"S"
        client, server = await asyncio.gather(TlsPeer.client(raw), TlsPeer.server(behind))
        await client.send(START)
        assert await server.receive_exactly(len(START)) == START
        await server.send(READY)
        assert await client.receive_exactly(len(READY)) == READY


async def test_what_a_backend_sends_behind_its_consent_is_no_reply() -> None:
    """It fails the handshake and never reaches the client (CVE-2021-23222)."""
    async with proxied(protocol="postgres", **ON) as rig:
        raw, behind = await rig.pair()
        await raw.send(SSL)
        assert await behind.receive() == SSL
        await behind.send(b"S" + READY)
        assert await raw.receive_exactly(1) == b"S"
        await raw.expect_reset()
        assert (await closed(rig)).reason == "tls failed"
        assert "TLS with the backend" in rig.events(Warned)[0].message


async def test_a_backends_refusal_is_the_clients() -> None:
    """What the client has sent meanwhile is plain text after all, and goes on."""
    async with proxied(protocol="postgres", **ON) as rig:
        client, server = await rig.pair()
        await client.send(SSL)
        assert await server.receive() == SSL
        await client.send(START[:9])
        await client.send(START[9:])
        await server.expect_silence(0.05)
        await server.send(b"N")
        assert await client.receive() == b"N"
        assert await server.receive_exactly(len(START)) == START
        await client.send(QUERY)
        assert await server.receive_exactly(len(QUERY)) == QUERY


async def test_a_client_that_goes_while_the_backend_thinks() -> None:
    """Its end is passed on: nothing waits for an answer that nobody wants."""
    async with proxied(protocol="postgres", **ON) as rig:
        client, server = await rig.pair()
        await client.send(SSL)
        assert await server.receive() == SSL
        client.half_close()
        await server.expect_eof()
        server.half_close()
        await client.expect_eof()
        assert (await closed(rig)).reason == "client closed"


@pytest.mark.parametrize("settings", [terminating(), ON])
async def test_tls_that_begins_unasked(settings: dict[str, Any]) -> None:
    """With the backend it begins so too, where it is spoken to in TLS."""
    async with proxied(protocol="postgres", **settings) as rig:
        raw, behind = await rig.pair()
        server: Peer | TlsPeer = behind
        if settings is ON:
            client, server = await asyncio.gather(TlsPeer.client(raw), TlsPeer.server(behind))
        else:
            client = await TlsPeer.client(raw)
        await client.send(START)
        assert await server.receive() == START


async def test_tls_that_begins_where_it_is_refused() -> None:
    """There is no way to say no but a reset, and a warning."""
    async with proxied(protocol="postgres", tls="refuse") as rig:
        client = await rig.connect()
        await client.send(HELLO)
        await client.expect_reset()
        assert (await closed(rig)).reason == "tls failed"
        assert "TLS with the client failed on connection 1: it is refused" in str(
            rig.events(Warned)
        )


async def test_what_cannot_be_read_behind_a_refusal_passes() -> None:
    """It came together with the request, and is no login."""
    async with proxied(protocol="postgres", tls="refuse") as rig:
        client, server = await rig.pair()
        await client.send(SSL + b"garbage")
        assert await client.receive_exactly(1) == b"N"
        assert await server.receive_exactly(7) == b"garbage"
        await client.send(b" and more")
        assert await server.receive_exactly(9) == b" and more"
        assert rig.stats.desyncs == 1


async def test_a_fault_in_place_of_the_consent_leaves_plain_text() -> None:
    """What was sent behind the request is read as the protocol's after all; a second one is met."""
    settings = terminating(protocol="smtp")
    async with proxied(**settings) as rig:
        client, server = await rig.pair()
        await server.send(b"220 hi\r\n")
        assert await client.receive() == b"220 hi\r\n"
        await rig.mix("errors", errors={"kind": "454", "max_hits": 1})
        await client.send(b"STARTTLS\r\nNOOP\r\n")
        assert (await client.receive()).startswith(b"454 ")
        assert await server.receive() == b"NOOP\r\n"
        await server.send(b"250 ok\r\n")
        assert await client.receive() == b"250 ok\r\n"
        await client.send(b"STARTTLS\r\n")
        assert (await client.receive()).startswith(b"220 ")
        secured = await TlsPeer.client(client)
        await secured.send(b"EHLO me\r\n")
        assert await server.receive() == b"EHLO me\r\n"


async def test_a_consent_waits_for_the_replies_before_it() -> None:
    """Who pipelines gets its replies in order, all of them as plain text."""
    async with proxied(**terminating(protocol="smtp")) as rig:
        client, server = await rig.pair()
        await server.send(b"220 hi\r\n")
        assert await client.receive() == b"220 hi\r\n"
        await client.send(b"NOOP\r\nSTARTTLS\r\n")
        assert await server.receive() == b"NOOP\r\n"
        await client.expect_silence(0.05)
        await server.send(b"250 ok\r\n")
        answers = await client.receive_exactly(len(b"250 ok\r\n220 2.0.0 Ready to start TLS\r\n"))
        assert answers == b"250 ok\r\n220 2.0.0 Ready to start TLS\r\n"
        secured = await TlsPeer.client(client)
        await secured.send(b"NOOP\r\n")
        assert await server.receive() == b"NOOP\r\n"


async def test_a_users_function_sees_what_the_backend_would() -> None:
    """Not the request that is answered here, but all that comes in TLS, decrypted."""
    seen: list[bytes] = []

    async def spy(source: Any, dest: Any, to_backend: bool, *_: Any) -> None:
        data = await source.recv(1000)
        seen.append(data)
        await dest.sendall(data)

    async with proxied(**postgres(), known=catalog(spy=spy), behavior="spy") as rig:
        raw, server = await asked(rig)
        client = await TlsPeer.client(raw)
        await client.send(START)
        assert await server.receive_exactly(len(START)) == START
        await server.send(READY)
        assert await client.receive_exactly(len(READY)) == READY
    assert b"".join(seen) == START + READY


async def test_faults_come_and_go_while_it_is_negotiated() -> None:
    """Whatever is on at which step, the session comes about and its bytes are right."""
    async with proxied(**postgres()) as rig:
        for _ in range(20):
            raw, server = await rig.pair()
            await rig.fault("delay", sleep=0.003, direction="both")
            await raw.send(SSL)
            await rig.mix("")
            assert await raw.receive_exactly(1) == b"S"
            client = await TlsPeer.client(raw)
            await rig.fault("delay", sleep=0.003, direction="both")
            await client.send(START)
            assert await server.receive_exactly(len(START)) == START
            await rig.mix("")
            raw.reset()
