"""Periodic jobs: one that raises is contained, named once and counted, and the clock goes on."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from chaostui.api.native_live import Camera, _frames
from chaostui.engine.control import sweep
from chaostui.engine.control.proxy import Proxy
from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.export import recorder, statsd
from chaostui.engine.export.recorder import Recorder, open_record
from chaostui.engine.export.statsd import Statsd
from chaostui.engine.net.admission import Doorkeeper
from chaostui.engine.net.watch import Watch
from chaostui.engine.observe import memory
from chaostui.engine.pace.jobs import Jobs
from chaostui.engine.relay.connection import Connection
from chaostui.engine.relay.dialling import Dialling
from chaostui.settings import Mix, StatsdSettings
from tests.engine.rig import ACTOR, Rig, echoing, ping, proxied
from tests.engine.test_dial import black_hole
from tests.wait import eventually


class Broken(Exception):
    """What a job raises here."""


def breaks(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Callable[[], None]:
    """Let a function raise; call what is returned to mend it."""
    whole = getattr(owner, name)

    def broken(*_: object, **__: object) -> None:
        raise Broken(name)

    monkeypatch.setattr(owner, name, broken)
    return lambda: monkeypatch.setattr(owner, name, whole)


async def goes_on(rig: Rig, caplog: pytest.LogCaptureFixture, job: str) -> None:
    """The job raises, again and again perhaps; it is counted, named once, and all else lives."""
    view = rig.supervisor.view
    await eventually(lambda: view().failures.get(job), what=f"{job!r} is counted")
    core = rig.supervisor.core
    for _ in range(3):
        ticked = core.now
        while core.now == ticked:
            await asyncio.sleep(0.01)
    named = [record for record in caplog.records if "failed, and goes on" in record.getMessage()]
    assert [record.getMessage().partition(" failed")[0] for record in named] == [job]


@pytest.mark.parametrize(
    ("owner", "name", "job"),
    [
        (Watch, "arm", "watching paused sockets"),
        (Proxy, "sweep", "sweeping a proxy"),
        (memory.Memory, "look", "giving memory back"),
        (Connection, "look", "ending idle connections"),
        (sweep, "keep_alive", "probing a backend"),
    ],
)
async def test_the_clock_survives_each_of_its_jobs(
    owner: Any,
    name: str,
    job: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the tick does may raise: traffic, later ticks and the other jobs go on."""
    monkeypatch.setattr(sweep, "SETTLED", 0.0)
    async with proxied(idle_timeout=60) as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        breaks(monkeypatch, owner, name)

        await goes_on(rig, caplog, job)
        await ping(client)


async def test_one_connection_keeps_no_other_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The look at one raises each time; the idle one beside it is closed in time."""
    async with proxied(idle_timeout=0.3) as rig:
        first, second = await rig.connect(), await rig.connect()
        await eventually(lambda: len(rig.supervisor.connections()) == 2)
        look = Connection.look

        def breaks_for_the_first(connection: Connection, now: float) -> float:
            if connection.id == 1:
                raise Broken("look")
            return look(connection, now)

        monkeypatch.setattr(Connection, "look", breaks_for_the_first)
        await second.expect_eof()
        await goes_on(rig, caplog, "ending idle connections")
        monkeypatch.setattr(Connection, "look", look)
        await first.expect_eof()


async def test_a_call_that_cannot_be_looked_at_is_given_up_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connect timeout is kept as soon as the look at the call works again."""
    async with black_hole() as hole, proxied(backend=hole, connect_timeout=0.1) as rig:
        mend = breaks(monkeypatch, Dialling, "look")
        client = await rig.connect()
        await goes_on(rig, caplog, "giving calls up")
        mend()
        await client.expect_reset()


async def fault_with_an_end(rig: Rig) -> None:
    """A fault that ends by itself."""
    await rig.mix("hang", duration=0.05)


async def session_with_a_fault(rig: Rig) -> None:
    """A fault whose owner never renews its lease."""
    session = await rig.supervisor.open_session(0.1, "", ACTOR)
    await rig.supervisor.add_fault(session.id, None, Mix.parse("hang"), ACTOR)


async def fault_in_turns(rig: Rig) -> None:
    """Clients are refused in half of the seconds."""
    await rig.mix("50:refuse")


@pytest.mark.parametrize(
    ("owner", "name", "job", "begin"),
    [
        (Proxy, "expire", "ending what is over", fault_with_an_end),
        (Proxy, "replan", "ending what is over", fault_with_an_end),
        (Proxy, "replan", "ending a session", session_with_a_fault),
        (Supervisor, "_expired", "ending a session", session_with_a_fault),
        (Doorkeeper, "look", "refusing clients in turns", fault_in_turns),
    ],
)
async def test_an_end_that_fails_is_tried_again(
    owner: Any,
    name: str,
    job: str,
    begin: Callable[[Rig], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fault whose end raises does not stay for ever: a second later it is ended."""
    whole, broken = getattr(owner, name), [False]

    def sometimes(*args: Any) -> Any:
        if broken[0]:
            raise Broken(name)
        return whole(*args)

    monkeypatch.setattr(owner, name, sometimes)
    async with proxied() as rig, echoing(rig):
        await begin(rig)
        broken[0] = True
        await goes_on(rig, caplog, job)
        broken[0] = False

        async def answers() -> bool:
            try:
                client = await rig.connect()
                await client.send(b"ping")
                async with asyncio.timeout(0.2):
                    return await client.receive() == b"ping"
            except (OSError, TimeoutError):
                return False

        async with asyncio.timeout(5):
            while not await answers():
                await asyncio.sleep(0.05)


async def test_a_reset_that_cannot_be_told_of_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The watch over paused sockets goes on when what it tells one connection raises."""
    async with proxied(behavior="hang", max_held=4096) as rig:
        client = await rig.connect()
        await client.send(b"x" * 10_000)
        await eventually(lambda: rig.supervisor.core.watch._armed)
        breaks(monkeypatch, Connection, "peer_vanished")
        client.reset()

        await goes_on(rig, caplog, "ending what was reset")


async def test_statsd_goes_on_after_a_packet_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next interval is another try."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        port = receiver.getsockname()[1]
        settings = StatsdSettings(host="127.0.0.1", port=port, interval=0.02)
        async with proxied() as rig:
            mend = breaks(monkeypatch, statsd, "packets")
            sending = asyncio.ensure_future(Statsd(rig.supervisor.core, settings).run())
            await goes_on(rig, caplog, "sending to statsd")
            mend()
            async with asyncio.timeout(5):
                assert await asyncio.get_running_loop().sock_recv(receiver, 100)
            sending.cancel()


async def test_a_record_goes_on_after_events_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """What cannot be written is left out; what comes later stands in the file."""
    path = tmp_path / "record"
    async with proxied() as rig:
        monkeypatch.setattr(recorder, "INTERVAL", 0.02)
        writing = Recorder(rig.supervisor, open_record(str(path)))
        mend = breaks(monkeypatch, Recorder, "_fresh")
        writing.start()
        await goes_on(rig, caplog, "recording")
        mend()
        await rig.mix("20:delay")
        await writing.finish()
    assert "20:delay" in path.read_text(encoding="utf-8")


async def test_live_frames_go_on_after_one_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A console sees the next frame, with everything in it told anew."""
    async with proxied() as rig, echoing(rig):
        await ping(await rig.connect())
        frames = _frames(Camera(_call(rig)), 0.01)
        await anext(frames)
        mend = breaks(monkeypatch, Supervisor, "view")
        waiting = asyncio.ensure_future(anext(frames))
        failures = rig.supervisor.core.jobs.failures
        await eventually(lambda: failures["taking a frame"])
        mend()
        assert len(await waiting) > 100
        await goes_on(rig, caplog, "taking a frame")
        await frames.aclose()


def _call(rig: Rig) -> Any:
    class Asked:
        """What a camera wants to know of a call."""

        supervisor = rig.supervisor

        @staticmethod
        def query(_: str) -> None:
            """No proxy in particular."""

    return Asked


async def test_a_callback_that_raises_is_named_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a loop catches itself is no flood of tracebacks."""
    jobs, loop = Jobs(), asyncio.get_running_loop()
    loop.set_exception_handler(jobs.caught)
    caplog.set_level(logging.ERROR)
    for _ in range(100):
        loop.call_soon(int, "no number")
    await eventually(lambda: jobs.failures.total() == 100)
    loop.set_exception_handler(None)

    (record,) = caplog.records
    assert "Exception in callback" in record.getMessage()
    assert "no number" in record.getMessage()


def test_another_kind_of_failure_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    """Once for each job and each kind of exception."""
    jobs = Jobs()
    for error in (ValueError("a"), ValueError("b"), KeyError("c")):
        jobs.failed("looking", error)
    assert jobs.failures == {"looking": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "looking failed, and goes on: ValueError('a')",
        "looking failed, and goes on: KeyError('c')",
    ]
