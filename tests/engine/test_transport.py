"""TLS that ends here, over real sockets: bytes, ends, failures, and no more memory than without."""

from __future__ import annotations

import asyncio
import hashlib
import random
import ssl
import time

import pytest

from chaostui.events import Closed, Warned
from chaostui.settings import Address
from tests.certificates import client_context, files, server_context, terminating
from tests.engine.rig import Rig, proxied
from tests.tcp import Listener, Peer
from tests.tls import TlsPeer
from tests.wait import SLACK, eventually

ON = terminating(backend_tls="on")
VERIFY = terminating(backend_tls="verify", backend_tls_ca=files().ca)
SIZE = 5_000_000


async def joined(rig: Rig, *, backend: bool = False) -> tuple[TlsPeer, TlsPeer | Peer]:
    """A client through TLS, and the backend's end of its connection."""
    client, server = await rig.pair()
    if not backend:
        return await TlsPeer.client(client), server
    return tuple(await asyncio.gather(TlsPeer.client(client), TlsPeer.server(server)))  # type: ignore[return-value]


async def closed(rig: Rig) -> Closed:
    """The end of the only connection."""
    await eventually(lambda: rig.events(Closed))
    return rig.events(Closed)[0]


async def send_all(peer: TlsPeer | Peer, data: bytes) -> None:
    """Send ``data`` in pieces, then the end."""
    for start in range(0, len(data), 50_000):
        await peer.send(data[start : start + 50_000])
    ended = peer.half_close()
    if ended is not None:
        await ended


@pytest.mark.parametrize("backend", [False, True])
@pytest.mark.parametrize("toggling", [False, True])
async def test_bytes_are_exact_both_ways(backend: bool, toggling: bool) -> None:
    """Five megabytes each way, also while faults come and go, then a half-close each way."""
    up, down = random.Random(1).randbytes(SIZE), random.Random(2).randbytes(SIZE)
    async with proxied(**(ON if backend else terminating())) as rig:
        client, server = await joined(rig, backend=backend)
        done = asyncio.Event()

        async def toggle() -> None:
            while not done.is_set():
                await rig.fault("delay", sleep=0.005, direction="both")
                await asyncio.sleep(0.01)
                await rig.mix("")
                await asyncio.sleep(0.01)

        toggler = asyncio.ensure_future(toggle()) if toggling else None
        got_up, got_down, *_ = await asyncio.gather(
            server.receive_all(), client.receive_all(), send_all(client, up), send_all(server, down)
        )
        done.set()
        if toggler is not None:
            await toggler

        assert hashlib.sha256(got_up).digest() == hashlib.sha256(up).digest()
        assert hashlib.sha256(got_down).digest() == hashlib.sha256(down).digest()
        await rig.empty()


@pytest.mark.parametrize("backend", [False, True])
async def test_a_half_close_leaves_the_other_way_open(backend: bool) -> None:
    """What is an end in TLS arrives as one, and an answer still comes."""
    async with proxied(**(ON if backend else terminating())) as rig:
        client, server = await joined(rig, backend=backend)
        await client.send(b"all I have")
        await client.half_close()
        assert await server.receive_all() == b"all I have"
        await eventually(lambda: rig.only.state == "half-closed")
        await server.send(b"all I know")
        server.half_close() if isinstance(server, Peer) else await server.half_close()
        assert await client.receive_all() == b"all I know"
        assert (await closed(rig)).reason == "client closed"


async def test_a_fin_without_close_notify_is_an_end_too() -> None:
    """Many clients just close."""
    async with proxied(**terminating()) as rig:
        client, server = await rig.pair()
        await (await TlsPeer.client(client)).send(b"x")
        client.close()
        assert await server.receive() == b"x"
        await server.expect_eof()


async def test_a_reset_stays_a_reset() -> None:
    """Neither side is told of an orderly end that was none."""
    async with proxied(**ON) as rig:
        client, server = await joined(rig, backend=True)
        assert isinstance(server, TlsPeer)
        await server.send(b"the last words")
        assert await client.receive() == b"the last words"
        server.peer.reset()
        await client.peer.expect_reset()
        assert (await closed(rig)).reason == "reset by backend"


async def test_what_a_backend_said_is_decrypted_after_a_write_to_it_has_failed() -> None:
    """Its early answer is read where the loop meets the client's next bytes before it."""
    async with proxied(**ON) as rig:
        client, server = await joined(rig, backend=True)
        assert isinstance(server, TlsPeer)
        await client.send(b"a request")
        assert await server.receive() == b"a request"
        # All in one step of the loop, which then finds both sockets ready, in this order.
        for peer, data in ((client, b"more of it"), (server, b"413")):
            peer.ssl.write(data)
            peer.peer.sock.send(peer.outgoing.read())
        server.peer.reset()

        assert await client.receive() == b"413"
        assert (await closed(rig)).reason == "reset by backend"


async def test_a_backend_is_checked_if_that_is_asked() -> None:
    """A certificate of ours is trusted; one by others, or for another name, is not."""
    async with proxied(**VERIFY) as rig:
        client, server = await joined(rig, backend=True)
        await client.send(b"ping")
        assert await server.receive() == b"ping"


async def receive_as_server(peer: Peer, context: ssl.SSLContext) -> bytes:
    """Shake hands with a client that may refuse the certificate only when all is done."""
    return await (await TlsPeer.server(peer, context)).receive()


@pytest.mark.parametrize("wrong", ["signer", "name"])
async def test_a_backend_that_cannot_be_trusted_is_told_of(wrong: str) -> None:
    """The client is reset; the reason, the event and the view say why."""
    async with proxied(**VERIFY) as rig:
        if wrong == "name":
            await rig.supervisor.update_proxy(
                "a", {"backend": Address("127.0.0.2", rig.backend.address[1])}, "test"
            )
        async with Listener("127.0.0.2", rig.backend.address[1]) as other:
            client = await rig.connect()
            await TlsPeer(client, client_context(), "localhost").greet()
            server = await (other if wrong == "name" else rig.backend).accept()
            theirs = server_context("theirs" if wrong == "signer" else "ours")
            with pytest.raises(ssl.SSLError, match="alert"):
                await receive_as_server(server, theirs)
            await client.expect_reset()

        assert (await closed(rig)).reason == "tls failed"
        (told,) = rig.events(Warned)
        assert "TLS with the backend 127.0.0." in told.message
        assert "the certificate is not valid: " in told.message
        assert "TLS: the certificate is not valid" in rig.supervisor.proxy().last_error


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http request"),
        (b"\x16\x03\x01\xff\xff" + bytes(100), ""),
        (b"\0" * 100, ""),
    ],
)
async def test_garbage_is_no_handshake(first: bytes, why: str) -> None:
    """It never reaches the backend; one warning says so in words."""
    async with proxied(**terminating()) as rig:
        client, server = await rig.pair()
        await client.send(first)
        client.half_close()
        assert await server.receive_all() == b""

        assert (await closed(rig)).reason == "tls failed"
        (told,) = rig.events(Warned)
        assert told.message.startswith("TLS with the client failed on connection 1: ")
        assert why in told.message
        assert "_ssl.c" not in told.message


async def test_garbage_after_the_handshake_ends_it_too() -> None:
    """What came before is passed on."""
    async with proxied(**terminating()) as rig:
        client, server = await joined(rig)
        await client.send(b"good")
        await client.peer.send(b"bad, that is no record of TLS")
        assert await server.receive_all() == b"good"
        assert (await closed(rig)).reason == "tls failed"


async def test_a_client_that_goes_in_the_handshake() -> None:
    """With a reset, or with a FIN; one that never began is none to warn of."""
    async with proxied(**terminating()) as rig:
        for step in ("reset", "fin", "nothing"):
            client, server = await rig.pair()
            if step != "nothing":
                half = TlsPeer(client, client_context(), "localhost")
                with pytest.raises(ssl.SSLWantReadError):
                    half.ssl.do_handshake()
                await client.send(half.outgoing.read()[:100])
            client.reset() if step == "reset" else client.close()
            await asyncio.gather(server.receive_all(), return_exceptions=True)
            await rig.empty()

        reasons = [event.reason for event in rig.events(Closed)]
        assert reasons == ["reset by client", "tls failed", "client closed"]
        assert len(rig.events(Warned)) == 1


@pytest.mark.parametrize("silent", ["client", "backend"])
async def test_a_handshake_does_not_last_for_ever(silent: str) -> None:
    """It has the time that connecting has."""
    settings = terminating() if silent == "client" else ON
    async with proxied(**settings, connect_timeout=0.2) as rig:
        client, _ = await rig.pair()
        if silent == "backend":
            await TlsPeer.client(client)
        start = asyncio.get_running_loop().time()
        await eventually(lambda: rig.events(Closed))

        assert 0.1 < asyncio.get_running_loop().time() - start < 0.2 + SLACK
        assert rig.events(Closed)[0].reason == "tls failed"
        assert "no handshake within 0.2 s" in rig.events(Warned)[0].message


@pytest.mark.parametrize("slow", ["client", "server"])
@pytest.mark.parametrize("backend", [False, True])
async def test_one_that_does_not_read_is_felt_by_the_other(slow: str, backend: bool) -> None:
    """A chunk or so is kept, not what the sender would like to send."""
    async with proxied(**(ON if backend else terminating()), receive_buffer=8192) as rig:
        client, server = await joined(rig, backend=backend)
        sender, reader = (server, client) if slow == "client" else (client, server)
        piece, sent = bytes(65536), 0
        raw = sender.peer if isinstance(sender, TlsPeer) else sender
        try:
            async with asyncio.timeout(SLACK):
                while sent < 100_000_000:
                    await sender.send(piece)
                    sent += len(piece)
        except TimeoutError:
            pass
        assert sent < 30_000_000
        (connection,) = rig.supervisor.live()
        for side in (connection.client, connection.backend):
            assert side.transport is not None
            assert side.transport.get_write_buffer_size() < 600_000
        assert raw.state == "ESTABLISHED"
        for end in (sender, reader):
            (end.peer if isinstance(end, TlsPeer) else end).reset()


async def test_what_comes_before_the_backends_handshake_waits_for_it() -> None:
    """The client is not read on meanwhile, and all of it arrives."""
    data = random.Random(3).randbytes(1_000_000)
    async with proxied(**ON) as rig:
        client, raw = await rig.pair()
        secured = await TlsPeer.client(client)
        sending = asyncio.ensure_future(send_all(secured, data))
        await eventually(lambda: rig.only.upstream > 0)
        (connection,) = rig.supervisor.live()
        assert connection.backend.transport is not None
        assert connection.backend.transport.get_write_buffer_size() < 600_000
        server = await TlsPeer.server(raw)
        assert await server.receive_all() == data
        await sending
        await server.half_close()


async def ask_once(peer: Peer) -> None:
    """Shake hands, send something and expect something."""
    client = await TlsPeer.client(peer)
    await client.send(b"x")
    await client.receive_exactly(1)


@pytest.mark.parametrize("fault", ["reset", "blackout"])
async def test_faults_at_open_act_as_without(fault: str) -> None:
    """The connection is gone: before its handshake, or at the client's first bytes after it."""
    async with proxied(**terminating(), behavior=fault) as rig:
        client = await rig.connect()
        with pytest.raises((ConnectionResetError, ssl.SSLError)):
            await ask_once(client)
        assert (await closed(rig)).reason == "fault"


@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_a_handshake_is_read_while_reading_is_paused(size: int) -> None:
    """What comes behind it waits with its end, and is all there when reading goes on."""
    data = random.Random(4).randbytes(size)
    slow = {"slow_accept": {"delay": 0.6}}
    async with proxied(**terminating(), behavior="slow_accept", handler=slow) as rig:
        start = time.monotonic()
        client = await TlsPeer.client(await rig.connect())
        sending = asyncio.ensure_future(send_all(client, data))
        (connection,) = rig.supervisor.live()
        assert connection.client.paused
        assert rig.only.upstream == 0
        server = await rig.backend.accept()
        assert await server.receive_all() == data
        assert time.monotonic() - start >= 0.599
        await sending
        server.half_close()
        assert await client.receive_all() == b""


async def test_a_hang_that_is_lifted_heals() -> None:
    """What was sent meanwhile is there, in order."""
    async with proxied(**terminating(), behavior="hang") as rig:
        client = await TlsPeer.client(await rig.connect())
        await client.send(b"one ")
        await client.send(b"two")
        await eventually(lambda: rig.only.upstream == 7)
        await rig.mix("")
        server = await rig.backend.accept()
        assert await Peer.receive_exactly(server, 7) == b"one two"


async def test_an_error_that_is_told_at_once_waits_for_the_handshake() -> None:
    """The client finds it in TLS, then the end."""
    settings = terminating(protocol="redis", behavior="errors")
    async with proxied(**settings, handler={"errors": {"kind": "max_clients"}}) as rig:
        client = await TlsPeer.client(await rig.connect())
        assert await client.receive_all() == b"-ERR max number of clients reached\r\n"


async def test_an_abort_ends_it_after_the_request_has_left() -> None:
    """The backend has got it, decrypted."""
    async with proxied(**terminating(), behavior="abort") as rig:
        client, server = await joined(rig)
        await client.send(b"request")
        assert await server.receive(7) == b"request"
        await server.send(b"reply")
        await client.peer.expect_reset()


async def test_alpn_says_http() -> None:
    """A client that could speak HTTP/2 does not."""
    context = client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with proxied(**ON, protocol="http") as rig:
        raw, behind = await rig.pair()
        server = server_context()
        server.set_alpn_protocols(["h2", "http/1.1"])
        client, backend = await asyncio.gather(
            TlsPeer.client(raw, context), TlsPeer.server(behind, server)
        )
        assert client.ssl.selected_alpn_protocol() == "http/1.1"
        assert backend.ssl.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_of_tls(version: ssl.TLSVersion) -> None:
    """They shake hands in another order."""
    context = client_context()
    context.maximum_version = context.minimum_version = version
    async with proxied(**terminating()) as rig:
        raw, server = await rig.pair()
        client = await TlsPeer.client(raw, context)
        await client.send(b"ping")
        assert await server.receive() == b"ping"
        await server.send(b"pong")
        assert await client.receive() == b"pong"
        await client.half_close()
        await server.expect_eof()
        server.half_close()
        assert await client.receive_all() == b""


async def test_clients_meet_a_new_certificate_after_a_change() -> None:
    """Connections that are there live on with the old one."""
    async with proxied(**terminating()) as rig:
        client, server = await joined(rig)
        await rig.supervisor.update_proxy("a", {"tls_cert": files("theirs").both}, "test")
        await client.send(b"still here")
        assert await server.receive() == b"still here"
        raw = await rig.connect()
        with pytest.raises(ssl.SSLCertVerificationError):
            await TlsPeer.client(raw)
        other = await TlsPeer.client(await rig.connect(), client_context("theirs"))
        await other.send(b"x")
