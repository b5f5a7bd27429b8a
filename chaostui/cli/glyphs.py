"""``--glyphs``: what the console draws with, on every command that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

NAMES = ("drawn", "--glyphs")
_HELP = "What the console draws with; auto: ASCII where the locale is not UTF-8."
_SETTINGS: dict[str, Any] = {"type": click.Choice(["auto", "unicode", "ascii"]), "help": _HELP}


def option() -> click.Option:
    """The option; without it the console's ``config.toml`` decides."""
    return click.Option(NAMES, **_SETTINGS)


def decorate() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The same for a function that becomes a command."""
    return click.option(*NAMES, **_SETTINGS)
