"""Backends that refuse, are silent, have several addresses, or are the proxy itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.control.sweep import PROBES, SETTLED
from chaostui.engine.net.dial import _first_of, resolve
from chaostui.engine.net.resolver import AddressInfo
from chaostui.engine.relay.flow import EARLY_BYTES
from chaostui.events import Closed, Dialled
from chaostui.registry import builtin
from chaostui.settings import Address, ControlSettings, Profile
from tests.engine.rig import echoing, fill, make, ping, proxied, turned_away
from tests.tcp import Listener, Peer, free_port
from tests.wait import SLACK, SOON, eventually

DEAD = Address("127.0.0.1", 1)
ONE_READ = 262_144
"""Bytes that a loop reads at once, at most."""


@asynccontextmanager
async def black_hole() -> AsyncIterator[Address]:
    """An address of this machine whose SYNs are never answered: its backlog is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(2):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        try:
            yield Address(*full.getsockname())
        finally:
            for sock in waiting:
                sock.close()


def v6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_v6 = pytest.mark.skipif(not v6(), reason="this machine has no ::1")


# -- backends that do not answer --------------------------------------------------------------


async def test_a_refused_dial_resets_the_client_and_is_told() -> None:
    """U01: the client is accepted, then reset; event, last error and counter say why."""
    async with proxied(backend=DEAD) as rig:
        start = asyncio.get_running_loop().time()
        await turned_away(rig.address())

        assert asyncio.get_running_loop().time() - start < SOON
        await rig.empty()
        assert rig.supervisor.proxy().last_error == "127.0.0.1:1: connection refused"
        assert rig.stats.refused == 1
        assert [event.error for event in rig.events(Dialled)] == ["connection refused"]
        assert [event.reason for event in rig.events(Closed)] == ["backend refused"]


async def test_a_client_may_be_closed_where_the_backend_is_down() -> None:
    """With ``backend_down = "close"`` it reads an end, unless it has said something already."""
    async with proxied(backend=DEAD, backend_down="close") as rig:
        client = await rig.connect()
        await client.expect_eof()

        await rig.empty()
        assert [event.reason for event in rig.events(Closed)] == ["backend refused"]

    async with (
        black_hole() as hole,
        proxied(backend=hole, connect_timeout=0.3, backend_down="close") as rig,
    ):
        client = await rig.connect()
        await client.send(b"hello")
        await client.expect_reset()


async def test_the_last_error_is_forgotten_when_the_backend_is_back() -> None:
    """U06: a backend that comes back serves the very next client, and no error is left."""
    port = free_port()
    async with proxied(backend=Address("127.0.0.1", port)) as rig:
        await turned_away(rig.address())
        async with Listener(port=port) as backend:
            client = await rig.connect()
            server = await backend.accept()
            await client.send(b"ping")
            assert await server.receive() == b"ping"

        assert rig.supervisor.proxy().last_error == ""


async def test_a_killed_backend_is_seen_as_the_kernel_ends_it() -> None:
    """U06: a backend killed mid stream ends its clients; its successor gets the next ones."""
    port = free_port()
    program = (
        "import socket, sys\n"
        "sock = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "print('up', flush=True)\n"
        "while True:\n"
        "    peer, _ = sock.accept()\n"
        "    peer.sendall(peer.recv(100))\n"
        "    held = peer\n"
    )

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, str(port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        return process

    async with proxied(backend=Address("127.0.0.1", port)) as rig:
        for _ in range(2):
            with start() as backend:
                client = await rig.connect()
                await ping(client)
                os.kill(backend.pid, signal.SIGKILL)
                await client.expect_eof()
                backend.wait()
                client.close()
        await rig.empty()


async def test_a_dial_that_nobody_answers_times_out_and_holds_up_nobody() -> None:
    """U02: the client is reset at connect_timeout; another proxy's pings are not delayed."""
    async with black_hole() as hole, proxied(connect_timeout=0.6) as rig, echoing(rig):
        await rig.add("silent", backend=hole, connect_timeout=0.6)
        start = asyncio.get_running_loop().time()
        stuck = [await rig.connect("silent") for _ in range(20)]
        pinging = await rig.connect()
        times = [await ping(pinging) for _ in range(50)]
        assert max(times) < SLACK
        for client in stuck:
            await client.expect_reset()

        assert 0.5 <= asyncio.get_running_loop().time() - start <= 2.0
        dialled = [event for event in rig.events(Dialled) if event.proxy == "silent"]
        assert {event.error for event in dialled} == {"connect timeout after 0.6 s"}
        closed = [event for event in rig.events(Closed) if event.proxy == "silent"]
        assert {event.reason for event in closed} == {"connect timeout"}
        assert rig.supervisor.stats("silent")["silent"].refused == 20


@pytest.mark.parametrize("protocol", ["tcp", "redis"])
async def test_a_client_sends_64_kib_at_most_while_its_backend_is_called(protocol: str) -> None:
    """What comes before the backend is there is kept up to a bound; then reading pauses."""
    async with (
        black_hole() as hole,
        proxied(backend=hole, connect_timeout=30, protocol=protocol) as rig,
    ):
        client = await rig.connect()
        sent = await fill(client)

        assert len(sent) > EARLY_BYTES
        assert rig.only.state == "dialling"
        assert EARLY_BYTES <= rig.only.held <= EARLY_BYTES + ONE_READ
        client.reset()
        await rig.empty()


async def test_a_client_that_gives_up_while_dialling_is_gone_at_once() -> None:
    """A client that resets during a dial is noticed, and the dial is given up."""
    async with black_hole() as hole, proxied(backend=hole, connect_timeout=30) as rig:
        client = await rig.connect()
        await eventually(lambda: len(rig.supervisor.connections()) == 1)
        assert rig.only.state == "dialling"
        await client.send(b"hello")
        client.reset()

        await rig.empty(within=2)


async def test_a_name_that_does_not_exist_is_told_in_one_line() -> None:
    """U04: start works; the client is reset and the error names what cannot be resolved."""
    async with proxied(backend=Address("name.invalid", 80)) as rig:
        await turned_away(rig.address())

        await eventually(lambda: rig.supervisor.proxy().last_error)
        assert "cannot resolve name.invalid: " in rig.supervisor.proxy().last_error
        assert "\n" not in rig.supervisor.proxy().last_error


# -- several addresses, other families --------------------------------------------------------


@needs_v6
async def test_localhost_finds_a_backend_that_listens_on_v6_only() -> None:
    """U04: the second address of a name is tried when the first refuses."""
    port = free_port("::1")
    async with (
        Listener("::1", port) as backend,
        proxied(backend=Address("localhost", port)) as rig,
    ):
        client = await rig.connect()
        server = await backend.accept()
        await client.send(b"ping")
        assert await server.receive() == b"ping"


async def test_a_silent_first_address_is_raced_by_the_second() -> None:
    """U04: an address that does not answer costs a quarter of a second, not the timeout."""
    async with black_hole() as hole, Listener() as backend:
        infos: list[AddressInfo] = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
            # Not all of loopback, so that they are raced.
            for address in (("0.0.0.0", hole.port), backend.address)
        ]
        start = asyncio.get_running_loop().time()
        with await _first_of(infos) as sock:
            assert sock.getpeername() == backend.address
        assert asyncio.get_running_loop().time() - start < 2


@needs_v6
@pytest.mark.parametrize("listen", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("backend", ["127.0.0.1", "::1"])
async def test_either_family_reaches_either_family(listen: str, backend: str) -> None:
    """U08: v4 and v6 on both sides; addresses are printed so that they can be parsed."""
    async with proxied(host=backend, listen=Address(listen, 0)) as rig, echoing(rig):
        await ping(await rig.connect())

        view = rig.supervisor.proxy()
        assert Address.parse(view.listen).host == listen
        assert Address.parse(view.backend).host == backend
        assert Address.parse(rig.only.client).host == listen


async def test_a_backend_may_be_a_unix_socket(tmp_path: Path) -> None:
    """A backend ``unix:/path`` is dialled, and closes as one on TCP does."""
    path = str(tmp_path / "backend.sock")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.setblocking(False)
        async with proxied(backend=Address("", 0, path)) as rig:
            client = await rig.connect()
            server, _ = await loop.sock_accept(listener)
            with server:
                await client.send(b"ping")
                client.half_close()
                assert await loop.sock_recv(server, 100) == b"ping"
                assert await loop.sock_recv(server, 100) == b""
                await loop.sock_sendall(server, b"pong")
            assert await client.receive_all() == b"pong"
            await rig.empty()


async def test_an_address_is_resolved_without_asking_anybody() -> None:
    """IP addresses and localhost are known; localhost has both families."""
    assert [info[4][0] for info in await resolve(Address("localhost", 80))] == ["127.0.0.1", "::1"]
    assert [info[4] for info in await resolve(Address("10.1.2.3", 80))] == [("10.1.2.3", 80)]
    assert [info[4] for info in await resolve(Address("::1", 80))] == [("::1", 80, 0, 0)]


# -- what must not be dialled -----------------------------------------------------------------

OWN = "is an address of chaostui's own"


async def refusal(listen: str, host: str) -> str:
    """Why a proxy that listens on ``listen`` does not dial its port under the name ``host``."""
    supervisor = Supervisor(builtin(), seed=1)
    port = free_port()
    proxies = [make(listen=Address(listen, port), backend=Address(host, port))]
    if listen == host:
        # Letter by letter the same is refused at the start: come by way of a second proxy.
        proxies = [make(listen=Address(listen, port)), make(name="b", backend=Address(host, port))]
    await supervisor.start(Profile(proxy=tuple(proxies)))
    try:
        at = Address.parse(supervisor.proxies()[-1].listen)
        await turned_away((at.host, at.port))
        assert supervisor.proxies()[-1].stats.connections == 1
        return supervisor.proxies()[-1].last_error
    finally:
        await supervisor.close()


@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "0.0.0.0", "0", "127.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::FFFF:127.0.0.1"],
)
async def test_a_proxy_does_not_dial_itself_however_it_is_spelled(listen: str, host: str) -> None:
    """One client never becomes two connections; the error says why."""
    assert OWN in await refusal(listen, host)


@needs_v6
@pytest.mark.parametrize("listen", ["::1", "::"])
@pytest.mark.parametrize("host", ["::1", "::", "0:0:0:0:0:0:0:1", "0::1"])
async def test_a_proxy_on_v6_does_not_dial_itself(listen: str, host: str) -> None:
    """The same where it listens on IPv6."""
    assert OWN in await refusal(listen, host)


@pytest.mark.parametrize("listen", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("host", ["localhost", "LocalHost"])
async def test_a_proxy_does_not_dial_itself_by_name(listen: str, host: str) -> None:
    """Of a name's addresses only those of others are dialled: here nobody is left."""
    found = {info[4][0] for info in await resolve(Address(host, 1))}
    own = {info[4][0] for info in await resolve(Address(listen, 1))}
    error = await refusal(listen, host)

    # An address of the name's that the proxy does not listen on is nobody's: it refuses.
    assert error.endswith("connection refused" if found - own else OWN)
    assert (OWN in error) == (found <= own)


async def test_a_proxy_dials_neither_another_proxy_nor_the_control_api() -> None:
    """Two proxies in a circle and a proxy before the API are refused too."""
    async with proxied() as rig, Listener() as api:
        await rig.add("b", backend=Address(*rig.address()))
        rig.supervisor.own_control([api.address])
        await rig.add("c", backend=Address(*api.address))

        for name in ("b", "c"):
            await turned_away(rig.address(name))
            error = rig.supervisor.proxy(name).last_error
            assert "is an address of chaostui's own" in error


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "fe80::1", "FE80::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"],
)
async def test_a_link_local_backend_is_refused(host: str) -> None:
    """Cloud metadata is not for a proxy that anybody can point there."""
    async with proxied(backend=Address(host, 80), connect_timeout=1) as rig:
        await turned_away(rig.address())

        assert "is link-local" in rig.supervisor.proxy().last_error


async def test_a_link_local_backend_can_be_allowed() -> None:
    """With ``allow_upstream`` it is dialled: what comes of it is the network's word."""
    supervisor = Supervisor(builtin(), seed=1)
    settings = make(backend=Address("169.254.1.1", 9), connect_timeout=0.3)
    await supervisor.start(Profile(proxy=(settings,), control=ControlSettings(allow_upstream=True)))
    try:
        at = Address.parse(supervisor.proxy().listen)
        async with await Peer.connect((at.host, at.port)):
            await eventually(lambda: supervisor.bus.since(1)[0])
        (dialled,) = [e for e in supervisor.bus.since(0)[0] if isinstance(e, Dialled)]
        assert "link-local" not in dialled.error
    finally:
        await supervisor.close()


async def test_a_backend_of_a_connection_that_lives_on_is_probed() -> None:
    """After some seconds, a few connections a tick, so that many hold up nobody."""
    async with proxied() as rig:
        await rig.pairs(PROBES + 4)
        proxy = rig.supervisor.core.proxies["a"]
        live = rig.supervisor.live()

        def probed() -> int:
            sockets = [c.backend.transport.get_extra_info("socket") for c in live]  # type: ignore[union-attr]
            return sum(s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for s in sockets)

        proxy.sweep(time.monotonic())
        assert probed() == 0
        proxy.sweep(time.monotonic() + SETTLED)
        assert probed() == PROBES
        proxy.sweep(time.monotonic() + SETTLED)
        assert probed() == PROBES + 4


async def test_a_backend_that_has_gone_before_its_connection_is_not_probed() -> None:
    """Its client still waits for what a delay keeps; there is nobody to ask behind it."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=60, direction="downstream")
        await client.send(b"?")
        await server.receive()
        await server.send(b"!")
        await eventually(lambda: rig.only.downstream)
        server.reset()
        (connection,) = rig.supervisor.live()
        await eventually(lambda: connection.backend.lost)
        proxy = rig.supervisor.core.proxies["a"]
        assert connection in proxy.young

        proxy.sweep(time.monotonic() + SETTLED)
        assert connection not in proxy.young
        assert rig.supervisor.view().failures == {}
