"""Commands on what passes through: connections, events, the journal."""

from __future__ import annotations

import click

from chaostui.cli.ctl import show
from chaostui.cli.ctl.group import Asked, argument, command
from chaostui.client import Dropped


def _connections(asked: Asked, limit: int | None) -> None:
    found = asked.client.connections(asked.proxy, limit)
    asked.say(found, *show.connections(found))


def _cut(asked: Asked, number: int) -> None:
    asked.client.reset_connection(number)
    asked.say(None, f"connection {number} was reset")


def _pin(asked: Asked, number: int, handler: str) -> None:
    found = asked.client.pin(number, handler)
    asked.say(found, f"connection {number} gets {handler} from the next bytes on")


def _unpin(asked: Asked, number: int) -> None:
    found = asked.client.pin(number, None)
    asked.say(found, f"connection {number} follows the dice again")


def _events(asked: Asked, since: int, kinds: str, follow: bool) -> None:
    wanted = [kind for kind in kinds.split(",") if kind]
    if not follow:
        for one in asked.client.recent_events(since, wanted):
            asked.say(one, show.event(one))
        return
    for each in asked.client.events(since or None, wanted):
        if isinstance(each, Dropped):
            asked.say(each, f"{each.dropped} events were lost")
        else:
            asked.say(each, show.event(each))


def _journal(asked: Asked, since: int) -> None:
    for one in asked.client.journal(since):
        asked.say(one, show.event(one))


def _note(asked: Asked, text: tuple[str, ...]) -> None:
    found = asked.client.note(" ".join(text))
    asked.say(found, show.event(found))


def _sessions(asked: Asked) -> None:
    found = asked.client.sessions()
    rows = ((s.id, s.owner, f"{s.expires_in:.1f} s", len(s.faults)) for s in found)
    asked.say(found, *show.columns(("SESSION", "OWNER", "EXPIRES IN", "FAULTS"), rows))


_SINCE = click.Option(["--since"], type=int, default=0, help="After this number.")
_NUMBER = click.Argument(["number"], type=int)

COMMANDS = [
    command(
        _connections,
        "connections",
        click.Option(["--limit"], type=int, help="Only the newest."),
        help="List live connections.",
    ),
    command(_cut, "cut", _NUMBER, help="Reset a connection, on both sides."),
    command(_pin, "pin", _NUMBER, argument("handler"), help="Give a connection one handler."),
    command(_unpin, "unpin", _NUMBER, help="Let the dice decide again."),
    command(
        _events,
        "events",
        _SINCE,
        click.Option(["--kinds"], default="", help="open,dial,exchange,fault,close,change,warning"),
        click.Option(["-f", "--follow"], is_flag=True, help="As they happen."),
        help="Print what happened.",
    ),
    command(_journal, "journal", _SINCE, help="Print who changed what."),
    command(_note, "note", argument("text", many=True), help="Put a marker into the journal."),
    command(_sessions, "sessions", help="List the owners of faults."),
]
