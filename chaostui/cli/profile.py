"""``check``, ``convert`` and ``import-toxiproxy``: profiles without an engine."""

from __future__ import annotations

from pathlib import Path

import click

from chaostui import profiles
from chaostui.cli.output import say_text
from chaostui.errors import Problem, SettingsError
from chaostui.safe_text import safe_text


@click.command
@click.argument("profile")
def check(profile: str) -> None:
    """Say everything that is wrong with PROFILE; none of the code it names is imported."""
    found = profiles.load(profile)
    count = len(found.proxy)
    what = "1 proxy" if count == 1 else f"{count} proxies"
    click.echo(f"{safe_text(profile)}: no problems ({what})")


@click.command
@click.argument("ini")
@click.option("-o", "--output", metavar="FILE", help="A new file, instead of standard output.")
def convert(ini: str, output: str | None) -> None:
    """Make a TOML profile of a Vaurien INI file, of either generation."""
    _write(profiles.dump(profiles.load(ini)), output)


@click.command
@click.argument("config")
@click.option("-o", "--output", metavar="FILE", help="A new file, instead of standard output.")
def import_toxiproxy(config: str, output: str | None) -> None:
    """Make a TOML profile of CONFIG, a JSON array of proxies as Toxiproxy reads at its start."""
    from chaostui.profiles import toxiproxy_json

    _write(profiles.dump(toxiproxy_json.load(config)), output)


def _write(text: str, output: str | None) -> None:
    if output is None:
        say_text(text)
        return
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        what = error.strerror or str(error)
        raise SettingsError(Problem(safe_text(output), what[:1].lower() + what[1:])) from None
