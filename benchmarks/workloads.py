"""The loads, each bounded in count or time, and what each of them measures."""

from __future__ import annotations

import contextlib
import csv
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.contenders import Contender, Python, Socat
from benchmarks.endpoint import ECHO, FLOOD
from tests.servers.nginx import Nginx
from tests.servers.redis import Redis
from tests.servers.server import Server, program

Measure = Callable[[int, float, Contender | None], float]
"""Takes the port to talk to, seconds it should last about, and the proxy; returns a figure."""


class Endpoint(Python):
    """The echoing and flooding backend."""

    def __init__(self) -> None:
        super().__init__(0)

    def command(self) -> list[str]:
        return self.python("benchmarks.endpoint", str(self.port))


class Web(Nginx):
    """An nginx that keeps a connection for as long as the load lasts."""

    def __init__(self) -> None:
        super().__init__("keepalive_requests 10000000;")


@dataclass(frozen=True, slots=True)
class Workload:
    """A load on a kind of backend. ``better`` says which figures win."""

    name: str
    unit: str
    backend: Callable[[], Server]
    measure: Measure
    better: Literal["more", "less"] = "more"
    protocol: str = "tcp"
    """What it speaks, where chaostui can read it."""


def redis_benchmark(*options: str, rate: int) -> Measure:
    """Measure GETs a second; ``rate`` is about what a proxy reaches."""

    def measure(port: int, seconds: float, _: Contender | None) -> float:
        count = str(int(rate * seconds))
        command = [program("redis-benchmark"), "-p", str(port), "-t", "get", "--csv", "-n", count]
        rows = list(csv.DictReader(run([*command, *options]).splitlines()))
        return float(rows[0]["rps"])

    return measure


def wrk(*options: str) -> Measure:
    """Measure HTTP requests a second on 50 connections."""

    def measure(port: int, seconds: float, _: Contender | None) -> float:
        duration = ["-d", f"{max(1, round(seconds))}s"]
        command = [program("wrk"), "-t", "1", "-c", "50", *duration, *options]
        output = run([*command, f"http://127.0.0.1:{port}/"])
        figure = next(line for line in output.splitlines() if line.startswith("Requests/sec:"))
        return float(figure.split()[1])

    return measure


def run(command: list[str]) -> str:
    """Run a load to its end and return what it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def ping(port: int, seconds: float, _: Contender | None) -> float:
    """Measure the median round trip of 64 bytes on one connection, in microseconds."""
    message, times = bytes(64), []
    with _connect(port, ECHO) as sock:
        end = time.monotonic() + seconds
        while (start := time.perf_counter()) and time.monotonic() < end:
            sock.sendall(message)
            _read(sock, 64)
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def bulk(connections: int) -> Measure:
    """Measure what comes from a backend that sends without end, in Gbit/s."""

    def measure(port: int, seconds: float, _: Contender | None) -> float:
        totals = [0] * connections
        end = time.monotonic() + seconds

        def read(number: int) -> None:
            buffer = bytearray(1 << 20)
            with _connect(port, FLOOD) as sock:
                while time.monotonic() < end:
                    totals[number] += sock.recv_into(buffer)

        start = time.monotonic()
        threads = [threading.Thread(target=read, args=[number]) for number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 10)
        return sum(totals) * 8 / 1e9 / (time.monotonic() - start)

    return measure


def idle(port: int, seconds: float, proxy: Contender | None) -> float:
    """Measure what an idle connection costs the proxy that has already carried a ping, in kB."""
    if not proxy:
        return 0.0
    count = 50 if isinstance(proxy, Socat) else 1000
    with contextlib.ExitStack() as stack:
        for _ in range(20):  # the first connections grow pools that later ones share
            stack.enter_context(_connected_and_seen_to_work(port))
        before = proxy.memory
        for _ in range(count):
            stack.enter_context(_connected_and_seen_to_work(port))
        return (proxy.memory - before) / count / 1000


def _connected_and_seen_to_work(port: int) -> socket.socket:
    sock = _connect(port, ECHO)
    sock.sendall(b"ping")
    _read(sock, 4)
    return sock


def _connect(port: int, ask: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(ask)
    return sock


def _read(sock: socket.socket, size: int) -> None:
    while size:
        got = len(sock.recv(size))
        if not got:
            raise ConnectionError("the proxy closed the connection")
        size -= got


WORKLOADS = (
    *(
        Workload(name, "req/s", Redis, redis_benchmark(*options, rate=rate), protocol="redis")
        for name, options, rate in (
            ("redis c=1", ["-c", "1"], 12_000),
            ("redis c=50", ["-c", "50"], 50_000),
            ("redis c=50 P=16", ["-c", "50", "-P", "16"], 600_000),
            ("redis new conns", ["-c", "50", "-k", "0"], 8_000),
        )
    ),
    Workload("wrk keep-alive", "req/s", Web, wrk(), protocol="http"),
    Workload("wrk close", "req/s", Web, wrk("-H", "Connection: close"), protocol="http"),
    Workload("ping 64 B", "us", Endpoint, ping, better="less"),
    Workload("bulk 1", "Gbit/s", Endpoint, bulk(1)),
    Workload("bulk 8", "Gbit/s", Endpoint, bulk(8)),
    Workload("idle connection", "kB", Endpoint, idle, better="less"),
)
