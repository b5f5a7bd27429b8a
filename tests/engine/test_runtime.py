"""The clockwork: how late the loop is, and what outlives its owner."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from tests.engine.rig import proxied
from tests.wait import SLACK, eventually


async def test_a_loop_that_is_blocked_is_measured_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """L09: 300 ms in which nothing runs are seen as such, and forgotten after a second."""
    async with proxied() as rig:
        await eventually(lambda: rig.supervisor.view().loop_lag < 0.15)
        with caplog.at_level(logging.WARNING, "chaostui"):
            time.sleep(0.3)  # noqa: ASYNC251 (a handler that blocks)
            await asyncio.sleep(0.15)

        assert 0.15 <= rig.supervisor.view().loop_lag <= 0.6 + SLACK
        assert "the event loop was" in caplog.text
        await eventually(lambda: rig.supervisor.view().loop_lag < 0.15)


async def test_a_closed_engine_leaves_nothing_behind() -> None:
    """Listeners, connections, dials, timers and tasks end with it."""
    before = asyncio.all_tasks()
    async with proxied(behavior="delay", handler={"delay": {"sleep": 60, "duration": 60}}) as rig:
        pairs = await rig.pairs(5)
        await rig.chain("hang", duration=60)
        await rig.mix("hang", duration=60)
        await rig.supervisor.open_session(60, "", "test")
        for client, _ in pairs:
            await client.send(b"hello")

    assert asyncio.all_tasks() == before


async def test_an_engine_tells_about_itself() -> None:
    """Version, process, seed, uptime, revision and proxies, at a glance."""
    async with proxied(seed=42) as rig:
        revision = rig.supervisor.view().revision
        await rig.mix("5:delay")
        view = rig.supervisor.view()

        assert (view.seed, view.revision) == (42, revision + 1)
        assert [proxy.name for proxy in view.proxies] == ["a"]
        assert 0 <= view.uptime < 60
        assert view.rss > 5e6
        assert view.max_connections > 0
