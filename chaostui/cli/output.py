"""What commands print: nothing that comes from outside reaches a terminal as it is."""

from __future__ import annotations

import re
from typing import Any

import click
import msgspec

from chaostui.safe_text import safe_text

HIDDEN = re.compile(r"[^ -~]")
LINE = 1_000
"""Characters of a line for people."""
WIDE = 100_000
"""Characters of a line of a text that other programs read, too."""


def say(line: str, *, err: bool = False) -> None:
    """Print a line for people."""
    click.echo(safe_text(line, LINE), err=err)


def say_json(value: Any) -> None:
    """Print JSON on one line; characters that a terminal might act on are escapes in it."""
    text = msgspec.json.encode(value).decode()
    click.echo(HIDDEN.sub(lambda found: _escape(found[0]), text))


def say_text(text: str) -> None:
    """Print a text of several lines, such as a profile, each of them whole."""
    for line in text.splitlines():
        click.echo(safe_text(line, WIDE))


def _escape(character: str) -> str:
    """Spell a character for JSON (RFC 8259, 7), unless it is harmless."""
    if character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
