"""``chaostui demo``: a shop and its cache under faults, with no set-up."""

from __future__ import annotations

import sys

import click

from chaostui.cli import glyphs

SECONDS = 5.0
SEED = 42

HELP = """Show what chaostui does, on backends and traffic of its own.

In the console you break the traffic yourself. With --headless faults come in phases, and a
table says what the clients saw.
"""


GREETING = (
    "DEMO  2 delays requests · 0 ends every fault · n next proxy · enter shows a connection"
    " · a pins it · ? all keys · q quits"
)


def _hidden(name: str, kind: type) -> click.Option:
    return click.Option([name], hidden=True, type=kind)


def _demo(
    headless: bool,
    seconds: float | None,
    seed: int,
    drawn: str | None,
    engine: bool,
    ready_fd: int | None,
    owner_fd: int | None,
) -> int:
    if engine:
        return _engine(seed, ready_fd, owner_fd)
    if headless:
        from chaostui.demo import story

        return story.headless(seconds or SECONDS, seed)
    if seconds is not None:
        raise click.UsageError("--for goes with --headless; the console runs until you leave it")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal; --headless runs without one")
    from chaostui import console

    arguments = ["demo", "--engine", "--seed", str(seed)]
    return console.own(arguments, glyphs=drawn or "", greeting=GREETING)


def _engine(seed: int, ready_fd: int | None, owner_fd: int | None) -> int:
    """The engine that the console shows, backends and traffic beside it."""
    from chaostui import run
    from chaostui.demo.setting import Demo

    with Demo(seed) as shop:
        launch = run.Launch(ready_fd=ready_fd, owner_fd=owner_fd, extra=[shop.beside])
        return run.headless(shop.profile(), launch)


demo = click.Command(
    "demo",
    callback=_demo,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(["--headless"], is_flag=True, help="Faults in phases, and a table."),
        click.Option(
            ["seconds", "--for"],
            type=click.FloatRange(1, 3600),
            metavar="SECONDS",
            help=f"How long --headless takes (default {SECONDS:g}).",
        ),
        click.Option(
            ["--seed"],
            type=click.IntRange(0, 2**63 - 1),
            default=SEED,
            metavar="NUMBER",
            help=f"Same seed, same requests and decisions (default {SEED}).",
        ),
        glyphs.option(),
        click.Option(["--engine"], is_flag=True, hidden=True, help="What the console shows."),
        _hidden("--ready-fd", int),
        _hidden("--owner-fd", int),
    ],
)
