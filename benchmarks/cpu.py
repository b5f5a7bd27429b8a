"""What a request costs the proxy's own process: its CPU, user and system, beside the bare pump's.

``python -m benchmarks.cpu --rounds 5``. Unlike a rate, this hardly depends on what else the
machine does; the rounds are interleaved all the same.
"""

from __future__ import annotations

import contextlib
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import Chaostui, Contender, Framed, Pump
from benchmarks.workloads import Web, run
from tests.servers.redis import Redis
from tests.servers.server import Server, program

TICKS = os.sysconf("SC_CLK_TCK")


class Delayed(Chaostui):
    """chaostui with a delay of no time on each request: all the machinery, none of the wait."""

    def command(self) -> list[str]:
        return [*super().command(), "--behavior", "100:delay", "--set", "delay.sleep=0.001"]


@dataclass(frozen=True, slots=True)
class Load:
    """``command(port, requests)`` makes so many requests of ``backend``."""

    name: str
    backend: Callable[[], Server]
    command: Callable[[int, int], list[str]]
    requests: int
    contenders: tuple[type[Contender], ...]
    protocol: str = "tcp"


def redis(*options: str) -> Callable[[int, int], list[str]]:
    """Make GETs by redis-benchmark."""

    def command(port: int, requests: int) -> list[str]:
        words = [program("redis-benchmark"), "-p", str(port), "-t", "get", "-q"]
        return [*words, "-n", str(requests), *options]

    return command


def http(*options: str) -> Callable[[int, int], list[str]]:
    """Make requests by ``ab``-like loops of wrk; it counts by time, so the caller asks it."""

    def command(port: int, requests: int) -> list[str]:
        words = [program("wrk"), "-t", "1", "-c", "50", "-d", "2s", *options]
        return [*words, f"http://127.0.0.1:{port}/"]

    return command


LOADS = (
    Load("redis new conns", Redis, redis("-c", "50", "-k", "0"), 20_000, (Pump, Chaostui)),
    Load("wrk close", Web, http("-H", "Connection: close"), 0, (Pump, Chaostui)),
    Load("redis c=50", Redis, redis("-c", "50"), 100_000, (Pump, Chaostui, Framed), "redis"),
    Load("redis c=50 P=16", Redis, redis("-c", "50", "-P", "16"), 1_000_000,
         (Pump, Chaostui, Framed), "redis"),
    Load("wrk keep-alive", Web, http(), 0, (Pump, Chaostui, Framed), "http"),
    Load("delayed 1 ms", Redis, redis("-c", "50"), 50_000, (Pump, Delayed)),
)  # fmt: skip


def cpu(pid: int) -> float:
    """The seconds of CPU that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(load: Load, contender: type[Contender], port: int) -> float:
    """Run a load through one fresh proxy; return microseconds of its CPU for each request."""
    with contender(port, load.protocol) as proxy:
        assert proxy.process is not None
        run(load.command(proxy.port, max(load.requests // 20, 1)))  # warm up
        before = cpu(proxy.process.pid)
        output = run(load.command(proxy.port, load.requests))
        requests = load.requests or made(output)
        return (cpu(proxy.process.pid) - before) / requests * 1e6


def made(output: str) -> int:
    """The number of requests that wrk says it has made."""
    line = next(line for line in output.splitlines() if " requests in " in line)
    return int(line.split()[0])


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--loads", default="", metavar="A,B", help="only loads whose names contain A or B")
def main(rounds: int, loads: str) -> None:
    """Measure the CPU of a request, and compare with the bare pump."""
    wanted = [load for load in LOADS if any(word in load.name for word in loads.split(","))]
    figures: dict[tuple[str, str], list[float]] = {}
    with contextlib.ExitStack() as stack:
        backends = {kind: stack.enter_context(kind()) for kind in {load.backend for load in wanted}}
        for number in range(rounds):
            for load in wanted:
                first = number % len(load.contenders)
                for kind in (*load.contenders[first:], *load.contenders[:first]):
                    figure = measure(load, kind, backends[load.backend].port)
                    figures.setdefault((load.name, kind.__name__), []).append(figure)
    table = Table("load", "proxy", "us of CPU a request", "to the pump", "rounds")
    for (name, proxy), values in figures.items():
        pumps = figures[name, "Pump"]
        ratio = statistics.median(own / pump for own, pump in zip(values, pumps, strict=True))
        shown = ", ".join(f"{value:.1f}" for value in values)
        table.add_row(name, proxy, f"{statistics.median(values):.1f}", f"{ratio:.2f}", shown)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
