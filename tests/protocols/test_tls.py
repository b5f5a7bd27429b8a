"""TLS: what is seen of it from outside, and how clients are kept from it."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from chaostui.protocol import Protocol
from chaostui.protocols.http import Http
from chaostui.protocols.ldap import LDAP
from chaostui.protocols.redis import Redis
from chaostui.protocols.smtp import Smtp
from chaostui.protocols.tls import reason, server_name
from tests.engine.rig import proxied
from tests.wait import eventually


def hello(name: str | None) -> bytes:
    """What OpenSSL sends first to reach ``name``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


HELLO = hello("db.example")


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (HELLO, "TLS, SNI db.example"),
        (hello(None), "TLS"),
        (HELLO.replace(b"db.example", b"db\x1b[2Jple"), "TLS"),
        (b"\x16\x03\x01", "TLS"),
        (b"\x16hello", "TLS"),
    ],
)
def test_a_connection_tells_why_it_cannot_be_read(first: bytes, why: str) -> None:
    """It is TLS, to the server that its first bytes name, if that is a name."""
    for protocol in (Http(), Redis()):
        assert b"".join(frame.data for frame in protocol.request(first)) == first
        assert protocol.opaque == why


@given(st.integers(0, len(HELLO)), st.binary(max_size=40), st.integers(0, len(HELLO)))
def test_any_bytes_can_be_asked(end: int, noise: bytes, at: int) -> None:
    """Cut or spoiled, a hello never raises; a cut one names the server or none."""
    assert server_name(HELLO[:end]) in ("", "db.example")
    assert reason(HELLO[:at] + noise + HELLO[at:]).startswith("TLS")


async def test_a_live_connection_shows_where_it_goes() -> None:
    """Faults of the stream still work on it, so it passes, and the view says why."""
    async with proxied(protocol="postgres") as rig:
        client, server = await rig.pair()
        await client.send(HELLO)
        assert await server.receive_exactly(len(HELLO)) == HELLO
        await eventually(lambda: rig.only.opaque == "TLS, SNI db.example")


@pytest.mark.parametrize(
    ("first", "told"),
    [
        pytest.param(HELLO, "TLS, SNI db.example", id="hello"),
        pytest.param(HELLO[:30], "TLS", id="begin"),
        (b"hello", ""),
        (b"\x15\3\3\0\2\1\0", ""),
    ],
)
async def test_plain_tcp_shows_it_too(first: bytes, told: str) -> None:
    """Its bytes are never read but for the first ones, each connection's its own."""
    async with proxied() as rig:
        other, _ = await rig.pair()
        await other.send(b"x")
        client, server = await rig.pair()
        await client.send(first)
        assert await server.receive_exactly(len(first)) == first
        await client.send(HELLO)
        assert await server.receive_exactly(len(HELLO)) == HELLO
        assert [view.opaque for view in rig.supervisor.connections()] == ["", told]


def replied(protocol: Protocol, data: bytes) -> bytes:
    """What the client sees of a reply."""
    return b"".join(frame.data for frame in protocol.reply(data))


def asked(protocol: Protocol, data: bytes) -> bytes:
    """What the server sees of a request."""
    return b"".join(frame.data for frame in protocol.request(data))


@pytest.mark.parametrize("last", [True, False])
def test_smtp_does_not_offer_tls_where_it_is_refused(last: bool) -> None:
    """Clients see an extension that they do not know, the server a command that it does not."""
    offer = b"250-a\r\n250 starttls\r\n" if last else b"250-a\r\n250-STARTTLS\r\n250 SIZE\r\n"
    smtp = Smtp(tls="refuse")
    replied(smtp, b"220 hi\r\n")
    asked(smtp, b"EHLO x\r\n")

    assert replied(smtp, offer) == offer.replace(b"starttls", b"STARTTLS").replace(
        b"STARTTLS", b"X-NO-TLS"
    )
    assert asked(smtp, b"StartTLS\r\nMAIL FROM:<starttls@a>\r\n") == (
        b"X-NO-TLS\r\nMAIL FROM:<starttls@a>\r\n"
    )
    replied(smtp, b"502 what\r\n")
    assert not smtp.opaque


def test_ldap_asks_for_nothing_known_where_tls_is_refused() -> None:
    """StartTLS becomes an operation of the same length that no server knows."""
    start = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
    ldap = LDAP(tls="refuse")

    assert asked(ldap, start) == start.replace(b"20037", b"29999")
    replied(ldap, bytes.fromhex("300c020101780702010204000400"))
    assert not ldap.opaque
    assert asked(LDAP(), start) == start


def test_tls_passes_by_default() -> None:
    """What the server offers is what the client sees."""
    smtp = Smtp()
    replied(smtp, b"220 hi\r\n")
    asked(smtp, b"EHLO x\r\n")

    assert replied(smtp, b"250 STARTTLS\r\n") == b"250 STARTTLS\r\n"
