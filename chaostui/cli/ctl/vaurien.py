"""The commands of Vaurien 2's ``vaurienctl``, in its words."""

from __future__ import annotations

import click

from chaostui.cli.ctl.group import Asked, argument, command, pairs


def _behaviors(asked: Asked) -> None:
    found = asked.client.list_behaviors()
    asked.say(found, *found)


def _behavior(asked: Asked) -> None:
    found = asked.client.get_behavior(asked.proxy)
    asked.say(found, found)


def _set_behavior(asked: Asked, name: str, settings: tuple[str, ...]) -> None:
    try:
        asked.client.set_behavior(name, proxy=asked.proxy, **pairs(settings))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    asked.say(None, f'Behavior changed to "{name}"')


COMMANDS = [
    command(_behaviors, "list-behaviors", help="List the behaviors (vaurienctl)."),
    command(_behavior, "get-behavior", help="Print the behavior in force (vaurienctl)."),
    command(
        _set_behavior,
        "set-behavior",
        argument("name"),
        argument("settings", many=True, optional=True),
        help="Put one behavior in force (vaurienctl).",
    ),
]
