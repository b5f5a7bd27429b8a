"""``handlers`` and ``protocols``: what there is, from the same declarations that are enforced."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from typing import Any

import click

from chaostui import registry
from chaostui.errors import NotFound
from chaostui.handler import Limits
from chaostui.options import Option, describe, show, unknown
from chaostui.protocol import Kind

Row = tuple[str, str, str, str]


@click.command
@click.argument("name", required=False)
def handlers(name: str | None) -> None:
    """List the handlers and their settings, or those of NAME alone."""
    common = [option.name for option in describe(Limits)]
    for kind in _chosen("handler", registry.builtin().handlers, name):
        options = [o for o in describe(kind.Options) if name or o.name not in common]
        _print(", ".join((kind.name, *kind.aliases)), _help(kind), map(_row, options))
    if not name:
        _print("every handler", "takes what limits it", map(_row, describe(Limits)))


@click.command
@click.argument("name", required=False)
def protocols(name: str | None) -> None:
    """List the protocols and the errors they speak, or those of NAME alone."""
    for kind in _chosen("protocol", registry.builtin().protocols, name):
        rows = [_error(error) for error in kind.kinds]
        names = [n for n, k in registry.builtin().protocols.items() if k is kind]
        _print(", ".join(names), _help(kind), [*rows, *map(_row, describe(kind.Options))])


def _chosen(what: str, known: Any, name: str | None) -> list[Any]:
    kinds = list(dict.fromkeys(known.values()))
    if name is None:
        return kinds
    if name not in known:
        raise NotFound(unknown(what, name, [kind.name for kind in kinds]))
    return [known[name]]


def _help(kind: type) -> str:
    """What the user sees happen: the first words of the file that holds it."""
    module = sys.modules[kind.__module__].__doc__ or ""
    text = inspect.cleandoc(module).partition("\n")[0]
    return (text.partition(": ")[2] or text).rstrip(".")


def _row(option: Option) -> Row:
    return option.name, values(option), default(option), option.help


def _error(kind: Kind) -> Row:
    return kind.name, " and ".join(kind.phases), "likely" if kind.default else "", kind.help


def values(option: Option) -> str:
    """What an option takes: choices, or its type with bounds and unit."""
    if option.choices:
        return " | ".join(option.choices)
    if option.type in ("boolean", "string"):
        return {"boolean": "true | false", "string": "text"}[option.type]
    low, high = option.minimum, option.maximum
    bounds = {
        (True, True): f"{low} to {high}",
        (True, False): f"{low} or more",
        (False, True): f"up to {high}",
        (False, False): option.type,
    }[low is not None, high is not None]
    return f"{bounds} {option.unit}".strip()


def default(option: Option) -> str:
    """An option's default as people write it."""
    value = option.default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return value or "–"
    return "–" if value is None else show(value)


def _print(title: str, what: str, rows: Iterable[Row]) -> None:
    """A heading with its help, and a table under it."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for width in (15, 14, 8):
        table.add_column(min_width=width)
    table.add_column(ratio=1)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    console.print(Text.assemble((title, "bold"), "  ", what))
    if table.row_count:
        console.print(Padding(table, (0, 0, 0, 2)))
