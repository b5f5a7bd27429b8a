"""Unmodified clients of Toxiproxy, from PyPI and from npm, drive the engine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toxiproxy import Toxiproxy as Client
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from tests.api.engine import Echo
from tests.api.toxiproxy import Toxiproxy
from tests.servers.server import program
from tests.wait import SLACK

NPM_CLIENT = "toxiproxy-node-client@4.1.0"
SCRIPT = Path(__file__).with_name("toxiproxy_client.js")


@pytest.fixture
def client() -> Iterator[Any]:
    """Run an engine and point the PyPI client at it."""
    with Toxiproxy() as server:
        client = Client()
        client.update_api_consumer("127.0.0.1", server.api)
        yield client


def ping(proxy: Any) -> tuple[bytes, float]:
    """Send four bytes through a proxy; return what comes back and after how long."""
    host, port = proxy.listen.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        started = time.monotonic()
        sock.sendall(b"ping")
        return sock.recv(10), time.monotonic() - started


def test_the_python_client_makes_and_destroys_proxies(client: Any, echo: Echo) -> None:
    """Its documented use: create, get, populate, destroy, version, running."""
    assert client.running()
    assert client.version() == b'{"version": "2.12.0"}\n'
    proxy = client.create(upstream=echo.address, name="first")
    with pytest.raises(ProxyExists):
        client.create(upstream=echo.address, name="first")
    assert client.get_proxy("first").listen == proxy.listen
    assert client.get_proxy("nope") is None
    others = [{"name": n, "upstream": echo.address, "listen": "127.0.0.1:0"} for n in ("a", "b")]
    assert [each.name for each in client.populate(others)] == ["a", "b"]
    assert ping(proxy)[0] == b"ping"

    assert client.destroy(proxy)
    assert sorted(client.proxies()) == ["a", "b"]
    with pytest.raises(NotFound):
        proxy.destroy()
    client.destroy_all()
    assert client.proxies() == {}


def test_the_python_client_takes_a_proxy_down(client: Any, echo: Echo) -> None:
    """``down`` refuses while it lasts, and the port is the same afterwards."""
    proxy = client.create(upstream=echo.address, name="first", listen="localhost:0")
    with proxy.down():
        assert not client.get_proxy("first").enabled
        with pytest.raises(ConnectionRefusedError):
            ping(proxy)

    assert client.get_proxy("first").enabled
    assert ping(proxy)[0] == b"ping"
    proxy.disable()
    assert client.reset()
    assert ping(proxy)[0] == b"ping"


@pytest.mark.parametrize(
    ("type_", "attributes"),
    [
        ("latency", {"latency": 100, "jitter": 0}),
        ("bandwidth", {"rate": 1000}),
        ("slow_close", {"delay": 10}),
        ("timeout", {"timeout": 1000}),
        ("reset_peer", {"timeout": 1000}),
        ("slicer", {"average_size": 64, "size_variation": 32, "delay": 10}),
        ("limit_data", {"bytes": 1000}),
        ("noop", {}),
    ],
)
def test_the_python_client_adds_every_toxic(
    client: Any, echo: Echo, type_: str, attributes: dict[str, int]
) -> None:
    """Each reads back as it was given and can be destroyed."""
    proxy = client.create(upstream=echo.address, name="first")
    proxy.add_toxic(type=type_, attributes=attributes, toxicity=0.5)
    toxic = proxy.get_toxic(f"{type_}_downstream")

    assert (toxic.type, toxic.stream, toxic.toxicity) == (type_, "downstream", 0.5)
    assert toxic.attributes == attributes
    assert proxy.destroy_toxic(toxic.name)
    assert proxy.toxics() == {}


def test_the_python_client_makes_replies_late(client: Any, echo: Echo) -> None:
    """A latency is felt, and gone when it is destroyed; wrong ones are refused."""
    proxy = client.create(upstream=echo.address, name="first")
    proxy.add_toxic(name="lag", type="latency", attributes={"latency": 800})
    assert 0.799 < ping(proxy)[1] < 1 + SLACK
    with pytest.raises(ProxyExists):
        proxy.add_toxic(name="lag", type="latency")
    for wrong in ({"type": "nope"}, {"type": "noop", "stream": "sideways"}):
        with pytest.raises(InvalidToxic):
            proxy.add_toxic(**wrong)
    proxy.destroy_toxic("lag")

    assert ping(proxy)[1] < 0.1 + SLACK


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the npm client."""
    npm = program("npm")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), NPM_CLIENT]
    subprocess.run(command, check=True, capture_output=True, timeout=50)
    return folder / "node_modules"


def test_the_node_client_works_as_in_its_own_tests(node_modules: Path, echo: Echo) -> None:
    """Proxies, populate, all toxics with update and removal, errors by status."""
    with Toxiproxy() as server:
        url = f"http://localhost:{server.api}"
        run = subprocess.run(
            ["node", str(SCRIPT), url, echo.address],
            env={**os.environ, "NODE_PATH": str(node_modules)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert run.returncode == 0, run.stderr
