"""``python -m benchmarks.fairness``: what bulk on a few streams costs everybody else.

Some connections carry data without end, in a process of their own. Beside them, one after the
other: round trips of 64 bytes, new connections, and the round trips of a proxy with a delay of
50 ms where the proxy can have one.
"""

from __future__ import annotations

import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.sharedctypes import Synchronized
from typing import NamedTuple

import click

from benchmarks.contenders import CONTENDERS, Contender, Python
from benchmarks.endpoint import ECHO, FLOOD
from benchmarks.workloads import Endpoint
from tests.tcp import free_port

STREAMS = 4
DELAY = 0.05
PAYLOAD = b"x" * 64


class Delaying(Python):
    """chaostui with a second proxy, which delays each request."""

    def prepare(self) -> None:
        self.delayed_port = free_port()
        proxies = (("bulk", self.port, ""), ("delayed", self.delayed_port, "delay"))
        (self.directory / "chaos.toml").write_text(
            "".join(
                f"""
                [[proxy]]
                name = "{name}"
                listen = "127.0.0.1:{port}"
                backend = "127.0.0.1:{self.backend_port}"
                behavior = "{behavior}"
                """
                for name, port, behavior in proxies
            )
            + f"[handler.delay]\nsleep = {DELAY}\n"
        )

    def command(self) -> list[str]:
        return self.python("chaostui", "--headless", str(self.directory / "chaos.toml"))


KINDS: dict[str, type[Contender] | None] = {
    **{name: kind for name, kind in CONTENDERS.items() if name in ("haproxy", "pump")},
    "chaostui": Delaying,
}


class Result(NamedTuple):
    """What was measured through one proxy."""

    bulk: float
    """Gbit/s of all streams together."""
    median: float
    p99: float
    """Milliseconds of a round trip."""
    connections: float
    """New connections a second, one after the other, each with a round trip."""
    delays: tuple[float, float] | None
    """The shortest and the p99 of the round trips with a delay, in milliseconds."""


def receive(port: int, received: Synchronized[int]) -> None:
    """Take what ``STREAMS`` connections carry, for ever, and count it."""

    def take() -> None:
        buffer = bytearray(1 << 20)
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(FLOOD)
            while size := sock.recv_into(buffer):
                with received.get_lock():
                    received.value += size

    threads = [threading.Thread(target=take) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def bulk(port: int) -> Iterator[Synchronized[int]]:
    """Have bulk carried through ``port``; the bytes so far."""
    received = multiprocessing.Value("q", 0)
    process = multiprocessing.Process(target=receive, args=(port, received), daemon=True)
    process.start()
    try:
        yield received
    finally:
        process.kill()
        process.join()


def connect(port: int) -> socket.socket:
    """A connection whose backend echoes."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(ECHO)
    return sock


def ping(sock: socket.socket) -> float:
    """The seconds of a round trip."""
    began = time.perf_counter()
    sock.sendall(PAYLOAD)
    left = len(PAYLOAD)
    while left:
        left -= len(sock.recv(left))
    return time.perf_counter() - began


def repeat(seconds: float, what: Callable[[], float]) -> list[float]:
    """Do something for so long; what it returned, sorted, in milliseconds."""
    found = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        found.append(1000 * what())
    return sorted(found)


def at(share: float, found: list[float]) -> float:
    """A quantile of sorted values."""
    return found[min(int(share * len(found)), len(found) - 1)]


def connect_and_ping(port: int) -> float:
    """A connection for one round trip."""
    with connect(port) as sock:
        return ping(sock)


def measure(kind: type[Contender] | None, backend_port: int, seconds: float) -> Result:
    """Measure all of it through one proxy, or through none."""
    with ExitStack() as stack:
        proxy = stack.enter_context(kind(backend_port)) if kind else None
        port = proxy.port if proxy else backend_port
        received = stack.enter_context(bulk(port))
        time.sleep(0.5)
        began, before = time.perf_counter(), received.value
        time.sleep(seconds)
        carried = (received.value - before) / (time.perf_counter() - began)
        pings = repeat(seconds, _pinger(stack, port))
        began = time.perf_counter()
        opened = len(repeat(seconds, lambda: connect_and_ping(port)))
        rate = opened / (time.perf_counter() - began)
        delays = None
        if isinstance(proxy, Delaying):
            late = repeat(seconds, _pinger(stack, proxy.delayed_port))
            delays = late[0], at(0.99, late)
    return Result(carried * 8e-9, statistics.median(pings), at(0.99, pings), rate, delays)


def _pinger(stack: ExitStack, port: int) -> Callable[[], float]:
    sock = stack.enter_context(connect(port))
    return lambda: ping(sock)


def line(name: str, results: list[Result]) -> str:
    """A row of the table: medians of the rounds."""
    bulk_, median, p99, rate = (
        statistics.median(column) for column in list(zip(*results, strict=True))[:4]
    )
    delays = [result.delays for result in results if result.delays]
    told = "-"
    if delays:
        low, high = (statistics.median(column) for column in zip(*delays, strict=True))
        told = f"{low:.1f} to {high:.1f}"
    return f"| {name} | {bulk_:.1f} | {median:.2f} | {p99:.1f} | {rate:.0f} | {told} |"


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(0.1, 30))
@click.option("--only", default="", metavar="NAME", help="only this proxy, or direct")
def main(rounds: int, seconds: float, only: str) -> None:
    """Measure what bulk costs others, through chaostui and its peers."""
    kinds = {"direct": None, **KINDS}
    kinds = {name: kind for name, kind in kinds.items() if only in ("", name)}
    results: dict[str, list[Result]] = {name: [] for name in kinds}
    with Endpoint() as backend:
        for _ in range(rounds):
            for name, kind in kinds.items():
                results[name].append(measure(kind, backend.port, seconds))
    click.echo(
        "| | bulk, Gbit/s | ping, ms | p99 | connections/s | delay of 50 ms |\n"
        "|---|---|---|---|---|---|"
    )
    for name, found in results.items():
        click.echo(line(name, found))


if __name__ == "__main__":
    main()
