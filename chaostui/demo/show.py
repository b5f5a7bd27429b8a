"""The demo as a bar while it runs, and as a table of what happened."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chaostui.demo.tally import LATE, Seen, Tally
from chaostui.demo.traffic import PATIENCE


class Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.drawn = console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[requests]:>5} requests, {task.fields[felt]:>3} went wrong"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not self.drawn,
        )
        self._task = self._progress.add_task("", total=1.0, requests=0, felt=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, done: float, tallies: Sequence[Tally]) -> None:
        """Show the share that is done and what was counted so far."""
        self._progress.update(
            self._task,
            completed=done,
            description=tallies[-1].name,
            requests=sum(tally.requests for tally in tallies),
            felt=sum(tally.felt for tally in tallies),
            refresh=True,
        )


def print_table(
    tallies: Sequence[Tally], seconds: float, seed: int, console: Console | None = None
) -> None:
    """Print what each phase came to, and whether the faults asked for were felt."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the table is worth more than its lines
    console = console or Console()
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"A shop (http) and its cache (redis) for {seconds:g} s, seed {seed}",
        title_justify="left",
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("phase", no_wrap=True)
    for heading in ("requests", "hits", *(seen.value for seen in Seen), "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for tally in tallies:
        table.add_row(*_row(tally))
    console.print(table)
    console.print(_legend(), style="dim", highlight=False)
    console.print(proof(tallies), highlight=False)


def _row(tally: Tally) -> list[str]:
    counts = [tally.requests, tally.hits, *(tally.seen[seen] for seen in Seen)]
    times = [f"{tally.quantile(share) * 1000:.1f}" for share in (0.50, 0.99)]
    return [tally.name, *(f"{count:,}" if count else "·" for count in counts), *times]


def _legend() -> str:
    return (
        f"late: {LATE:g} s or more; cut: reset or closed early;"
        f" gave up: no answer in {PATIENCE:g} s"
    )


def proof(tallies: Sequence[Tally]) -> str:
    """One line: the faults asked for, those the engine counted, and those the clients felt."""
    asked = sum(tally.asked for tally in tallies)
    hits = sum(tally.hits for tally in tallies)
    felt = sum(tally.felt for tally in tallies)
    return (
        f"Faults asked for (weight × requests): {asked:.0f}; hit: {hits}; felt by clients: {felt}"
    )
