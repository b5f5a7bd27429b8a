"""Listening: whole or not at all, on one port, able to pause without letting go."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest

from chaostui.engine.net.listener import Listener
from chaostui.errors import CannotListen
from chaostui.settings import Address
from tests import tcp
from tests.tcp import Peer, free_port


class Hello(asyncio.Protocol):
    """Greets each client that is accepted, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        greeting = cast("asyncio.Transport", transport)
        greeting.write(b"hello")
        greeting.close()


async def test_port_zero_becomes_a_real_port() -> None:
    """The bound address has the port that clients connect to."""
    listener = await Listener.bind(Address("127.0.0.1", 0))
    await listener.accept(Hello)
    try:
        assert listener.bound.port > 0
        async with await Peer.connect((listener.bound.host, listener.bound.port)) as client:
            assert await client.receive_exactly(5) == b"hello"
    finally:
        listener.close()


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("203.0.113.9", 4000, "cannot assign requested address"),
        ("name.invalid", 4000, "cannot resolve name.invalid"),
    ],
)
async def test_an_address_that_cannot_be_had_is_told_in_one_line(
    host: str, port: int, why: str
) -> None:
    """The address, the reason and the proxy's name."""
    with pytest.raises(CannotListen) as told:
        await Listener.bind(Address(host, port), "web")

    assert str(told.value).startswith(f"cannot listen on {host}:{port}: {why}")
    assert str(told.value).endswith('(proxy "web")')
    assert "\n" not in str(told.value)


async def test_a_port_in_use_is_told_in_one_line() -> None:
    """The port is named, so that its user can be found."""
    async with tcp.Listener() as taken:
        port = taken.address[1]
        with pytest.raises(CannotListen, match=rf"^cannot listen on 127\.0\.0\.1:{port}: address"):
            await Listener.bind(Address("127.0.0.1", port))


async def test_a_name_with_one_busy_address_is_not_bound_at_all() -> None:
    """localhost with ::1 taken: 127.0.0.1 is free again."""
    port = free_port()
    try:
        taken = tcp.Listener("::1", port)
    except OSError:
        pytest.skip("this machine has no ::1")
    async with taken:
        with pytest.raises(CannotListen, match=str(port)):
            await Listener.bind(Address("localhost", port))
        async with tcp.Listener("127.0.0.1", port):
            pass


async def test_localhost_listens_on_both_families_on_one_port() -> None:
    """U09: the same port on 127.0.0.1 and, where there is one, ::1."""
    listener = await Listener.bind(Address("localhost", 0))
    await listener.accept(Hello)
    try:
        hosts = {host for host, _ in listener.names}
        assert "127.0.0.1" in hosts
        assert len({port for _, port in listener.names}) == 1
        for host in hosts:
            async with await Peer.connect((host, listener.bound.port)) as client:
                assert await client.receive_exactly(5) == b"hello"
    finally:
        listener.close()


async def test_a_paused_listener_keeps_its_clients_waiting() -> None:
    """Clients connect, wait in the backlog, and are served when it goes on."""
    listener = await Listener.bind(Address("127.0.0.1", 0))
    address = (listener.bound.host, listener.bound.port)
    await listener.accept(Hello)
    try:
        for _ in range(3):
            listener.pause()
            async with await Peer.connect(address) as waiting:
                await waiting.expect_silence(0.05)
                await listener.accept(Hello)
                assert await waiting.receive_exactly(5) == b"hello"
    finally:
        listener.close()


async def test_a_closed_listener_refuses_and_its_port_is_free() -> None:
    """Clients are refused at once; somebody else may listen there."""
    listener = await Listener.bind(Address("127.0.0.1", 0))
    address = (listener.bound.host, listener.bound.port)
    await listener.accept(Hello)
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        await Peer.connect(address)

    async with tcp.Listener(*address):
        pass


async def test_a_shared_address_lives_until_both_have_closed() -> None:
    """The second proxy serves on when the first gives the address up."""
    first = await Listener.bind(Address("127.0.0.1", 0))
    address = (first.bound.host, first.bound.port)
    await first.accept(Hello)
    second = first.share()
    first.close()
    await second.accept(Hello)
    async with await Peer.connect(address) as client:
        assert await client.receive_exactly(5) == b"hello"
    second.close()
    with pytest.raises(ConnectionRefusedError):
        await Peer.connect(address)


async def test_a_listener_knows_what_it_serves() -> None:
    """The address as it was asked for, and with the port it got; nothing else."""
    listener = await Listener.bind(Address("127.0.0.1", 0))
    try:
        assert listener.serves(Address("127.0.0.1", 0))
        assert listener.serves(listener.bound)
        assert not listener.serves(Address("127.0.0.1", listener.bound.port - 1))
        assert not listener.serves(Address("127.0.0.2", listener.bound.port))
    finally:
        listener.close()


async def test_silent_clients_are_probed_by_the_kernel() -> None:
    """An accepted socket has keep-alive on, after 15 seconds."""
    told: list[tuple[int, int]] = []

    class Keep(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sock = transport.get_extra_info("socket")
            keeps = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            told.append((keeps, sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)))
            transport.close()

    listener = await Listener.bind(Address("127.0.0.1", 0))
    await listener.accept(Keep)
    try:
        async with await Peer.connect((listener.bound.host, listener.bound.port)) as client:
            await client.expect_eof()
    finally:
        listener.close()
    assert told == [(1, 15)]


def test_a_pause_while_it_begins_to_accept_is_obeyed() -> None:
    """Whatever the loop does in between: clients wait, and are served when it goes on."""

    async def main() -> None:
        listener = await Listener.bind(Address("127.0.0.1", 0))
        listener.at_once = 2
        try:
            async with await Peer.connect((listener.bound.host, listener.bound.port)) as waiting:
                begun = [asyncio.ensure_future(listener.accept(Hello))]
                await asyncio.sleep(0)
                listener.pause()
                await waiting.expect_silence(0.05)
                for _ in range(2):  # paused again before either has begun
                    begun.append(asyncio.ensure_future(listener.accept(Hello)))
                    await asyncio.sleep(0)
                    listener.pause()
                await waiting.expect_silence(0.05)
                await listener.accept(Hello)
                assert await waiting.receive_exactly(5) == b"hello"
                await asyncio.gather(*begun)
        finally:
            listener.close()

    # On asyncio's own loop, whose servers listen a step before the call ends.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())
