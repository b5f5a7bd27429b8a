"""The log of a real engine: read or not, it never keeps traffic or a signal waiting."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.engine import Echo
from tests.engine.headless import Headless

LOUD = """
import logging, sys, warnings

async def loud(source, dest, to_backend, name, settings, server):
    server.log.warning("l" * 2000)
    print("o" * 2000)
    print("e" * 2000, file=sys.stderr)
    logging.getLogger("mine").warning("m" * 2000)
    warnings.warn("w" * 2000)
    await dest.sendall(await source.recv())
"""
EXCHANGES = 200
"""About 2 MB of words, where a pipe holds 64 KiB."""
QUICKLY = 8.0
"""Seconds within which an engine that waits for nobody has ended, a busy machine included."""


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Run a backend that answers what it is sent."""
    with Echo() as running:
        yield running


@pytest.fixture
def loud(tmp_path: Path, echo: Echo) -> Path:
    """Write a profile with a handler that says far more than anybody reads."""
    (tmp_path / "loud.py").write_text(LOUD)
    file = tmp_path / "chaos.toml"
    file.write_text(
        f"""
        [[proxy]]
        name = "proxy"
        listen = "127.0.0.1:0"
        backend = "{echo.address}"
        behavior = "loud"

        [handler.loud]
        callable = "loud:loud"
        """
    )
    return file


def talk(running: Headless, exchanges: int = EXCHANGES) -> None:
    """Make exchanges on one connection, each within a time limit, and close it."""
    with socket.create_connection(running.address(), timeout=10) as client:
        for _ in range(exchanges):
            client.sendall(b"ping")
            assert client.recv(4) == b"ping"


def ends(running: Headless) -> int:
    """Send SIGTERM; return the exit code."""
    began = running.signal(signal.SIGTERM)
    code = running.wait(30)
    assert time.monotonic() - began < QUICKLY
    return code


def test_pipes_that_nobody_reads_stop_neither_traffic_nor_the_end(
    loud: Path, tmp_path: Path
) -> None:
    """A test's ``Popen(stdout=PIPE, stderr=PIPE)``: exchanges go on, SIGTERM ends with 0."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Headless(loud, "--drain", "5", cwd=tmp_path, **pipes) as running:
        talk(running)

        assert ends(running) == 0
        assert running.process.stderr is not None
        running.process.stderr.close()


def test_a_terminal_that_is_stopped_stops_the_log_alone(loud: Path, tmp_path: Path) -> None:
    """ctrl-S: exchanges go on, SIGTERM ends with 0."""
    master, terminal = pty.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    with Headless(loud, "--drain", "5", cwd=tmp_path, stderr=terminal) as running:
        talk(running)

        assert ends(running) == 0
    os.close(master)
    os.close(terminal)


def test_a_full_disk_costs_the_log_alone(loud: Path, tmp_path: Path) -> None:
    """``--log-output`` to a disk that takes nothing: exchanges go on, SIGTERM ends with 0."""
    with Headless(loud, "--log-output", "/dev/full", cwd=tmp_path) as running:
        talk(running)

        assert ends(running) == 0
        assert "Traceback" not in running.log


def test_a_record_whose_disk_hangs_costs_the_record_alone(loud: Path, tmp_path: Path) -> None:
    """A write that never returns: exchanges go on, SIGTERM ends with 0 and says what is missing."""
    record = tmp_path / "record"
    os.mkfifo(record)
    log = tmp_path / "log"
    with Headless(loud, "--record", record, "--log-output", log, cwd=tmp_path) as running:
        talk(running, 600)

        assert ends(running) == 0
        assert "the record has no end: its disk does not answer" in log.read_text()


def test_all_that_was_said_is_written_at_a_clean_end(loud: Path, tmp_path: Path) -> None:
    """The last line is there, and what libraries and users' code say goes the same way."""
    with Headless(loud, cwd=tmp_path) as running:
        talk(running, 3)

        assert ends(running) == 0
        log = running.log
    assert "SIGTERM: draining" in log
    assert log.count("warning mine: " + "m" * 1000) >= 3
    assert log.count("e" * 2000) >= 3
    assert "were lost" not in log


def test_what_is_wrong_at_the_start_is_told_in_full() -> None:
    """An engine that ends at once writes its last line before it does."""
    taken = socket.create_server(("127.0.0.1", 0))
    where = f"127.0.0.1:{taken.getsockname()[1]}"
    with taken, Headless("--listen", where, "--backend", "127.0.0.1:1") as running:
        assert running.wait() == 3
        assert running.log.endswith('address already in use (proxy "proxy")\n')


def test_debug_tells_what_each_connection_meets(tmp_path: Path, echo: Echo) -> None:
    """``--log-level debug``: open, dial and close, a line each; without it none of them."""
    start = ["--listen", "127.0.0.1:0", "--backend", echo.address]
    told = []
    for level in ("debug", "info"):
        with Headless(*start, "--log-level", level, cwd=tmp_path) as running:
            talk(running, 1)

            assert ends(running) == 0
            told.append(running.log)

    for words in ("open from 127.0.0.1:", f"dial {echo.address}: connected", "close: client"):
        assert f" debug connection: proxy #1: {words}" in told[0]
    assert " debug " not in told[1]
