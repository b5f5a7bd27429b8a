"""Faults between and inside messages, on live connections."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui.settings import Mix
from tests.engine.rig import ACTOR, Rig, proxied

GET, REPLY = b"GET a\r\n", b"$6\r\nabcdef\r\n"


async def switch(rig: Rig, where: str, **options: Any) -> None:
    """Switch a hang on, in the mix or in the chain; ``where`` empty: off."""
    if where == "mix":
        await rig.fault("hang", **options)
    elif where == "chain":
        await rig.chain("slice", direction="downstream", size=4)
        await rig.chain("hang", name="hang", direction="upstream", **options)
    else:
        await rig.supervisor.set_mix(None, Mix(), ACTOR)
        for entry in rig.supervisor.chain(None):
            await rig.supervisor.remove_chain(None, entry.name, ACTOR)


@pytest.mark.parametrize("where", ["mix", "chain"])
async def test_a_hang_within_a_reply_heals_to_the_byte(where: str) -> None:
    """What passed before it hung is not sent again, and nothing is missing; replies go on."""
    async with proxied(protocol="redis") as rig:
        await switch(rig, where, at="mid-reply")
        client, server = await rig.pair()
        await client.send(GET)
        assert await server.receive_exactly(len(GET)) == GET
        await server.send(REPLY)
        begin = await client.receive()
        assert 0 < len(begin) < len(REPLY)
        await client.expect_silence(0.05)

        await switch(rig, "")
        assert begin + await client.receive_exactly(len(REPLY) - len(begin)) == REPLY
        await client.send(GET)
        assert await server.receive_exactly(len(GET)) == GET
        await server.send(REPLY)
        assert await client.receive_exactly(len(REPLY)) == REPLY


async def test_a_hang_that_is_renewed_lets_no_more_pass() -> None:
    """With new options it still hangs where it was."""
    async with proxied(protocol="redis") as rig:
        await rig.fault("hang", at="mid-reply")
        client, server = await rig.pair()
        await client.send(GET)
        await server.receive_exactly(len(GET))
        await server.send(REPLY)
        begin = await client.receive()
        await rig.supervisor.set_options(None, "hang", {"max_hits": 9}, ACTOR)
        await client.expect_silence(0.05)

        await switch(rig, "")
        assert begin + await client.receive_exactly(len(REPLY) - len(begin)) == REPLY


async def test_a_request_is_cut_off_before_it_is_delivered() -> None:
    """An abort at the request: the backend has a connection, and no request."""
    async with proxied(protocol="redis") as rig:
        await rig.fault("abort", at="request")
        client, server = await rig.pair()
        await client.send(GET)
        assert await client.expect_reset() == b""
        assert await server.expect_reset() == b""


async def test_half_a_reply_and_then_a_reset() -> None:
    """An abort within a reply lets half of it through."""
    async with proxied(protocol="redis") as rig:
        await rig.fault("abort", at="mid-reply")
        client, server = await rig.pair()
        await client.send(GET)
        await server.receive_exactly(len(GET))
        await server.send(REPLY)
        assert await client.expect_reset() == REPLY[: (len(REPLY) + 1) // 2]


async def test_an_entry_stands_where_at_means() -> None:
    """In a chain ``at`` decides on the direction, not the entry's own."""
    async with proxied(protocol="redis") as rig:
        name = await rig.chain("abort", direction="upstream", at="reply")
        (entry,) = rig.supervisor.chain(None)

        assert (entry.name, entry.direction) == (name, "downstream")
