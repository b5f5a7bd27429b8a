"""The listeners: bound, shared, given up."""

from __future__ import annotations

import asyncio
import socket
import stat
import time
from pathlib import Path

import pytest

from chaostui import registry
from chaostui.api.server import ControlServer
from chaostui.client import AsyncClient, Client
from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import CannotListen, EngineRefused, EngineUnreachable, SettingsError
from chaostui.settings import Address, ControlSettings
from tests.api.engine import LOOPBACK, Engine, proxy


async def test_it_answers_on_tcp_and_on_a_unix_socket(tmp_path: Path) -> None:
    """Both listeners serve the same engine; only the owner can use the socket."""
    path = tmp_path / "engine.sock"
    with Engine(proxy(), unix=path) as engine:
        assert [bool(address.path) for address in engine.server.addresses] == [False, True]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with Client(unix=path) as client:
            assert client.get_handler() == "normal"
            client.note("x")
            assert [change.actor for change in client.journal()] == ["api uid 0"]
        async with AsyncClient(unix=path) as other:
            assert await other.get_handler() == "normal"
    assert not path.exists()


def test_without_an_address_there_is_the_socket_alone(tmp_path: Path) -> None:
    """A profile without ``[control] listen`` opens no port."""
    path = tmp_path / "engine.sock"
    with Engine(proxy(), control=ControlSettings(), unix=path) as engine:
        assert [str(address) for address in engine.server.addresses] == [f"unix:{path}"]


def test_a_browser_s_rules_do_not_hold_on_the_socket(tmp_path: Path) -> None:
    """No web page reaches a Unix socket, so any Host will do there, and no token is asked for."""
    path = tmp_path / "engine.sock"
    token = tmp_path / "token"
    token.write_text("a" * 30)
    control = ControlSettings(listen=LOOPBACK, token_file=str(token))
    with Engine(proxy(), control=control, unix=path) as engine:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"GET /handler HTTP/1.0\r\nHost: anything\r\n\r\n")
            assert sock.makefile("rb").read().endswith(b"normal")
        assert engine.ask("GET", "/handler").status == 401


def test_localhost_is_every_loopback_on_one_port() -> None:
    """A name that stands for several addresses is bound on all of them."""
    control = ControlSettings(listen=Address("localhost", 0))
    with Engine(proxy(), control=control) as engine:
        found = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
        for host in found:
            with Client(str(host), engine.port) as client:
                assert client.health() == {"status": "ok"}
        assert str(engine.server.addresses[0]) == f"localhost:{engine.port}"


def test_a_taken_port_is_named_and_nothing_stays_bound(tmp_path: Path) -> None:
    """A second engine on the same port ends in one line; its Unix socket is not left behind."""
    path = tmp_path / "second.sock"
    with Engine(proxy()) as engine:
        control = ControlSettings(listen=Address("127.0.0.1", engine.port))
        with pytest.raises(CannotListen) as caught, Engine(proxy(), control=control, unix=path):
            pass

        expected = f"cannot listen on 127.0.0.1:{engine.port}: address already in use (control API)"
        assert str(caught.value) == expected
        assert not path.exists()


@pytest.mark.parametrize("host", ["203.0.113.9", "name.invalid"])
def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    """Addresses of other machines, and names of none, cannot be bound."""
    control = ControlSettings(listen=Address(host, 1), no_auth=True)

    with pytest.raises(CannotListen, match=f"cannot listen on {host}:1"), Engine(control=control):
        pass


def test_an_open_address_needs_a_token() -> None:
    """An API that other hosts reach does not start without one."""
    control = ControlSettings(listen=Address("0.0.0.0", 0))

    with pytest.raises(SettingsError, match="--api-no-auth"), Engine(control=control):
        pass


async def test_the_end_is_quick_with_streams_open(tmp_path: Path) -> None:
    """Neither idle connections nor endless answers hold the engine up."""
    supervisor = Supervisor(registry.builtin())
    server = ControlServer()
    path = tmp_path / "s.sock"
    await server.start(supervisor, ControlSettings(), path)
    async with AsyncClient(unix=path) as client:
        await client.health()
        events = client.events()
        waiting = asyncio.create_task(anext(events))
        live = client.live()
        await anext(live)
        start = time.monotonic()

        await server.close()

        assert time.monotonic() - start < 1
        with pytest.raises(EngineUnreachable):
            await waiting
        with pytest.raises(EngineUnreachable):
            await anext(live)
        await live.aclose()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_calls_in_flight_are_answered_at_the_end(tmp_path: Path) -> None:
    """A call that is being served gets its answer; then the connection closes."""
    supervisor = Supervisor(registry.builtin())
    server = ControlServer()
    path = tmp_path / "s.sock"
    await server.start(supervisor, ControlSettings(), path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0)
    while not any(state.tasks for state in server._states):
        await asyncio.sleep(0)

    await server.close()

    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()


def test_toxiproxy_s_words_are_spoken_on_a_listener_of_their_own() -> None:
    """The same engine answers both APIs, each on its own port alone."""
    control = ControlSettings(listen=LOOPBACK, toxiproxy=LOOPBACK)
    with Engine(proxy(), control=control) as engine:
        assert engine.server.toxiproxy is not None
        port = engine.server.toxiproxy.port
        with Client("127.0.0.1", port) as client:
            assert list(client.request("GET", "/proxies")) == ["web"]
            with pytest.raises(EngineRefused):
                client.health()
        assert engine.ask("GET", "/proxies").status == 404
        assert engine.ask("PUT", "/backend", {"backend": f"localhost:{port}"}).status == 403
