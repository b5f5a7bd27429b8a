"""Faults that cannot act, because only a connection's peers can read it, are told and counted."""

from __future__ import annotations

import pytest

from chaostui.events import Warned
from chaostui.match import Match, Word
from tests.engine.rig import Rig, proxied
from tests.protocols.test_negotiation import SSL
from tests.protocols.test_tls import HELLO
from tests.tcp import Peer
from tests.wait import eventually

SET = Match(command=Word.parse("SET"))


async def secured(rig: Rig, hello: bytes = HELLO) -> tuple[Peer, Peer]:
    """A client whose TLS passes through, and the backend's end."""
    client, server = await rig.pair()
    await client.send(hello)
    assert await server.receive_exactly(len(hello)) == hello
    return client, server


async def turn(client: Peer, server: Peer) -> None:
    """One exchange of what nobody here can read."""
    await server.send(b"\x17\3\3\0\1!")
    assert await client.receive_exactly(6) == b"\x17\3\3\0\1!"
    await client.send(b"\x17\3\3\0\1?")
    assert await server.receive_exactly(6) == b"\x17\3\3\0\1?"


async def test_errors_pass_what_is_encrypted_and_the_proxy_says_so() -> None:
    """How many connections, which handlers, why, and which setting mends it."""
    async with proxied(protocol="redis", behavior="errors") as rig:
        client, server = await secured(rig)
        await turn(client, server)

        found = rig.supervisor.proxy().not_reached
        assert found is not None
        assert (found.connections, found.handlers) == (1, ("errors",))
        assert found.why.startswith("TLS")
        assert found.remedy == {"tls": "terminate", "backend_tls": "on"}
        assert rig.only.not_reached == ("errors",)
        assert (rig.hits, rig.stats.not_reached) == ({}, 2)
        (warned,) = rig.events(Warned)
        assert "errors cannot reach it (tls = terminate mends it)" in warned.message


@pytest.mark.parametrize("name", ["errors", "transient"])
@pytest.mark.parametrize("draw", ["request", "connection"])
async def test_each_draw_that_could_not_act_is_counted(name: str, draw: str) -> None:
    """One for each exchange, the first included, and none of them takes from ``max_hits``."""
    async with proxied(
        protocol="redis", behavior=name, draw=draw, handler={name: {"max_hits": 1}}
    ) as rig:
        client, server = await secured(rig)
        for _ in range(3):
            await turn(client, server)
        assert (rig.hits, rig.stats.not_reached) == ({}, 4)

        plain, _ = await rig.pair()
        await plain.send(b"*1\r\n$4\r\nPING\r\n")
        assert await plain.receive()
        assert rig.hits == {name: 1}


async def test_a_fault_for_certain_requests_cannot_act_either() -> None:
    """Whichever handler it is: who cannot be read does not match."""
    own = {"delay": {"match": SET}}
    async with proxied(protocol="redis", behavior="delay", handler=own) as rig:
        client, server = await secured(rig)
        await turn(client, server)
        found = rig.supervisor.proxy().not_reached
        assert found is not None
        assert found.handlers == ("delay",)
        assert rig.stats.not_reached == 2


async def test_the_chain_counts_too() -> None:
    """An entry that needs words is named beside the mix."""
    async with proxied(protocol="redis", behavior="errors") as rig:
        await rig.chain("delay", match=SET)
        client, server = await secured(rig)
        await turn(client, server)
        assert rig.only.not_reached == ("errors", "delay")


@pytest.mark.parametrize("name", ["delay", "throttle", "slice"])
async def test_faults_of_bytes_reach_everybody(name: str) -> None:
    """They need nothing but bytes, so nothing is missed."""
    async with proxied(protocol="redis", behavior=name) as rig:
        client, server = await secured(rig)
        await eventually(lambda: rig.hits == {name: 1} or name == "slice")
        assert rig.supervisor.proxy().not_reached is None
        assert not rig.only.not_reached
        assert rig.stats.not_reached == 0
        del client, server


async def test_random_bytes_are_put_into_what_is_encrypted_as_well() -> None:
    """``inject`` needs no words, so it hits."""
    async with proxied(
        protocol="redis", behavior="errors", handler={"errors": {"inject": True}}
    ) as rig:
        client, server = await rig.pair()
        await client.send(HELLO)
        await eventually(lambda: rig.hits == {"errors": 1})
        assert rig.supervisor.proxy().not_reached is None
        del server


async def test_nothing_is_missed_while_nothing_is_on() -> None:
    """Normal connections are no matter; a fault that is switched on misses them at once."""
    async with proxied(protocol="redis") as rig:
        client, server = await secured(rig)
        assert rig.supervisor.proxy().not_reached is None
        await rig.fault("errors")
        assert rig.supervisor.proxy().not_reached is not None
        assert rig.only.not_reached == ("errors",)
        client.reset()
        await server.expect_reset()
        await eventually(lambda: rig.supervisor.proxy().not_reached is None)


async def test_a_pinned_connection_is_missed_by_its_pin() -> None:
    """What the mix says does not matter to it."""
    async with proxied(protocol="redis", behavior="delay") as rig:
        await secured(rig)
        await rig.supervisor.pin(rig.only.id, "errors", "test")
        assert rig.only.not_reached == ("errors",)
        await rig.supervisor.pin(rig.only.id, "delay", "test")
        assert not rig.only.not_reached


async def test_tls_that_was_asked_for_in_the_protocols_words() -> None:
    """PostgreSQL's, granted by the backend, which hides all that follows."""
    async with proxied(protocol="postgres") as rig:
        client, server = await secured(rig, SSL)
        await server.send(b"S")
        assert await client.receive() == b"S"
        await rig.fault("errors")
        await client.send(HELLO)
        assert await server.receive_exactly(len(HELLO)) == HELLO
        found = rig.supervisor.proxy().not_reached
        assert found is not None
        assert found.why == "TLS"


async def test_a_frame_that_was_lost_otherwise_is_another_matter() -> None:
    """Nonsense is no encryption: no setting would mend it."""
    async with proxied(protocol="redis", behavior="errors") as rig:
        client, server = await rig.pair()
        await rig.mix("")
        await client.send(b"*nonsense\r\n")
        assert await server.receive() == b"*nonsense\r\n"
        await rig.fault("errors")
        assert rig.supervisor.proxy().not_reached is None
