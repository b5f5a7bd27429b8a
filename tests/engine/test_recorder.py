"""The recorder: every event reaches the file, and nothing that is there is spoilt."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from chaostui.engine.export.recorder import Recorder, open_record
from chaostui.errors import SettingsError
from chaostui.events import Warned
from tests.engine.rig import Rig, proxied


def lines(path: Path) -> list[dict[str, Any]]:
    """What stands in a record."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def recorded(rig: Rig, path: Path) -> None:
    """Record a run in which one connection is delayed once, and goes."""
    recorder = Recorder(rig.supervisor, open_record(str(path)))
    recorder.start()
    await rig.fault("delay", sleep=0.01)
    client, server = await rig.pair()
    await client.send(b"ping")
    assert await server.receive() == b"ping"
    client.close()
    server.close()
    await rig.empty()
    await recorder.finish()


async def test_a_run_stands_between_its_begin_and_its_end(tmp_path: Path) -> None:
    """The engine before, each event in order, the engine after."""
    path = tmp_path / "run.jsonl"

    async with proxied() as rig:
        await recorded(rig, path)

    first, *events, last = lines(path)
    assert first["record"] == 1
    assert first["engine"]["proxies"][0]["stats"]["connections"] == 0
    assert [event["event"] for event in events][:4] == ["change", "open", "dial", "fault"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert last["engine"]["proxies"][0]["stats"]["hits"] == {"delay": 1}


async def test_another_run_is_written_after_the_first(tmp_path: Path) -> None:
    """A record grows by a run, also where the first ended in the middle of a line."""
    path = tmp_path / "run.jsonl"

    async with proxied() as rig:
        await recorded(rig, path)
    os.truncate(path, path.stat().st_size - 10)
    whole = path.read_bytes()
    async with proxied() as rig:
        await recorded(rig, path)

    assert path.read_bytes().startswith(whole + b'\n{"record":1,')
    assert path.read_bytes().endswith(b"}\n")


async def test_what_came_too_fast_is_counted(tmp_path: Path) -> None:
    """Events that left the ring before they were written are told by their number."""
    path = tmp_path / "run.jsonl"

    async with proxied() as rig:
        ring = rig.supervisor.bus._ring
        recorder = Recorder(rig.supervisor, open_record(str(path)))
        for _ in range((ring.maxlen or 0) + 5):
            rig.supervisor.bus.publish(Warned, proxy="a", message="again")
        recorder.start()
        await recorder.finish()

    assert [line for line in lines(path) if "lost" in line] == [{"lost": 5}]


def test_a_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask."""
    before = os.umask(0)
    try:
        open_record(str(tmp_path / "run.jsonl")).close()
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "run.jsonl").stat().st_mode) == 0o600


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A file that is no record, a link, a folder and a missing folder are each told in a line."""
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "notes")

    for name, what in {
        "notes": "there is a file already that is no record; name another one",
        "link": "a link is not followed",
        ".": "is a directory",
        "none/run": "no such file or directory",
    }.items():
        path = str(tmp_path) if name == "." else str(tmp_path / name)
        with pytest.raises(SettingsError) as caught:
            open_record(path)
        assert str(caught.value) == f"--record {path}: {what}"
    assert (tmp_path / "notes").read_text(encoding="utf-8") == "mine"


async def test_a_full_disk_ends_the_record_alone(caplog: pytest.LogCaptureFixture) -> None:
    """One warning, and traffic goes on."""
    async with proxied() as rig:
        recorder = Recorder(rig.supervisor, open_record("/dev/full"))
        with caplog.at_level(logging.WARNING):
            recorder.start()
            client, server = await rig.pair()
            await client.send(b"ping")
            assert await server.receive() == b"ping"
            await asyncio.wait_for(recorder.finish(), 5)

    assert caplog.messages == ["the record ends here: no space left on device"]
