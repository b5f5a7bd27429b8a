"""A real engine ends when it is told to, whatever a user's code in it does."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.engine import Echo
from tests.engine.headless import Headless
from tests.wait import until

CODE = """
import asyncio
import itertools
import time

from chaostui.handler import Handler


async def spins(source, dest, to_backend, name, settings, server):
    while True:
        pass


async def sleeps(source, dest, to_backend, name, settings, server):
    time.sleep(3600)


async def holds(source, dest, to_backend, name, settings, server):
    sum(itertools.repeat(1))


async def swallows(source, dest, to_backend, name, settings, server):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass


async def reads_on(source, dest, to_backend, name, settings, server):
    while True:
        data = await source.recv()
        if data:
            await dest.sendall(data)


def never_returns(source, dest, to_backend, name, settings, server):
    while True:
        time.sleep(3600)


def spins_beside(source, dest, to_backend, name, settings, server):
    while True:
        pass


async def interrupts(source, dest, to_backend, name, settings, server):
    raise KeyboardInterrupt


async def exits(source, dest, to_backend, name, settings, server):
    raise SystemExit(7)


def exits_beside(source, dest, to_backend, name, settings, server):
    raise SystemExit(7)


class Exits(Handler):
    name = "class_exits"

    def on_data(self, frame):
        raise SystemExit(7)


class Interrupts(Handler):
    name = "class_interrupts"

    def __init__(self, options, context):
        raise KeyboardInterrupt
"""
DRAIN = 0.5
IN_TIME = DRAIN + 2
SLACK = 8.0
"""Seconds that a busy machine may add."""


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Run a backend that answers what it is sent."""
    with Echo() as running:
        yield running


@contextmanager
def engine(folder: Path, echo: Echo, handler: str, *, owned: bool = False) -> Iterator[Headless]:
    """An engine with the proxy ``faulty``, where ``handler`` acts, and ``fine``, without faults."""
    (folder / "users.py").write_text(CODE)
    (folder / "chaos.toml").write_text(
        f"""
        drain = {DRAIN}

        [[proxy]]
        name = "faulty"
        listen = "127.0.0.1:0"
        backend = "{echo.address}"
        behavior = "{handler.lower()}"

        [[proxy]]
        name = "fine"
        listen = "127.0.0.1:0"
        backend = "{echo.address}"

        [handler.{handler.lower()}]
        callable = "users:{handler}"
        """
    )
    with Headless("chaos.toml", cwd=folder, owned=owned) as running:
        assert running.ready, running.log
        yield running


def ping(client: socket.socket) -> None:
    """Send something and get it back."""
    client.sendall(b"ping")
    assert client.recv(4) == b"ping"


def connect(running: Headless, proxy: str) -> socket.socket:
    """Connect a client."""
    return socket.create_connection(running.address(proxy), timeout=10)


@pytest.mark.parametrize(("handler", "line"), [("spins", 10), ("sleeps", 15), ("holds", 19)])
def test_code_that_keeps_the_loop_is_named_and_ended(
    tmp_path: Path, echo: Echo, handler: str, line: int
) -> None:
    """The log names it while it runs; SIGTERM ends the process soon after the drain, with 4."""
    with engine(tmp_path, echo, handler) as running, connect(running, "faulty") as client:
        client.sendall(b"ping")
        place = f"{handler} at {tmp_path / 'users.py'}:{line} has blocked the loop for 1."
        until(lambda: place in running.log)
        began = running.signal(signal.SIGTERM)

        assert running.wait(30) == 4
        assert DRAIN < time.monotonic() - began < IN_TIME + SLACK


@pytest.mark.parametrize(("handler", "code"), [("spins", 143), ("holds", 4)])
def test_a_second_signal_ends_a_blocked_engine_at_once(
    tmp_path: Path, echo: Echo, handler: str, code: int
) -> None:
    """Long before the drain is over; with 143 where Python still runs."""
    with engine(tmp_path, echo, handler) as running, connect(running, "faulty") as client:
        client.sendall(b"ping")
        until(lambda: "has blocked the loop" in running.log)
        running.signal(signal.SIGTERM)
        time.sleep(0.05)
        running.signal(signal.SIGTERM)

        assert running.wait(30) == code
        assert "the engine has not ended" not in running.log


def test_a_blocked_engine_ends_with_its_owner(tmp_path: Path, echo: Echo) -> None:
    """An owner that dies leaves nothing behind, not even what nobody can talk to any more."""
    with (
        engine(tmp_path, echo, "spins", owned=True) as running,
        connect(running, "faulty") as client,
    ):
        client.sendall(b"ping")
        until(lambda: "has blocked the loop" in running.log)
        running.disown()

        assert running.wait(30) == 4


def test_code_that_swallows_its_cancellation_is_named_and_left(tmp_path: Path, echo: Echo) -> None:
    """One SIGTERM is enough, and the log says what did not end."""
    with engine(tmp_path, echo, "swallows") as running, connect(running, "faulty") as client:
        client.sendall(b"ping")
        with connect(running, "fine") as other:
            ping(other)
        began = running.signal(signal.SIGTERM)

        assert running.wait(30) == 4
        assert time.monotonic() - began < IN_TIME + SLACK
        assert f"swallows at {tmp_path / 'users.py'}:25 does not end" in running.log


@pytest.mark.parametrize("handler", ["never_returns", "spins_beside", "swallows", "reads_on"])
def test_code_that_never_returns_costs_its_own_connection_alone(
    tmp_path: Path, echo: Echo, handler: str
) -> None:
    """Others are served beside it, and after its client has gone; SIGTERM ends the process."""
    with engine(tmp_path, echo, handler) as running:
        with connect(running, "faulty") as client:
            client.sendall(b"ping")
            client.shutdown(socket.SHUT_WR)
            with connect(running, "fine") as other:
                ping(other)
        with connect(running, "fine") as other:
            ping(other)
        began = running.signal(signal.SIGTERM)

        assert running.wait(30) in (0, 4)
        assert time.monotonic() - began < IN_TIME + SLACK


def ask_in_vain(running: Headless) -> None:
    """Send something on a connection that is reset, before that or after."""
    with connect(running, "faulty") as client:
        client.sendall(b"ping")
        client.recv(1)


@pytest.mark.parametrize("handler", ["interrupts", "exits", "exits_beside", "Exits", "Interrupts"])
def test_what_would_end_a_program_ends_one_connection(
    tmp_path: Path, echo: Echo, handler: str
) -> None:
    """KeyboardInterrupt and SystemExit cut the connection they were raised on; others live on."""
    with engine(tmp_path, echo, handler) as running, connect(running, "fine") as other:
        ping(other)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                ask_in_vain(running)
        ping(other)
        until(lambda: "failed on connection" in running.log)
        other.close()
        running.signal(signal.SIGTERM)

        assert running.wait(30) == 0
