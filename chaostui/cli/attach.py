"""``chaostui attach``: the console on an engine that runs already."""

from __future__ import annotations

import os
import sys

import click

from chaostui.cli import glyphs, output, target
from chaostui.client.address import TOKEN_VARIABLE


def _ask(listed: list[str]) -> int:
    """Which of several engines, by its number."""
    for line in listed:
        output.say(line)
    number: int = click.prompt("which engine", type=click.IntRange(1, len(listed)))
    return number


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("engine", required=False)
@click.option("--token-file", metavar="FILE", help="Holds the API's token.")
@glyphs.decorate()
def attach(engine: str | None, token_file: str | None, drawn: str | None) -> int:
    """Show an engine that is running: one that tests are driving, or one on another host.

    ENGINE is a number or a name that `chaostui engines` lists, a URL, host:port or unix:/path.
    Without it, CHAOSTUI_API says it, else it is the only one that runs here (where there are
    several, you are asked), else the one at localhost:8080.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal; `chaostui ctl` works without one")
    endpoint = target.endpoint(engine, _ask)
    if token := target.token(token_file):
        os.environ[TOKEN_VARIABLE] = token
    # An engine that does not answer is told before the screen changes.
    with target.client(endpoint, token_file, "console") as client:
        client.version()
    from chaostui import console

    return console.attach(endpoint, glyphs=drawn or "")
