"""``chaostui config``: the console's own settings, as a file."""

from __future__ import annotations

import click

from chaostui.cli import output
from chaostui.cli.failures import unknown_command
from chaostui.safe_text import safe_text


class Commands(click.Group):
    """The group; an unknown command is told with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown_command(args[0], list(self.commands))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands)
def config() -> None:
    """The console's own settings: theme, glyphs, columns, keys. Profiles are files of their own."""


@config.command
def path() -> None:
    """Print where config.toml is looked for."""
    from chaostui.tui import config as configs

    output.say_text(str(configs.path()))


@config.command
def sample() -> None:
    """Print a config.toml with every setting and every key, explained and commented out.

    \b
    chaostui config sample > ~/.config/chaostui/config.toml
    """
    from chaostui.tui import config as configs

    click.echo(configs.sample(), nl=False)


@config.command
def check() -> None:
    """Say everything that is wrong with config.toml."""
    from chaostui.tui import config as configs

    where = configs.path()
    configs.load()
    found = "no problems" if where.exists() else "not there, which is no problem"
    click.echo(f"{safe_text(str(where))}: {found}")
