"""``python -m benchmarks``: run every load through every proxy, round after round."""

from __future__ import annotations

import contextlib
import subprocess

import click
from rich.console import Console

from benchmarks import report
from benchmarks.contenders import CONTENDERS, Framed
from benchmarks.workloads import WORKLOADS, Workload
from tests.servers.server import MissingServer

console = Console(stderr=True)


def pick(known: list[str], wanted: str) -> list[str]:
    """Choose what the comma-separated words of ``wanted`` name, wholly or in part."""
    found: set[str] = set()
    for word in [word.strip() for word in wanted.split(",")]:
        found |= {word} if word in known else {name for name in known if word in name}
    if not found:
        raise click.BadParameter(f"{wanted!r} is none of: {', '.join(known)}")
    return [name for name in known if name in found]


def measure(workload: Workload, contender: str, port: int, seconds: float) -> float:
    """Run one load through one proxy that is started for it; 0 where the load fails.

    0 too where the proxy is there to read a protocol and the load speaks none.
    """
    kind = CONTENDERS[contender]
    if kind is Framed and workload.protocol == "tcp":
        return 0.0
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(kind(port, workload.protocol)) if kind else None
        try:
            return workload.measure(proxy.port if proxy else port, seconds, proxy)
        except (OSError, subprocess.SubprocessError) as error:
            console.print(f"{workload.name} through {contender}: {error}", style="red")
            return 0.0


def startable(contenders: list[str]) -> list[str]:
    """Leave out, and name, the proxies that do not start on this machine."""
    found = []
    for name in contenders:
        kind = CONTENDERS[name]
        try:
            with kind(1) if kind else contextlib.nullcontext():
                found.append(name)
        except (MissingServer, AssertionError) as error:
            console.print(f"without {name}: {error}", style="red", markup=False)
    return found


def compare(
    loads: list[Workload], contenders: list[str], rounds: int, seconds: float
) -> report.Figures:
    """Run every load through every proxy, ``rounds`` times over."""
    figures: report.Figures = {(load.name, c): [] for c in contenders for load in loads}
    with contextlib.ExitStack() as stack:
        backends = {kind: stack.enter_context(kind()) for kind in {w.backend for w in loads}}
        for number in range(rounds):
            # Each round begins with another proxy, so none always has the quiet moment.
            first = number % len(contenders)
            order = contenders[first:] + contenders[:first]
            for load in loads:
                console.print(f"round {number + 1} of {rounds}: {load.name}", style="dim")
                port = backends[load.backend].port
                for contender in order:
                    figures[load.name, contender] += [measure(load, contender, port, seconds)]
    return figures


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.1, 30),
    help="a load lasts about",
)
@click.option(
    "--workloads", default="", metavar="A,B", help="only loads whose names contain A or B"
)
@click.option("--only", default="", metavar="A,B", help="only proxies whose names contain A or B")
@click.option("--quick", is_flag=True, help="one round, half a second a load")
@click.option("--write", is_flag=True, help="put the table into benchmarks/README.md")
def main(rounds: int, seconds: float, workloads: str, only: str, quick: bool, write: bool) -> None:
    """Measure what passes when no fault is on, and compare."""
    rounds, seconds = (1, 0.5) if quick else (rounds, seconds)
    names = pick([workload.name for workload in WORKLOADS], workloads)
    loads = [workload for workload in WORKLOADS if workload.name in names]
    contenders = startable(pick(list(CONTENDERS), only))
    figures = compare(loads, contenders, rounds, seconds)
    width = 24 + 22 * len(contenders)
    Console(width=max(console.width, width)).print(report.on_screen(figures))
    if write:
        report.write(figures, rounds)


if __name__ == "__main__":
    main()
