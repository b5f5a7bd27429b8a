"""``chaostui engines``: which engines run here, numbered as ``attach`` and ``--api`` take them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from chaostui.cli import output
from chaostui.client import Client
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.wire.views import EngineView

PATIENCE = 2.0
"""Seconds that an engine has to say what it is."""


class Found(NamedTuple):
    """An engine of this user: its socket, and what it says of itself where it does."""

    path: Path
    view: EngineView | None

    @property
    def name(self) -> str:
        """What it is called: its profile's file, else its first proxy."""
        if self.view is None:
            return self.path.stem
        proxies = self.view.proxies
        return Path(self.view.profile).stem or (proxies[0].name if proxies else "no proxy")

    @property
    def described(self) -> str:
        """Name, ports and for how long it has been up, on one line."""
        if self.view is None:
            return f"{self.name}: does not answer"
        where = ", ".join(f"{proxy.name} {proxy.listen}" for proxy in self.view.proxies)
        up = uptime(self.view.uptime)
        return safe_text(f"{self.name}: {where or 'no proxy'}, up {up}, pid {self.view.pid}", 300)


def uptime(seconds: float) -> str:
    """``12 s``, ``3 min``, ``2 h`` or ``4 d``."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def running() -> list[Found]:
    """This user's engines, the oldest first: a number stays the same while others come."""
    from chaostui.api.unix import running as sockets

    return [Found(path, _look(path)) for path in reversed(sockets())]


def _look(path: Path) -> EngineView | None:
    with Client(unix=path, actor="ctl") as client:
        try:
            return client.engine()
        except (ChaosError, OSError):
            return None


def listed(found: list[Found]) -> list[str]:
    """One numbered line for each engine."""
    return [f"{number:>3}  {each.described}" for number, each in enumerate(found, 1)]


def chosen(word: str, found: list[Found]) -> Found | None:
    """The engine that a number, a process id or a name means; None where it means none."""
    if word.isdecimal() and 1 <= int(word) <= len(found):
        return found[int(word) - 1]
    named = [each for each in found if word in (each.path.stem, each.name)]
    return named[0] if len(named) == 1 else None


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("as_json", "--json", is_flag=True, help="Answer in JSON.")
def engines(as_json: bool) -> None:
    """List the engines that run here, by number, profile, ports and uptime.

    `chaostui attach 2` and `chaostui ctl --api 2` take the number.
    """
    found = running()
    if as_json:
        answer = [{"api": f"unix:{each.path}", "engine": each.view} for each in found]
        output.say_json(answer)
        return
    for line in listed(found) or ["no engine runs here"]:
        output.say(line)
