"""The TCP actor does on a bare connection what tests of the proxy rely on."""

from __future__ import annotations

import asyncio

import pytest

from tests.tcp import Listener, Peer, free_port
from tests.wait import eventually, until


async def test_bytes_arrive_and_a_half_close_is_the_end() -> None:
    """What is sent before a half-close arrives, and the other way stays open."""
    async with Listener() as backend, await Peer.connect(backend.address) as client:
        server = await backend.accept()
        await client.send(b"question")
        client.half_close()

        assert await server.receive_all() == b"question"
        await server.send(b"answer")
        assert await client.receive_exactly(6) == b"answer"
        assert server.state == "CLOSE_WAIT"


async def test_a_reset_is_seen_as_a_reset() -> None:
    """A reset peer raises no end but a reset, after the bytes that came before."""
    async with Listener() as backend, await Peer.connect(backend.address) as client:
        server = await backend.accept()
        await server.send(b"half an ans")
        await eventually(lambda: server.unsent == 0)
        assert await client.receive_exactly(4) == b"half"
        server.reset()

        assert b" an ans".startswith(await client.expect_reset())


async def test_an_end_is_not_taken_for_a_reset() -> None:
    """A FIN where a RST is expected fails the test."""
    async with Listener() as backend, await Peer.connect(backend.address) as client:
        (await backend.accept()).close()

        with pytest.raises(AssertionError, match="FIN instead of RST"):
            await client.expect_reset()


async def test_a_peer_that_does_not_read_stops_the_sender() -> None:
    """Bytes pile up in the kernel's buffers until the sender is stuck."""
    async with (
        Listener(receive_buffer=4096) as backend,
        await Peer.connect(backend.address, send_buffer=4096) as client,
    ):
        await backend.accept()

        assert await client.send_until_stuck() > 0
        assert client.unsent > 0


async def test_silence_is_broken_by_a_byte() -> None:
    """A byte where silence is expected fails the test."""
    async with Listener() as backend, await Peer.connect(backend.address) as client:
        server = await backend.accept()
        await client.expect_silence(0.05)
        await server.send(b"x")

        with pytest.raises(AssertionError, match="not silent"):
            await client.expect_silence(1)


def test_free_ports_differ_and_are_not_handed_out_by_the_kernel() -> None:
    """Each call gives another port, below those that the kernel gives to clients."""
    ports = {free_port() for _ in range(20)}

    assert len(ports) == 20
    assert max(ports) < 32768


async def test_a_condition_that_never_comes_fails_in_time() -> None:
    """Waiting ends at its deadline with what was waited for."""
    with pytest.raises(AssertionError, match="never mind"):
        until(lambda: False, within=0.01, what="never mind")
    async with asyncio.timeout(2):
        with pytest.raises(AssertionError, match="never mind"):
            await eventually(lambda: False, within=0.01, what="never mind")
