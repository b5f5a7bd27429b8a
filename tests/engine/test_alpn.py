"""ALPN goes through where TLS ends: the client is told what the backend chose."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from chaostui.engine.tls.alpn import offered
from chaostui.events import Warned
from tests.certificates import client_context, server_context, terminating
from tests.engine.rig import proxied
from tests.tls import TlsPeer
from tests.wait import eventually

BOTH = ("h2", "http/1.1")


def client(*names: str) -> ssl.SSLContext:
    """A client that offers ``names``."""
    context = client_context()
    if names:
        context.set_alpn_protocols(names)
    return context


def server(*names: str) -> ssl.SSLContext:
    """A backend that takes the first of ``names`` that it is offered."""
    context = server_context()
    if names:
        context.set_alpn_protocols(names)
    return context


def hello(*names: str) -> bytes:
    """What such a client begins with."""
    made, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client(*names).wrap_bio(made, out, server_hostname="localhost").do_handshake()
    return out.read()


def agreed(peer: TlsPeer) -> str | None:
    """The protocol that one side takes itself to speak."""
    return peer.ssl.selected_alpn_protocol()


@pytest.mark.parametrize("names", [(), ("h2",), BOTH, ("http/1.1", "h2", "x" * 255)])
def test_what_a_client_offers_is_read_in_whatever_pieces(names: tuple[str, ...]) -> None:
    """Nothing is known before the last byte, and nothing after it changes that."""
    data = hello(*names)
    assert [offered(data[:cut]) for cut in range(len(data))] == [None] * len(data)
    assert offered(data) == names
    assert offered(data + b"more") == names
    halves = [data[5:100], data[100:]]
    records = [b"\x16\3\1" + len(half).to_bytes(2) + half for half in halves]
    assert offered(b"".join(records)) == names


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1", b"\x16\2", b"\x16\3\1\0\4\2\0\0\0"])
def test_what_is_no_hello_offers_nothing(data: bytes) -> None:
    """It fails where the handshake begins."""
    assert offered(data + bytes(10)) == ()


def test_a_hello_that_never_ends_is_not_waited_for() -> None:
    """Nobody's is that long."""
    assert offered((b"\x16\3\1\x40\0" + b"\1\0\xff\xff" + bytes(0x3FFC)) * 4) == ()


def test_names_that_are_no_text_are_left_out() -> None:
    """What browsers put there to keep servers tolerant (RFC 8701)."""
    data = hello("ab", "h2").replace(b"\2ab\2h2", b"\2\xfa\xfa\2h2")
    assert offered(data) == ("h2",)


@pytest.mark.parametrize(
    ("offers", "takes", "told"),
    [
        (BOTH, ("h2", "http/1.1"), "h2"),
        (BOTH, ("http/1.1",), "http/1.1"),
        (("http/1.1", "h2"), ("h2",), "h2"),
        (("h2",), ("h2",), "h2"),
        (("h2",), (), None),
        ((), ("h2",), None),
        (("grpc-exp", "h2"), ("h2",), "h2"),
    ],
)
async def test_the_backend_chooses(
    offers: tuple[str, ...], takes: tuple[str, ...], told: str | None
) -> None:
    """It is offered what the client offers, and both are told the same."""
    async with proxied(**terminating(backend_tls="on")) as rig:
        raw, behind = await rig.pair()
        ours, theirs = await asyncio.gather(
            TlsPeer.client(raw, client(*offers)), TlsPeer.server(behind, server(*takes))
        )
        assert (agreed(ours), agreed(theirs)) == (told, told)
        await ours.send(b"ping")
        assert await theirs.receive() == b"ping"
        await theirs.send(b"pong")
        assert await ours.receive() == b"pong"


@pytest.mark.parametrize(
    ("offers", "told"),
    [(("h2",), "h2"), (BOTH, "http/1.1"), (("x", "h2"), "x"), ((), None)],
)
async def test_a_backend_in_plain_text_is_chosen_for(
    offers: tuple[str, ...], told: str | None
) -> None:
    """HTTP/1.1 where that will do, else what the client likes best: gRPC offers h2 alone."""
    async with proxied(**terminating()) as rig:
        raw, behind = await rig.pair()
        ours = await TlsPeer.client(raw, client(*offers))
        assert agreed(ours) == told
        await ours.send(b"ping")
        assert await behind.receive() == b"ping"


async def test_a_protocol_of_a_name_keeps_it() -> None:
    """http reads HTTP/1.1 alone, so nothing else is agreed on."""
    async with proxied(**terminating(backend_tls="on", protocol="http")) as rig:
        raw, behind = await rig.pair()
        ours, theirs = await asyncio.gather(
            TlsPeer.client(raw, client(*BOTH)), TlsPeer.server(behind, server(*BOTH))
        )
        assert (agreed(ours), agreed(theirs)) == ("http/1.1", "http/1.1")


async def test_a_backend_that_refuses_all_that_is_offered_is_told_of() -> None:
    """The client is reset, and the warning says why."""

    def none_of_them(*_: Any) -> None:
        return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE  # type: ignore[return-value]

    refusing = server()
    refusing.sni_callback = none_of_them
    async with proxied(**terminating(backend_tls="on")) as rig:
        raw, behind = await rig.pair()
        await TlsPeer(raw, client("h2"), "localhost").greet()
        with pytest.raises(ssl.SSLError):
            await TlsPeer.server(behind, refusing)
        await raw.expect_reset()
        await eventually(lambda: rig.events(Warned))
        assert "TLS with the backend" in rig.events(Warned)[0].message


async def test_a_hang_keeps_a_client_that_waits_for_the_backends_choice() -> None:
    """Longer than a handshake may take, and it comes about when the hang is over."""
    async with proxied(
        **terminating(backend_tls="on"), behavior="hang", connect_timeout=0.1
    ) as rig:
        raw = await rig.connect()
        ours = TlsPeer(raw, client("h2"), "localhost")
        await ours.greet()
        await raw.expect_silence(0.4)
        await rig.mix("")
        behind = await rig.backend.accept()
        _, theirs = await asyncio.gather(ours.shake(), TlsPeer.server(behind, server("h2")))
        assert (agreed(ours), agreed(theirs)) == ("h2", "h2")


async def test_a_client_that_only_connects_is_given_up() -> None:
    """It sends no hello, so nobody waits for the backend."""
    async with proxied(**terminating(backend_tls="on"), connect_timeout=0.1) as rig:
        raw, _ = await rig.pair()
        await raw.expect_eof()
