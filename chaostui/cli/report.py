"""``report``: what a record tells, as Markdown for people and for bug reports."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
import msgspec
from rich.filesize import decimal

from chaostui.cli import output
from chaostui.engine.export.recorder import Begin, End, Lost
from chaostui.errors import Problem, SettingsError
from chaostui.events import AnyEvent, Changed, Closed, Injected, Warned
from chaostui.safe_text import safe_text
from chaostui.wire.views import EngineView, ProxyView

REQUESTS = 3
"""Requests that stand as examples of what a fault hit."""
CHANGES = 200
SPECIAL = re.compile(r"[\\|*<`\[]")
"""What means something in Markdown, inside a table's cell."""

_begin, _end = msgspec.json.Decoder(Begin), msgspec.json.Decoder(End)
_lost, _event = msgspec.json.Decoder(Lost), msgspec.json.Decoder(AnyEvent)


@dataclass
class Hits:
    """What a handler did on a proxy."""

    first: float
    count: int = 0
    last: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    requests: dict[str, None] = field(default_factory=dict)


@dataclass
class Run:
    """What a record says of an engine's life."""

    begin: Begin
    end: End | None = None
    last: float = 0.0
    """When the last thing happened, in epoch seconds."""
    lost: int = 0
    hits: dict[tuple[str, str], Hits] = field(default_factory=dict)
    changes: list[Changed] = field(default_factory=list)
    closed: Counter[tuple[str, str]] = field(default_factory=Counter)
    warnings: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def engine(self) -> EngineView:
        """The engine at its end; at its begin where no end was written."""
        return (self.end or self.begin).engine

    def take(self, event: AnyEvent) -> None:
        """Count one event."""
        self.last = event.at
        if isinstance(event, Injected):
            hits = self.hits.setdefault((event.proxy, event.handler), Hits(event.at))
            hits.count += 1
            hits.last = event.at
            hits.done[event.what] += 1
            if event.request and len(hits.requests) < REQUESTS:
                hits.requests[event.request] = None
        elif isinstance(event, Changed):
            self.changes.append(event)
        elif isinstance(event, Closed):
            self.closed[event.proxy, event.reason] += 1
        elif isinstance(event, Warned):
            self.warnings[event.proxy, event.message] += 1


def read(path: str) -> list[Run]:
    """Read the runs of a record. SettingsError with the line that makes no sense."""
    runs: list[Run] = []
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (a record may be a pipe)
            for number, line in enumerate(file, 1):
                whole = line.endswith(b"\n")
                try:
                    _take(line, runs)
                except (msgspec.DecodeError, IndexError):
                    if whole:
                        what = "not a line of a record"
                        raise SettingsError(Problem(f"{safe_text(path)}:{number}", what)) from None
    except OSError as error:
        what = os.strerror(error.errno or 0)
        raise SettingsError(Problem(safe_text(path), what[:1].lower() + what[1:])) from None
    if not runs:
        raise SettingsError(Problem(safe_text(path), "an empty record"))
    return runs


def _take(line: bytes, runs: list[Run]) -> None:
    if line.startswith(b'{"record"'):
        begin = _begin.decode(line)
        runs.append(Run(begin, last=begin.at))
    elif line.startswith(b'{"end"'):
        end = _end.decode(line)
        runs[-1].end, runs[-1].last = end, end.end
    elif line.startswith(b'{"lost"'):
        runs[-1].lost += _lost.decode(line).lost
    else:
        runs[-1].take(_event.decode(line))


# -- as text ----------------------------------------------------------------------------------


def markdown(runs: Sequence[Run]) -> Iterator[str]:
    """The lines of a report."""
    for number, run in enumerate(runs, 1):
        of = f" {number} of {len(runs)}" if len(runs) > 1 else ""
        yield f"# Chaos run{of}"
        yield ""
        yield from _head(run)
        yield from _table("Faults that hit", HITS, list(_hits(run)), "No fault hit.")
        yield from _table("Proxies", PROXIES, [_proxy(p) for p in run.engine.proxies])
        yield from _table("Changes", CHANGED, list(_changes(run)))
        yield from _table("How connections ended", ENDED, _counted(run.closed))
        yield from _table("Warnings", WARNED, _counted(run.warnings))


HITS = ("proxy", "handler", "hits", "first", "last", "what was done", "requests")
PROXIES = ("proxy", "way", "connections", "exchanges", "up", "down", "p50", "p99", "refused")
CHANGED = ("at", "who", "what", "proxy", "before", "after")
ENDED = ("proxy", "reason", "connections")
WARNED = ("proxy", "warning", "times")


def _head(run: Run) -> Iterator[str]:
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(run.begin.at))
    engine = run.engine
    version = safe_text(engine.version)
    yield f"{began}, {run.last - run.begin.at:.1f} s, seed {engine.seed}, chaostui {version}"
    if run.end is None:
        yield ""
        yield "There is no end: the engine was killed, or runs still. Figures are of its begin."
    if run.lost:
        yield ""
        yield f"{run.lost} events came too fast to be kept: their hits are counted all the same."


def _hits(run: Run) -> Iterator[Sequence[object]]:
    counted = {
        (proxy.name, handler): hits
        for proxy in run.engine.proxies
        for handler, hits in proxy.stats.hits.items()
    }
    for key in dict.fromkeys((*run.hits, *counted)):
        seen = run.hits.get(key)
        count = max(counted.get(key, 0), seen.count if seen else 0)
        if seen is None:
            yield (*key, count, "", "", "", "")
        elif count:
            begun = run.begin.at
            done = ", ".join(f"{what} {n}×" for what, n in seen.done.most_common(REQUESTS))
            first, last = f"+{seen.first - begun:.1f} s", f"+{seen.last - begun:.1f} s"
            yield (*key, count, first, last, done, ", ".join(seen.requests))


def _proxy(proxy: ProxyView) -> Sequence[object]:
    stats = proxy.stats
    return (
        proxy.name,
        f"{proxy.listen} → {proxy.backend} ({proxy.protocol})",
        stats.connections,
        stats.exchanges,
        decimal(stats.upstream),
        decimal(stats.downstream),
        _ms(stats.latency_whole.p50),
        _ms(stats.latency_whole.p99),
        stats.refused,
    )


def _changes(run: Run) -> Iterator[Sequence[object]]:
    for change in run.changes[:CHANGES]:
        at = f"+{change.at - run.begin.at:.1f} s"
        yield at, change.actor, change.what, change.proxy, change.before, change.after
    if len(run.changes) > CHANGES:
        yield "…", "", f"{len(run.changes) - CHANGES} more", "", "", ""


def _counted(counter: Counter[Any]) -> list[Sequence[object]]:
    return [(*key, count) for key, count in counter.most_common()]


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[object]], empty: str = ""
) -> Iterator[str]:
    if not rows and not empty:
        return
    yield from ("", f"## {title}", "")
    if not rows:
        yield empty
        return
    yield _row(head)
    yield _row("---" for _ in head)
    yield from map(_row, rows)


def _row(cells: Iterable[object]) -> str:
    texts = (SPECIAL.sub(r"\\\g<0>", safe_text(str(cell))) for cell in cells)
    return f"| {' | '.join(texts)} |"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


@click.command
@click.argument("record")
@click.option("--plain", is_flag=True, help="Markdown on a terminal too.")
def report(record: str, plain: bool) -> None:
    """Tell what RECORD holds: which faults really hit, who changed what, how it ended.

    A record is written by chaostui --record FILE. Prints Markdown, laid out on a terminal.
    """
    text = "\n".join(markdown(read(record)))
    if plain or not sys.stdout.isatty():
        output.say_text(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
