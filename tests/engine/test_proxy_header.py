"""A PROXY header before any protocol: it reaches the backend whatever becomes of the requests."""

from __future__ import annotations

import pytest

from chaostui.match import Match, Network
from tests.engine.rig import proxied
from tests.protocols.test_proxy_header import LINE, PROTOCOLS, binary

PING = b"*1\r\n$4\r\nPING\r\n"
BUSY = b"-BUSY Redis is busy running a script."
HEADERS = [LINE, binary("10.1.2.3", 51234)]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("together", [True, False])
async def test_a_request_that_is_answered_here_does_not_take_the_header_with_it(
    header: bytes, together: bool
) -> None:
    """The first request is refused; the second one finds a backend that knows its client."""
    async with proxied(protocol="redis", behavior="errors") as rig:
        await rig.fault("errors", kind="busy", first=1)
        client, server = await rig.pair()
        for part in [header + PING] if together else [header, PING]:
            await client.send(part)
        assert (await client.receive()).startswith(BUSY)
        assert await server.receive_exactly(len(header)) == header
        await client.send(PING)
        assert await server.receive_exactly(len(PING)) == PING

        assert rig.only.client == "10.1.2.3:51234"
        assert (rig.stats.exchanges, rig.stats.desyncs, rig.stats.opaque) == (2, 0, 0)


@pytest.mark.parametrize("name", sorted({*(each.name for each in PROTOCOLS), "tcp"}))
async def test_nothing_is_changed_where_no_fault_is_on(name: str) -> None:
    """The header comes as it is, and its client is shown."""
    async with proxied(protocol=name) as rig:
        client, server = await rig.pair()
        await client.send(LINE)
        assert await server.receive_exactly(len(LINE)) == LINE

        assert rig.only.client == "10.1.2.3:51234"
        assert (rig.stats.desyncs, rig.stats.opaque) == (0, 0)


async def test_faults_are_for_the_client_that_it_names() -> None:
    """``match.client`` means it, and not the proxy that has passed it on."""
    async with proxied(protocol="redis") as rig:
        await rig.fault("errors", match=Match(client=Network.parse("10.0.0.0/8")), max_hits=2)
        client, server = await rig.pair()
        await client.send(LINE + PING)
        assert (await client.receive()).startswith(b"-")
        assert await server.receive_exactly(len(LINE)) == LINE
        await client.send(PING)
        assert (await client.receive()).startswith(b"-")
        await client.send(PING)
        assert await server.receive_exactly(len(PING)) == PING
        assert rig.hits == {"errors": 2}

        other, behind = await rig.pair()
        await other.send(binary("192.0.2.1", 1) + PING)
        assert (await behind.receive_exactly(28 + len(PING)))[28:] == PING


async def test_it_is_the_protocols_own_where_it_is_switched_off() -> None:
    """Then it makes no sense to Redis."""
    async with proxied(protocol="redis", protocol_options={"proxy_protocol": False}) as rig:
        client, server = await rig.pair()
        await client.send(binary("10.1.2.3", 1))
        assert await server.receive()
        assert rig.only.client != "10.1.2.3:1"
        assert rig.stats.desyncs == 1
