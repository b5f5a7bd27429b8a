"""The log at ``debug`` tells what each connection meets, and costs nothing while nobody reads."""

from __future__ import annotations

import logging
import re

import pytest

from chaostui.engine.relay import trail
from tests.engine.rig import echoing, ping, proxied
from tests.trace import traced

LOGGER = "chaostui.connection"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told, figures that depend on the clock and on ports left out."""
    told = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    return [re.sub(r"\d+\.\d+ s|(?<=127\.0\.0\.1:)\d+|[\d.]+ms", "…", line) for line in told]


async def test_a_connection_is_told_from_open_to_close(caplog: pytest.LogCaptureFixture) -> None:
    """A line each for open, dial, draw, what is released by the clock or by hand, and close."""
    caplog.set_level(logging.DEBUG, "chaostui")
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        await rig.fault("delay", sleep=0.01)
        await ping(client)
        await rig.fault("hang")
        await client.send(b"ping")
        await rig.until_hit("hang")
        await rig.mix("")
        assert await client.receive_exactly(4) == b"ping"
        client.half_close()
        await rig.empty()

    told = lines(caplog)
    assert told[:4] == [
        "a #1: open from 127.0.0.1:…",
        "a #1: dial 127.0.0.1:…: connected (…)",
        "a #1: draw delay for exchange 2",
        "a #1: release 4 bytes upstream, held … by delay",
    ]
    assert "a #1: draw hang for exchange 3" in told
    assert any(line.startswith("a #1: release hang: ") for line in told)
    assert told[-1] == "a #1: close: client closed, <Connection 1 a normal ↑12 B ↓12 B closed>"


async def test_a_dial_that_fails_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """The reason stands in the line of the dial, and in that of the end."""
    caplog.set_level(logging.DEBUG, "chaostui")
    async with proxied() as rig:
        rig.backend.close()
        client = await rig.connect()
        await client.expect_reset()
        await rig.empty()

    assert lines(caplog)[1:] == [
        "a #1: dial 127.0.0.1:…: connection refused (…)",
        "a #1: close: backend refused, <Connection 1 a normal ↑0 B ↓0 B closed>",
    ]


async def test_names_from_outside_are_inert_in_it(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever steers a terminal is written out, for logs of others' making too."""
    caplog.set_level(logging.DEBUG, "chaostui")

    trail.say("a\x1b[2J", 1, "open from \x9b31m\r\nb\u202e")

    assert lines(caplog) == [r"a\x1b[2J #1: open from \x9b31m\x0d\x0ab\u202e"]


async def test_nothing_is_computed_while_nobody_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    """At ``info`` no line is put together, from open to close, with a fault and without."""
    caplog.set_level(logging.INFO, "chaostui")
    with traced() as calls:
        async with proxied() as rig, echoing(rig):
            client = await rig.connect()
            await ping(client)
            await rig.fault("delay", sleep=0.01)
            await ping(client)
            client.close()
            await rig.empty()

    assert [call for call in calls if call.file.endswith("trail.py")] == []
    assert any(call.name == "Connection.dialled" for call in calls)
    assert lines(caplog) == []
