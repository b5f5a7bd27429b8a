"""How a ``ctl`` command is made: it gets a client and says what it was told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from chaostui import quantity
from chaostui.cli import COMMANDS, output
from chaostui.cli.failures import unknown_command
from chaostui.cli.target import client
from chaostui.client import Client
from chaostui.options import Typed, meant
from chaostui.safe_text import safe_text

HELP = """Drive a running engine.

It is found by --api (a number or a name that `chaostui engines` lists, a URL, host:port or
unix:/path), else by CHAOSTUI_API, else it is the only one that runs here, else the one at
localhost:8080.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What every command gets: the engine, the proxy that is meant, and how to answer."""

    client: Client
    proxy: str | None
    as_json: bool

    @property
    def one(self) -> str | None:
        """The proxy that a change is for: the one that was named, or the only one there is.

        Raises click.UsageError where there are several, so that none is broken by mistake.
        """
        if self.proxy is not None:
            return self.proxy
        names = [proxy.name for proxy in self.client.proxies()]
        if len(names) > 1:
            listed = ", ".join(safe_text(name, 40) for name in names)
            raise click.UsageError(f"there are {len(names)} proxies; say which: --proxy {listed}")
        return names[0] if names else None

    def amounts(self, handler: str, given: Iterable[str]) -> dict[str, Any]:
        """``pairs``, with ``200ms`` or ``64k`` in the unit of the handler's option."""
        found = pairs(given)
        if not any(isinstance(value, str) and value[:1].isdigit() for value in found.values()):
            return found
        units = {
            option.name: option.unit
            for each in self.client.handlers()
            if handler in (each.name, *each.aliases)
            for option in each.options
            if option.type in ("number", "integer")
        }
        for name, value in found.items():
            if isinstance(value, str) and name in units:
                with suppress(ValueError):
                    found[name] = quantity.read(value, units[name])
        return found

    def say(self, answer: Any, *lines: str) -> None:
        """Print the lines, or the answer itself as JSON."""
        if self.as_json:
            output.say_json(answer)
            return
        for line in lines:
            output.say(line)


def _shared() -> list[click.Option]:
    return [
        click.Option(["--api", "--host"], metavar="URL", help="The engine."),
        click.Option(["--token-file"], metavar="FILE", help="Holds the API's token."),
        click.Option(["--proxy"], metavar="NAME", help="Which proxy, where there are several."),
        click.Option(["as_json", "--json"], is_flag=True, help="Answer in JSON."),
    ]


class Ctl(click.Group):
    """The group: its options may stand before or after the command."""

    def __init__(self, name: str, commands: Iterable[click.Command]) -> None:
        super().__init__(name, commands=list(commands), params=list(_shared()), help=HELP)
        self.no_args_is_help = True
        self.callback = click.pass_context(_remember)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is told with the nearest."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            if args[0] in COMMANDS:
                raise click.UsageError(f"{args[0]} is no command of ctl: chaostui {args[0]} …")
            raise unknown_command(args[0], list(self.commands))
        return super().resolve_command(ctx, args)


def _remember(context: click.Context, **given: Any) -> None:
    context.obj = given


def command(
    run: Callable[..., None], name: str, *params: click.Parameter, help: str
) -> click.Command:
    """Make a command of ``run(asked, **params)``."""

    @click.pass_context
    def call(context: click.Context, /, **given: Any) -> None:
        shared = {option.name: given.pop(option.name or "") for option in _shared()}
        before = context.obj or {}
        said = {key: value or before.get(key) for key, value in shared.items()}
        with client(said["api"], said["token_file"]) as engine:
            run(Asked(engine, said["proxy"], bool(said["as_json"])), **given)

    return click.Command(name, callback=call, params=[*params, *_shared()], help=help)


class _Number(click.types.FloatParamType):
    """A number that JSON has a word for: not NaN, not infinity."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class _Seconds(_Number):
    """A time in seconds, or with its unit: 200ms, 2m."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, str) and value[:1].isdigit() and value[-1:].isalpha():
            with suppress(ValueError):
                return quantity.parse_seconds(value)
        return super().convert(value, param, ctx)


NUMBER = _Number()
SECONDS = _Seconds()


def argument(name: str, *, many: bool = False, optional: bool = False) -> click.Argument:
    """A positional argument."""
    return click.Argument([name], nargs=-1 if many else 1, required=not optional)


def pairs(given: Iterable[str]) -> dict[str, Any]:
    """``sleep=2 jitter=0.1`` as options; ``null`` gives one back its default."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{safe_text(text)!r} is not OPTION=VALUE")
        found[name] = None if value == "null" else meant(Typed(value))
    return found
