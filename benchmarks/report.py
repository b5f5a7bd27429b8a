"""From figures to tables: medians, ratios, and what machine they were taken on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

from rich.table import Table

from benchmarks.workloads import WORKLOADS, Workload
from tests.servers.server import MissingServer, program

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

Figures = dict[tuple[str, str], list[float]]
"""(workload, contender) to one figure a round."""

BASES = {"chaostui protocol": ["direct", "haproxy", "chaostui"]}
"""What a contender is held against, where it is not only direct and haproxy."""

VERSIONS = {
    "haproxy": ["-v"],
    "nginx": ["-v"],
    "socat": ["-V"],
    "redis-server": ["--version"],
    "wrk": ["-v"],
}


def machine() -> str:
    """Say in a line what the figures depend on."""
    parts = [
        f"{os.cpu_count()} cores",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        *(f"{name} {_package(name)}" for name in ("uvloop", "gevent")),
        *(f"{name} {_version(name, words)}" for name, words in VERSIONS.items()),
    ]
    return ", ".join(parts)


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _version(name: str, words: list[str]) -> str:
    try:
        run = subprocess.run([program(name), *words], capture_output=True, text=True, check=False)
    except MissingServer:
        return "absent"
    found = re.search(r"\d+\.\d+[.\d]*", run.stdout + run.stderr)
    return found[0] if found else "?"


def cell(figures: Figures, workload: Workload, contender: str) -> str:
    """Show the median, and in brackets how it stands to direct, to haproxy, to plain chaostui."""
    values = figures.get((workload.name, contender))
    if not values or not any(values):
        return "-"
    bases = BASES.get(contender, ["direct", "haproxy"])
    ratios = [_ratio(figures, workload, contender, base) for base in bases]
    shown = " / ".join(f"{ratio:.2f}" if ratio else "-" for ratio in ratios)
    return f"{_short(statistics.median(values))} ({shown})"


def _ratio(figures: Figures, workload: Workload, contender: str, base: str) -> float:
    """Compare round by round, since the machine's mood changes between rounds; > 1 is better."""
    pairs = zip(
        figures.get((workload.name, contender), []),
        figures.get((workload.name, base), []),
        strict=False,
    )
    ratios = [
        mine / other if workload.better == "more" else other / mine
        for mine, other in pairs
        if mine and other
    ]
    return statistics.median(ratios) if ratios else 0.0


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def rows(figures: Figures) -> tuple[list[str], list[list[str]]]:
    """Make the table: a row a load, a column a contender."""
    contenders = list(dict.fromkeys(contender for _, contender in figures))
    loads = [w for w in WORKLOADS if any(name == w.name for name, _ in figures)]
    body = [[f"{w.name}, {w.unit}", *(cell(figures, w, c) for c in contenders)] for w in loads]
    return ["", *contenders], body


def on_screen(figures: Figures) -> Table:
    """Make a table for the terminal."""
    header, body = rows(figures)
    table = Table(*header, title="median (to direct / to haproxy; more than 1 is better)")
    for row in body:
        table.add_row(*row)
    return table


def write(figures: Figures, rounds: int) -> None:
    """Put the table into the README, between its markers."""
    header, body = rows(figures)
    lines = [header, ["---"] * len(header), *body]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = f"{BEGIN}\nMedians of {rounds} interleaved rounds. {machine()}.\n\n{table}\n{END}"
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(before + text + after)
