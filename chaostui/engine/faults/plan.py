"""What a proxy shall do now: its mix and chain, compiled from settings.

A plan is frozen; a change makes a new one. What lives longer is ``Armed``: a handler from
the moment it is switched on until it is switched off, with its hits and shared state.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaostui.handler import Direction, Handler, Limits
from chaostui.protocol import Request


@dataclass(slots=True, eq=False)
class Armed:
    """A handler that is switched on for a proxy."""

    kind: type[Handler]
    options: Limits
    weight: float = 0.0
    shared: dict[str, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    hits: int = 0
    drawn: int = 0
    taken: int = 0
    """Draws that may still become hits, and those that did."""
    name: str = field(init=False)
    """What it is called in mixes, events and counters."""

    def __post_init__(self) -> None:
        self.name = self.kind.name

    @property
    def ends_at(self) -> float | None:
        """When it switches itself off, on the monotonic clock; None: no end."""
        seconds = self.kind.lasts(self.options)
        return None if seconds is None else self.since + seconds

    @property
    def asks(self) -> bool:
        """Whether it is for certain requests only."""
        match = self.options.match
        return match is not None and match.asks

    @property
    def limited(self) -> bool:
        """Whether only some of its draws may hit."""
        options = self.options
        return bool(options.first or options.max_hits or options.every > 1)

    @property
    def needs_words(self) -> bool:
        """Whether it can only act on requests that the protocol reads."""
        return self.asks or self.kind.needs_words(self.options)

    def suits(self, request: Request | None, client: str) -> bool:
        """Whether it is for this request of this client's; None: no request is known."""
        match = self.options.match
        return match is None or match.fits(request, client)

    def take(self) -> bool:
        """Count a draw and say whether it may hit, by ``first``, ``every`` and ``max_hits``."""
        options = self.options
        self.drawn += 1
        if options.first and self.drawn > options.first:
            return False
        if self.drawn % options.every:
            return False
        if options.max_hits and self.taken >= options.max_hits:
            return False
        self.taken += 1
        return True

    def undo(self) -> None:
        """Undo a draw whose exchange is given another handler."""
        self.drawn -= 1
        self.taken -= 1

    def give_back(self) -> None:
        """Undo a ``take`` that never hit."""
        self.taken -= 1


@dataclass(slots=True, eq=False)
class ArmedEntry:
    """A chain entry that is switched on for a proxy."""

    name: str
    armed: Armed
    directions: tuple[Direction, ...]
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Mix and chain of a proxy at one moment."""

    mix: tuple[Armed, ...] = ()
    chain: tuple[ArmedEntry, ...] = ()
    handlers: Mapping[str, Armed] = field(default_factory=dict)
    """The mix by name."""
    doors: tuple[ArmedEntry, ...] = ()
    """Those of mix and chain that meet the clients who connect, and touch no bytes."""

    @property
    def quiet(self) -> bool:
        """Whether every byte passes untouched."""
        return not self.mix and not self.chain

    def pick(self, roll: float) -> Armed | None:
        """The handler of the mix that a roll from 0 to below 1 falls on; None: normal."""
        percent = roll * 100
        for armed in self.mix:
            percent -= armed.weight
            if percent < 0:
                return armed
        return None

    def keeps(self, armed: Armed) -> bool:
        """Whether ``armed`` is still switched on."""
        return self.handlers.get(armed.name) is armed


def by_mix(armed: Armed) -> ArmedEntry:
    """A handler of the mix as an entry: its weight is the share of the time in which it acts."""
    return ArmedEntry(armed.name, armed, (), armed.weight / 100)


def needing(plan: Plan) -> tuple[str, ...]:
    """The handlers of a plan that act on requests they can read alone."""
    armed = (*plan.mix, *(entry.armed for entry in plan.chain))
    return tuple(dict.fromkeys(each.name for each in armed if each.needs_words))
