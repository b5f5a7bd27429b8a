"""``chaostui completion``: what a shell needs to complete commands, options and files."""

from __future__ import annotations

import os
from importlib import import_module

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from chaostui.cli import COMMANDS

VARIABLE = "_CHAOSTUI_COMPLETE"
"""Set by the shell's function when it asks what may come next."""
SHELLS = ("bash", "zsh", "fish")


class Root(click.Group):
    """All commands as one group, with the options of ``chaostui`` itself; only for completion."""

    def __init__(self) -> None:
        from chaostui.cli.start import start

        options = [param for param in start.params if isinstance(param, click.Option)]
        super().__init__("chaostui", params=options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        found = getattr(import_module(f"chaostui.cli.{module}"), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options; where none begins so, the files that may be profiles."""
        found = super().shell_complete(ctx, incomplete)
        return found or [CompletionItem(incomplete, "file")]


def complete() -> int:
    """Answer the shell what may come next."""
    return shell_complete(Root(), {}, "chaostui", VARIABLE, os.environ[VARIABLE])


@click.command
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what makes SHELL complete chaostui's commands, options and files.

    \b
    bash:  eval "$(chaostui completion bash)"     in ~/.bashrc
    zsh:   eval "$(chaostui completion zsh)"      in ~/.zshrc
    fish:  chaostui completion fish > ~/.config/fish/completions/chaostui.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(Root(), {}, "chaostui", VARIABLE).source())
