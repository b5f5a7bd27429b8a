"""Engines in processes of their own: started as Vaurien's users do, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaostui.client import Client, start_proxy, stop_proxy
from tests.api.engine import Echo
from tests.tcp import free_port
from tests.wait import until

Start = Callable[..., tuple[int, Client]]

STARTER = """
import sys, time
from chaostui import start_proxy
print(start_proxy(proxy_port=int(sys.argv[1]), port=int(sys.argv[2])), flush=True)
time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start engines on free ports, and stop those that are left."""
    started: list[int] = []

    def run(**options: Any) -> tuple[int, Client]:
        port = free_port()
        wanted: dict[str, Any] = {"proxy_port": free_port(), "port": port, "log_level": "error"}
        pid = start_proxy(**(wanted | options))
        started.append(pid)
        return pid, Client(port=port)

    yield run
    for pid in started:
        try:
            stop_proxy(pid)
        except ValueError:
            continue


def alive(pid: int) -> bool:
    """Whether a process runs that is no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_engine_answers_as_soon_as_it_is_started(start: Start) -> None:
    """No waiting: the pid comes back when everything is bound."""
    pid, client = start()

    view = client.engine()

    assert view.pid == pid
    assert [proxy.name for proxy in view.proxies] == ["proxy"]
    assert view.proxies[0].backend == "localhost:8888"


def test_an_engine_takes_vaurien_s_parameters(start: Start, echo: Echo) -> None:
    """Addresses, protocol and options of the second generation are used."""
    host, _, port = echo.address.rpartition(":")
    listen = free_port()
    _, client = start(
        proxy_host="127.0.0.1",
        proxy_port=listen,
        backend_host=host,
        backend_port=int(port),
        protocol="http",
        warmup=20,
        options={"delay.sleep": 2.5, "errors.inject": True},
    )

    assert client.proxy().protocol == "http"
    assert client.proxy().listen == f"127.0.0.1:{listen}"
    assert client.handler("delay").options["sleep"] == 2.5
    assert client.handler("errors").options["inject"] is True
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", listen), timeout=5) as sock:
        sock.sendall(request)
        assert sock.recv(len(request), socket.MSG_WAITALL) == request


def test_the_api_s_address_has_two_names(start: Start) -> None:
    """``host`` and ``port`` of the first generation are ``http_host`` and ``http_port`` later."""
    port = free_port()
    start(port=None, http_host="127.0.0.1", http_port=port, options=["--behavior", "20:delay"])

    assert Client("127.0.0.1", port).get_handler() == "20:delay"


def test_without_http_the_api_s_port_is_left_alone(start: Start) -> None:
    """Engines without an API may be as many as there are ports for proxies."""
    pid, client = start(http=False)

    assert alive(pid)
    with pytest.raises(Exception, match="no engine answers"):
        client.health()


def test_an_engine_that_cannot_start_says_why(start: Start) -> None:
    """The engine's own message is raised, and nothing runs."""
    _, client = start()
    taken = client.proxy().listen.rpartition(":")[2]
    api = client.address.port

    with pytest.raises(ValueError, match=f"cannot listen on localhost:{taken}"):
        start(proxy_port=int(taken))
    with pytest.raises(ValueError, match=rf"cannot listen on localhost:{api}.*control API"):
        start(port=api)
    with pytest.raises(ValueError, match="no protocol 'nope'"):
        start(protocol="nope")
    with pytest.raises(ValueError, match="--nope"):
        start(options=["--nope"])
    with pytest.raises(ValueError, match="sleep"):
        start(options={"delay.sleep": "long"})


def test_an_engine_that_is_not_ready_in_time_is_ended(start: Start) -> None:
    """``warmup`` bounds the wait."""
    with pytest.raises(ValueError, match="not ready after 0 s"):
        start(warmup=0)


def test_an_engine_is_stopped_and_gone(start: Start) -> None:
    """After ``stop_proxy`` its ports are free and its pid is unknown."""
    pid, client = start()
    client.health()

    stop_proxy(pid)

    assert not alive(pid)
    with pytest.raises(ValueError, match="Not found"):
        stop_proxy(pid)
    with pytest.raises(ValueError, match="Not found"):
        stop_proxy(os.getpid())


def test_a_stop_does_not_wait_for_idle_connections(start: Start, echo: Echo) -> None:
    """A kept connection of the application holds the end up for a second at most."""
    host, _, port = echo.address.rpartition(":")
    pid, client = start(backend_host=host, backend_port=int(port))
    listen = client.proxy().listen.rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(listen)), timeout=5) as sock:
        sock.sendall(b"ping")
        assert sock.recv(4) == b"ping"
        begun = time.monotonic()

        stop_proxy(pid)

        assert time.monotonic() - begun < 2.5


def test_an_engine_that_died_is_stopped_without_fuss(start: Start) -> None:
    """A crashed engine is reaped."""
    pid, _ = start()
    os.kill(pid, signal.SIGKILL)

    stop_proxy(pid)

    assert not alive(pid)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_ends_with_its_owner(kind: signal.Signals) -> None:
    """A test run that is killed leaves no engine on its ports."""
    command = [sys.executable, "-c", STARTER, str(free_port()), str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(kind)
        owner.wait()

    until(lambda: not alive(pid))


def test_an_engine_ends_with_a_program_that_forgets_it() -> None:
    """A program's regular end stops what it started."""
    forget = STARTER.replace("time.sleep(60)", "")
    command = [sys.executable, "-c", forget, str(free_port()), str(free_port())]

    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)

    until(lambda: not alive(int(run.stdout)))
