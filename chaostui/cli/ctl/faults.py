"""Commands that break things: the mix, its handlers, the chain."""

from __future__ import annotations

import click

from chaostui.cli.ctl import show
from chaostui.cli.ctl.group import NUMBER, SECONDS, Asked, argument, command, pairs
from chaostui.safe_text import safe_text


def _set(asked: Asked, mix: str, settings: tuple[str, ...], seconds: float | None) -> None:
    said: dict[str, list[str]] = {}
    for text in settings:
        handler, dot, option = text.partition(".")
        if "=" not in text or not dot:
            [*pairs([text])]
            name = text.partition("=")[0]
            raise click.UsageError(f"--set: {safe_text(name)!r} is not HANDLER.OPTION")
        said.setdefault(handler, []).append(option)
    options = {handler: asked.amounts(handler, given) for handler, given in said.items()}
    found = asked.client.set_mix(mix, proxy=asked.one, options=options or None, duration=seconds)
    asked.say(found, *show.proxy(found))


def _weight(asked: Asked, handler: str, percent: float) -> None:
    found = asked.client.set_weight(handler, percent, proxy=asked.one)
    asked.say(found, *show.proxy(found))


def _options(asked: Asked, handler: str, settings: tuple[str, ...]) -> None:
    if settings:
        given = asked.amounts(handler, settings)
        found = asked.client.set_options(handler, proxy=asked.one, **given)
    else:
        found = asked.client.handler(handler, proxy=asked.one)
    asked.say(found, f"{found.name} {found.weight:g}%  {show.options(found.options)}")


def _bypass(asked: Asked, on: str) -> None:
    found = asked.client.set_bypass(on == "on", proxy=asked.one)
    asked.say(found, f"{found.name}: {show.behavior(found)}")


def _chain(asked: Asked) -> None:
    found = asked.client.chain(asked.one)
    asked.say(found, *show.chain(found))


def _chain_add(
    asked: Asked,
    handler: str,
    settings: tuple[str, ...],
    name: str | None,
    direction: str | None,
    probability: float | None,
) -> None:
    found = asked.client.add_chain(
        handler,
        proxy=asked.one,
        name=name,
        direction=direction,
        probability=probability,
        **asked.amounts(handler, settings),
    )
    asked.say(found, *show.chain([found]))


def _chain_remove(asked: Asked, name: str) -> None:
    asked.client.remove_chain(name, proxy=asked.one)
    asked.say(None, f"{name} is gone")


_ENTRY = (
    click.Option(["--name"], help="What to call the entry."),
    click.Option(["--direction"], metavar="upstream|downstream|both", help="Which way."),
    click.Option(["--probability"], type=NUMBER, metavar="0..1", help="At each draw."),
)

COMMANDS = [
    command(
        _set,
        "set",
        argument("mix"),
        click.Option(
            ["settings", "--set"],
            multiple=True,
            metavar="HANDLER.OPTION=VALUE",
            help="A handler's setting: delay.sleep=200ms.",
        ),
        click.Option(
            ["seconds", "--for"],
            type=SECONDS,
            metavar="SECONDS",
            help="Then the mix before returns: 10, 200ms, 2m.",
        ),
        help="Put a mix in force: 20:delay,5:errors; normal ends all.",
    ),
    command(
        _weight,
        "weight",
        argument("handler"),
        click.Argument(["percent"], type=NUMBER),
        help="Change one weight of the mix.",
    ),
    command(
        _options,
        "options",
        argument("handler"),
        argument("settings", many=True, optional=True),
        help="Show a handler's options, or change them: sleep=200ms jitter=null.",
    ),
    command(
        _bypass,
        "bypass",
        click.Argument(["on"], type=click.Choice(["on", "off"])),
        help="Keep the mix without applying it, or apply it again.",
    ),
    command(_chain, "chain", help="Show the chain."),
    command(
        _chain_add,
        "chain-add",
        argument("handler"),
        argument("settings", many=True, optional=True),
        *_ENTRY,
        help="Put a handler at the end of the chain: delay sleep=200ms.",
    ),
    command(_chain_remove, "chain-remove", argument("name"), help="Take an entry out."),
]
