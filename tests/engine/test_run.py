"""An engine as a process: how it starts, obeys signals, and ends, with which exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaostui import Client
from tests.engine.headless import Headless
from tests.engine.rig import ping, turned_away
from tests.tcp import Listener, Peer, free_port
from tests.wait import SOON, eventually

API = ("--api", "127.0.0.1:0")


def engine(backend: Listener, *arguments: str | Path, **options: Any) -> Headless:
    """An engine with one proxy, named ``proxy``, before ``backend``."""
    where = f"127.0.0.1:{backend.address[1]}"
    given = ("--listen", "127.0.0.1:0", "--backend", where, *API, *arguments)
    started = Headless(*given, **options)
    assert started.ready, started.log
    return started


async def connect(running: Headless, backend: Listener, proxy: str = "proxy") -> Peer:
    """A client of the engine's, closed with the backend at the latest."""
    client = await Peer.connect(running.address(proxy))
    backend._accepted.append(client)
    return client


async def pair(running: Headless, backend: Listener, proxy: str = "proxy") -> tuple[Peer, Peer]:
    """A client and the backend's end of its connection."""
    return await connect(running, backend, proxy), await backend.accept()


def profile(folder: Path, text: str) -> Path:
    """Write a profile."""
    file = folder / "chaos.toml"
    file.write_text(text)
    return file


def one_proxy(listen: int, backend: int, *more: str) -> str:
    """A profile's proxy ``web``."""
    return "\n".join(
        (
            "[[proxy]]",
            'name = "web"',
            f'listen = "127.0.0.1:{listen}"',
            f'backend = "127.0.0.1:{backend}"',
            *more,
            "",
        )
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


# -- starting ---------------------------------------------------------------------------------


def test_a_busy_port_ends_the_start_with_3_and_one_line(tmp_path: Path, taken: int) -> None:
    """S01: the line names address, reason and proxy; the first proxy's port is free again."""
    free = free_port()
    text = one_proxy(free, 1) + one_proxy(taken, 1).replace("web", "second")
    start = time.monotonic()
    with Headless(profile(tmp_path, text)) as refused:
        assert refused.ready == {}
        assert refused.wait() == 3
        assert time.monotonic() - start < 5
        line = f'cannot listen on 127.0.0.1:{taken}: address already in use (proxy "second")'
        assert refused.log.strip().endswith(line)
        assert len(refused.log.strip().splitlines()) == 1
    socket.create_server(("127.0.0.1", free)).close()


def test_a_busy_api_port_ends_the_start_with_3(taken: int) -> None:
    """S02: nothing is served without the API that was asked for."""
    free = free_port()
    listen = ("--listen", f"127.0.0.1:{free}", "--backend", "127.0.0.1:1")
    with Headless(*listen, "--api", f"127.0.0.1:{taken}") as refused:
        assert refused.wait() == 3
        assert f"127.0.0.1:{taken}: address already in use" in refused.log
        assert "Traceback" not in refused.log
    socket.create_server(("127.0.0.1", free)).close()


@pytest.mark.parametrize(
    ("listen", "why"),
    [("203.0.113.9:8000", "cannot assign requested address"), ("name.invalid:80", "resolve")],
)
def test_an_address_of_another_host_ends_the_start_with_3(listen: str, why: str) -> None:
    """S03: the reason is said, without a traceback."""
    with Headless("--listen", listen, "--backend", "127.0.0.1:1", *API) as refused:
        assert refused.wait() == 3
        assert f"cannot listen on {listen}" in refused.log
        assert why in refused.log
        assert "Traceback" not in refused.log


def test_a_wrong_profile_ends_the_start_with_2_and_binds_nothing(tmp_path: Path) -> None:
    """S04: every problem at its line, and the port stays free."""
    port = free_port()
    file = profile(tmp_path, one_proxy(port, 1, 'protcol = "http"', 'behavior = "20:dealy"'))
    with Headless(file) as refused:
        assert refused.wait() == 2
        assert f"{file}:5" in refused.log
        assert "protocol" in refused.log
        assert f"{file}:6" in refused.log
        assert "delay" in refused.log
        assert "Traceback" not in refused.log
    socket.create_server(("127.0.0.1", port)).close()


async def test_it_starts_with_an_empty_environment(tmp_path: Path) -> None:
    """S16: no HOME, no XDG, a folder that cannot be written."""
    async with Listener() as backend:
        with engine(backend, environ={}, cwd="/") as running:
            client, server = await pair(running, backend)
            async with client, server:
                await client.send(b"ping")
                assert await server.receive() == b"ping"
            running.signal(signal.SIGTERM)
            assert running.wait() == 0


async def test_it_is_back_at_once_after_a_kill(tmp_path: Path) -> None:
    """S08: five times killed with open connections, its ports are its own again at once."""
    port, api = free_port(), free_port()
    listen = ("--listen", f"127.0.0.1:{port}", "--api", f"127.0.0.1:{api}")
    async with Listener() as backend:
        where = f"127.0.0.1:{backend.address[1]}"
        unix = tmp_path / "control.sock"
        for _ in range(5):
            with Headless(*listen, "--backend", where, "--unix", unix) as running:
                assert running.ready, running.log
                client, server = await pair(running, backend)
                await client.send(b"ping")
                assert await server.receive() == b"ping"
                running.signal(signal.SIGKILL)
                running.wait()
                assert await client.receive() == b""


async def test_a_proxy_cannot_be_pointed_at_the_control_api() -> None:
    """The API's own address is refused as a backend, however it was configured."""
    api = free_port()
    # A spelling that only the resolver understands: the profile is not refused for it.
    listen = ("--listen", "127.0.0.1:0", "--backend", f"127.1:{api}")
    with Headless(*listen, "--api", f"localhost:{api}") as running:
        assert running.ready, running.log
        await turned_away(running.address())
        await eventually(lambda: "is an address of chaostui's own" in running.log)


# -- ending -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_transfers_finish_and_ends_with_0(number: signal.Signals) -> None:
    """S05: 50 transfers of a second are whole; nobody new is accepted meanwhile."""
    async with Listener() as backend:
        with engine(backend, "--drain", "10") as running:
            pairs = [await pair(running, backend) for _ in range(50)]

            async def transfer(server: Peer) -> None:
                for _ in range(10):
                    await server.send(bytes(10_000))
                    await asyncio.sleep(0.1)
                server.close()

            sending = [asyncio.ensure_future(transfer(server)) for _, server in pairs]
            await asyncio.sleep(0.2)
            running.signal(number)
            await eventually(lambda: "draining" in running.log)
            with pytest.raises(ConnectionRefusedError):
                await Peer.connect(running.address())
            for client, _ in pairs:
                assert len(await client.receive_all()) == 100_000
                client.close()
            await asyncio.gather(*sending)
            start = time.monotonic()

            assert running.wait() == 0
            assert time.monotonic() - start < 3


async def test_what_is_stuck_is_cut_at_the_deadline_and_the_end_is_4() -> None:
    """S06: both sides see a reset, and the log says how many were cut."""
    async with Listener() as backend:
        with engine(backend, "--drain", "1") as running:
            pairs = [await pair(running, backend) for _ in range(3)]
            start = running.signal(signal.SIGTERM)
            for client, server in pairs:
                await client.expect_reset()
                await server.expect_reset()

            assert running.wait() == 4
            assert 0.9 <= time.monotonic() - start <= 3
            assert "3 connections were cut after 1 s" in running.log


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGTERM, signal.SIGTERM, 143),
        (signal.SIGINT, signal.SIGINT, 130),
        (signal.SIGTERM, signal.SIGINT, 130),
    ],
)
async def test_a_second_signal_ends_it_at_once(
    first: signal.Signals, second: signal.Signals, code: int
) -> None:
    """S07: in the middle of a long drain, with the code of the second signal."""
    async with Listener() as backend:
        with engine(backend, "--drain", "60") as running:
            client, server = await pair(running, backend)
            async with client, server:
                running.signal(first)
                await eventually(lambda: "draining" in running.log)
                start = running.signal(second)

                assert running.wait() == code
                assert time.monotonic() - start < SOON
        with pytest.raises(FileNotFoundError):
            os.stat(running.ready["unix"])  # noqa: PTH116


async def test_it_ends_with_its_owner() -> None:
    """The pipe's other end closes, as when the owner is killed: it drains and ends with 0."""
    async with Listener() as backend:
        with engine(backend, owned=True) as running:
            client, server = await pair(running, backend)
            async with client, server:
                await client.send(b"ping")
                assert await server.receive() == b"ping"
            running.disown()

            assert running.wait() == 0
            assert "owner gone" in running.log


async def test_a_users_function_that_sleeps_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A plain function in a sleep of an hour: the drain ends on time all the same."""
    (tmp_path / "sleepy.py").write_text(
        "import time\n\ndef nap(source, dest, *_):\n    time.sleep(3600)\n"
    )
    async with Listener() as backend:
        text = "drain = 0.5\n" + one_proxy(0, backend.address[1], 'behavior = "nap"')
        text += '[handler.nap]\ncallable = "sleepy:nap"\n'
        with Headless(profile(tmp_path, text), *API) as running:
            assert running.ready, running.log
            client, _ = await pair(running, backend, "web")
            await client.send(b"zzz")
            await eventually(lambda: sum(running.ask().stats()["web"].hits.values()))
            start = running.signal(signal.SIGTERM)
            await client.expect_reset()

            assert running.wait() == 4
            assert time.monotonic() - start < 4


# -- other signals ----------------------------------------------------------------------------


async def test_sighup_reads_the_profile_again_without_a_blink(tmp_path: Path) -> None:
    """T09: a proxy comes, one gets a fault, and an open connection lives on."""
    port, new = free_port(), free_port()
    async with Listener() as backend:
        file = profile(tmp_path, one_proxy(port, backend.address[1]))
        with Headless(file, *API) as running:
            client, server = await pair(running, backend, "web")
            text = one_proxy(port, backend.address[1], 'behavior = "5:delay"')
            file.write_text(text + one_proxy(new, backend.address[1]).replace("web", "new"))
            running.signal(signal.SIGHUP)
            await eventually(lambda: "loaded a profile" in running.log)

            assert [p.behavior for p in running.ask().proxies()] == ["5:delay", ""]
            async with client, server, await Peer.connect(("127.0.0.1", new)):
                await client.send(b"ping")
                assert await server.receive() == b"ping"


async def test_sighup_with_an_empty_profile_says_that_all_proxies_are_gone(
    tmp_path: Path,
) -> None:
    """An editor that empties a file before it writes must not take everything without a word."""
    port = free_port()
    file = profile(tmp_path, one_proxy(port, free_port()))
    with Headless(file, *API) as running:
        file.write_text('log_level = "debug"')
        running.signal(signal.SIGHUP)
        await eventually(lambda: "loaded a profile" in running.log)
        await eventually(lambda: "at the next start" in running.log)
        log = running.log

        assert "web: removed (by SIGHUP)" in log
        assert "loaded a profile: 1 proxy removed, log_level changed (by SIGHUP)" in log
        assert "warning engine: the profile that was loaded has no proxy" in log
        assert "warning engine: log_level: acts at the next start" in log
        assert running.ask().proxies() == []


async def test_sighup_with_a_bad_profile_changes_nothing(tmp_path: Path) -> None:
    """T09: the problem is told at its line; clients connect all the while."""
    port = free_port()
    async with Listener() as backend:
        file = profile(tmp_path, one_proxy(port, backend.address[1], 'behavior = "5:delay"'))
        with Headless(file, *API) as running:
            for wrong in ('behavior = "20:dealy"', "= nonsense", 'lisen = "127.0.0.1:1"'):
                file.write_text(one_proxy(port, backend.address[1], wrong))
                before = len(running.log.splitlines())
                running.signal(signal.SIGHUP)
                await eventually(lambda: len(running.log.splitlines()) >= before + 2)  # noqa: B023
                async with await Peer.connect(("127.0.0.1", port)):
                    await backend.accept()
                assert f"{file}:5:" in "\n".join(running.log.splitlines()[before:])
            file.unlink()
            running.signal(signal.SIGHUP)
            await eventually(lambda: "chaos.toml" in running.log.splitlines()[-1])

            assert [p.behavior for p in running.ask().proxies()] == ["5:delay"]
            assert "Traceback" not in running.log


async def test_sigusr1_halts_everything() -> None:
    """C02: faults are off at once, and new ones refused, without any help of the API."""
    async with Listener() as backend:
        with engine(backend, "--behavior", "hang") as running:
            client = await connect(running, backend)
            await client.send(b"hello?")
            start = running.signal(signal.SIGUSR1)
            server = await backend.accept()
            assert await server.receive() == b"hello?"
            assert time.monotonic() - start < SOON

            assert running.ask().halted().halted
            async with client, server:
                assert running.process.poll() is None


async def test_a_broken_pipe_is_no_reason_to_end() -> None:
    """S09: standard error goes to a reader that has left; traffic passes all the same."""
    reading, writing = os.pipe()
    async with Listener() as backend:
        with engine(backend, "--log-level", "debug", stderr=writing, stdout=writing) as running:
            os.close(writing)
            os.close(reading)
            for _ in range(20):
                client, server = await pair(running, backend)
                async with client, server:
                    await client.send(b"ping")
                    assert await server.receive() == b"ping"
            running.ask().set_handler("delay")
            running.signal(signal.SIGTERM)

            assert running.wait() == 0


async def test_a_full_disk_does_not_touch_the_traffic() -> None:
    """S13: the log cannot be written; connections, faults and the end work."""
    async with Listener() as backend:
        with engine(backend, "--log-output", "/dev/full", "--log-level", "debug") as running:
            client, server = await pair(running, backend)
            async with client, server:
                running.ask().set_handler("normal")
                await client.send(b"ping")
                assert await server.receive() == b"ping"
            running.signal(signal.SIGTERM)

            assert running.wait() == 0
            assert "Traceback" not in running.log


async def test_what_ended_while_it_was_stopped_ends_when_it_goes_on() -> None:
    """S15: a fault's time runs out during SIGSTOP; after SIGCONT it is gone soon."""
    async with Listener() as backend:
        with engine(backend) as running:
            client, server = await pair(running, backend)
            mix = running.ask().set_mix
            mix("hang", duration=0.5)
            await client.send(b"hello?")
            running.signal(signal.SIGSTOP)
            await asyncio.sleep(0.8)
            start = running.signal(signal.SIGCONT)
            async with client, server:
                assert await server.receive() == b"hello?"
            assert time.monotonic() - start < SOON


async def test_few_file_descriptors_make_clients_wait_not_fail() -> None:
    """L04: with 64 files of its own it says how many clients that makes, and serves all in turn."""
    async with Listener(backlog=4096) as backend:
        with engine(backend, prefix=("prlimit", "--nofile=64:64")) as running:
            (limit,) = [
                int(word)
                for line in running.log.splitlines()
                if "at most" in line
                for word in line.partition("at most ")[2].split()[:1]
            ]
            assert 10 <= limit <= 24
            clients = [await connect(running, backend) for _ in range(100)]
            await eventually(lambda: "clients wait in the backlog" in running.log)
            cpu = _cpu(running.pid)
            start = time.monotonic()
            assert running.ask().health()
            answered = time.monotonic() - start
            await asyncio.sleep(0.5)
            assert answered < SOON
            assert _cpu(running.pid) - cpu < 0.2

            async def serve() -> None:
                loop = asyncio.get_running_loop()
                while True:
                    sock, _ = await loop.sock_accept(backend.sock)
                    with sock:
                        await loop.sock_sendall(sock, await loop.sock_recv(sock, 100))

            serving = asyncio.ensure_future(serve())
            for client in clients:
                await ping(client)
                client.close()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            assert running.process.poll() is None


def _cpu(pid: int) -> float:
    """Seconds of CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_pipe_into_head_shows_no_traceback(tmp_path: Path) -> None:
    """S09: a command whose reader leaves after a line is quiet about it."""
    shown = subprocess.run(
        f"{sys.executable} -m chaostui handlers | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert "Traceback" not in shown.stderr
    assert shown.stdout


def test_the_api_can_be_a_unix_socket_of_a_given_name(tmp_path: Path) -> None:
    """``--api unix:PATH`` answers there, and nothing is left of it at the end."""
    path = tmp_path / "api.sock"
    given = ("--listen", "127.0.0.1:0", "--backend", "127.0.0.1:9", "--api", f"unix:{path}")

    with Headless(*given) as running:
        with Client(unix=path) as client:
            assert client.get_handler() == "normal"
        running.signal(signal.SIGTERM)
        assert running.wait() == 0

    assert not path.exists()
