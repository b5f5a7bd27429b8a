"""A process that has no more files: clients wait in the backlog, the API still answers."""

from __future__ import annotations

import contextlib
import resource
import socket

import pytest

from chaostui.engine.net.files import RESERVED_FILES, Files, reserve, spare
from chaostui.wire.views import StatsView
from tests.engine.headless import Headless
from tests.wait import until

CLIENTS = 300


def turned_away(clients: list[socket.socket]) -> int:
    """How many were reset or closed by now."""
    count = 0
    for client in clients:
        with contextlib.suppress(BlockingIOError):
            try:
                client.recv(1)
            except BlockingIOError:
                raise
            except OSError:
                pass
            count += 1
    return count


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit is changed from outside")
def test_at_the_file_limit_clients_wait_and_the_api_answers() -> None:
    """The limit sinks while it runs: hundreds of clients come, a few find room, none is lost."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as backend:
        host, port = backend.getsockname()
        arguments = ("--listen", "127.0.0.1:0", "--backend", f"{host}:{port}")
        with (
            Headless(*arguments, "--api", "127.0.0.1:0") as engine,
            contextlib.ExitStack() as open_,
        ):
            _, hard = resource.prlimit(engine.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (120, hard))
            ticked = engine.ask().engine().uptime + 0.3
            until(lambda: engine.ask().engine().uptime > ticked)
            clients = []
            for _ in range(CLIENTS):
                client = socket.create_connection(engine.address())
                client.setblocking(False)
                clients.append(open_.enter_context(client))

            def told() -> StatsView:
                return engine.ask().engine().proxies[0].stats

            until(lambda: "clients wait in the backlog" in engine.log)
            until(lambda: told().open > 10)
            assert told().open < CLIENTS // 2
            assert (told().refused, turned_away(clients)) == (0, 0), "they wait, none is lost"
            for client in clients:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
            until(lambda: told().open == 0)
            with socket.create_connection(engine.address()):
                until(lambda: told().open == 1, what="there is room again")


@pytest.mark.parametrize(("limit", "kept"), [(64, 24), (256, RESERVED_FILES), (20_000, 64)])
def test_a_part_of_the_files_is_not_for_clients(limit: int, kept: int) -> None:
    """Sixty-four, or three eighths where there are few."""
    assert reserve(limit) == kept


def test_calls_under_way_count_as_files() -> None:
    """Each will have one."""
    files = Files()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = soft - spare(soft) - 1
    assert not files.short(last)
    files.calls = 1
    assert files.short(last)
