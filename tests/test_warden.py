"""The process beside an engine: there as long as the engine is, and silent while that is well."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaostui.warden import SILENT, _Watch
from tests.api.engine import Echo
from tests.engine.headless import Headless
from tests.wait import until


@pytest.fixture
def running() -> Iterator[Headless]:
    """Run an engine before a backend that echoes."""
    with Echo() as echo:
        where = ("--listen", "127.0.0.1:0", "--backend", echo.address, "--drain", "0.2")
        with Headless(*where, "--api", "127.0.0.1:0") as engine:
            assert engine.ready, engine.log
            yield engine


def ping(engine: Headless) -> None:
    """Have a round trip through the proxy."""
    with socket.create_connection(engine.address(), timeout=10) as client:
        client.sendall(b"ping")
        assert client.recv(4) == b"ping"


def beside(engine: Headless) -> int:
    """The id of the process beside an engine."""
    children = Path(f"/proc/{engine.pid}/task/{engine.pid}/children")
    until(children.read_text)  # it is started when all else is ready
    (pid,) = map(int, children.read_text().split())
    return pid


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_engine(running: Headless, number: signal.Signals) -> None:
    """However the engine ends, nothing is left of it."""
    pid = beside(running)
    running.signal(number)
    running.wait()

    until(lambda: gone(pid))


def test_it_keeps_nothing_of_the_engine_open(running: Headless) -> None:
    """No socket is left in its hands: an address is free as soon as the engine gives it up."""
    files = Path(f"/proc/{beside(running)}/fd")

    def holds_a_socket() -> bool:
        try:
            return any("socket" in str(path.readlink()) for path in files.iterdir())
        except FileNotFoundError:  # one was closed meanwhile
            return True

    until(lambda: not holds_a_socket())


def test_signals_for_the_group_do_not_end_it(running: Headless) -> None:
    """ctrl-C in a terminal reaches it too; it ends when the engine has drained."""
    pid = beside(running)
    until(lambda: not gone(pid))
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    ping(running)

    assert not gone(pid)


def test_an_engine_that_somebody_stops_is_not_called_blocked(running: Headless) -> None:
    """SIGSTOP and SIGCONT, as a debugger sends them: nothing is said, traffic goes on."""
    ping(running)
    running.signal(signal.SIGSTOP)
    time.sleep(2 * SILENT)
    running.signal(signal.SIGCONT)
    ping(running)
    running.signal(signal.SIGTERM)

    assert running.wait() == 0
    assert "has blocked the loop" not in running.log


def test_an_engine_that_ends_while_it_is_asked_is_not_waited_for() -> None:
    """Killed just when it should say where it is: the process beside it does not ask for ever."""
    engine = subprocess.Popen(["sleep", "60"])
    reading, writing = os.pipe()
    os.close(writing)
    try:
        watch = _Watch(engine.pid, log=-1, alive=-1, signals=-1, dumps=reading)
        assert watch._place() == "something"
    finally:
        os.close(reading)
        engine.kill()
        engine.wait()
