"""Whether the program at the other end has let go of its socket, as the kernel knows it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from typing import cast

import pytest

from chaostui.engine.net.orphan import ends, orphaned
from tests.engine.test_dial import v6
from tests.tcp import Peer
from tests.wait import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sock_diag(7) is Linux's")
WAYS = [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.5")]
if v6():
    WAYS += [("::1", "::1"), ("::", "127.0.0.1")]


class Pair:
    """A client's socket, and the transport of who has accepted it."""

    def __init__(self, client: Peer, transport: asyncio.Transport) -> None:
        self.client = client
        self.transport = transport

    @property
    def orphaned(self) -> bool:
        """Whether the client has gone."""
        return orphaned(ends(self.transport))


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[1]} at {way[0]}")
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """A connection by IPv4, IPv6 and IPv4 within IPv6."""
    host, target = request.param
    loop = asyncio.get_running_loop()
    made: asyncio.Future[asyncio.Transport] = loop.create_future()

    class Accepted(asyncio.Protocol):
        """Keeps the connection after the client's FIN."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            """Tell of it."""
            made.set_result(cast("asyncio.Transport", transport))

        def eof_received(self) -> bool:
            """Go on."""
            return True

    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if ":" in host:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listening.bind((host, 0))
    server = await loop.create_server(Accepted, sock=listening)
    client = await Peer.connect((target, listening.getsockname()[1]))
    transport = await made
    yield Pair(client, transport)
    client.close()
    transport.abort()
    server.close()


async def test_a_client_that_waits_for_its_answer_is_none(pair: Pair) -> None:
    """Open or half-closed: somebody has the socket."""
    assert not pair.orphaned
    pair.client.half_close()
    await asyncio.sleep(0.01)
    assert not pair.orphaned


async def test_a_client_that_has_closed_is_one(pair: Pair) -> None:
    """Half-closed before, or not."""
    pair.client.half_close()
    pair.client.close()
    await eventually(lambda: pair.orphaned)


async def test_a_socket_that_another_process_has_too_is_none(pair: Pair) -> None:
    """It is open until the last has closed it."""
    fd = pair.client.sock.fileno()
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE, pass_fds=[fd]
    )
    pair.client.close()
    try:
        await asyncio.sleep(0.01)
        assert not pair.orphaned
    finally:
        other.kill()
        await other.wait()
    await eventually(lambda: pair.orphaned)


async def test_nothing_is_told_after_both_ends(pair: Pair) -> None:
    """What waits for stray segments has no inode, though a program may still have its file."""
    pair.client.half_close()
    pair.transport.write_eof()
    await pair.client.expect_eof()
    await asyncio.sleep(0.01)
    assert not pair.orphaned


async def test_a_client_that_has_reset_is_unknown(pair: Pair) -> None:
    """There is no such socket any more, as there is none of a client on another machine."""
    pair.client.reset()
    assert not pair.orphaned


def test_a_peer_elsewhere_is_unknown() -> None:
    """Neither its socket nor its program is this kernel's."""
    assert not orphaned((("192.0.2.1", 1234), ("127.0.0.1", 80)))
    assert not orphaned(None)
