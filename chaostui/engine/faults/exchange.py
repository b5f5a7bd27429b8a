"""One request and its reply, and the handlers that act on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chaostui.actions import Action, Close, Reset
from chaostui.handler import Context, Direction, Handler
from chaostui.protocol import Frame, Protocol, Request

if TYPE_CHECKING:
    from chaostui.engine.faults.dice import Dice
    from chaostui.engine.faults.plan import Armed, Plan

HANDLERS_RAISE = (Exception, KeyboardInterrupt, SystemExit)
"""What a handler may raise: all of it ends its connection, and nothing else."""


class Stage:
    """A handler's instance at work in one direction."""

    __slots__ = ("active", "armed", "chance", "handler", "hit_in", "releases", "switched_off")

    def __init__(self, armed: Armed, handler: Handler) -> None:
        self.armed = armed
        self.handler = handler
        self.active = False
        """Whether it acts, in a chain."""
        self.chance = 1.0
        """The probability by which it was made active."""
        self.hit_in = (0, 0)
        """The exchange it last hit, by its number and push, so that each counts once."""
        self.releases = 0
        """How often it has let go of what it held."""
        self.switched_off = 0
        """The last of these that was for good."""

    @property
    def acts_when_waiting(self) -> bool:
        """Whether it does something about a request that waits for its reply."""
        return type(self.handler).on_waiting is not Handler.on_waiting

    def release(self, *, off: bool) -> None:
        """Let go of what it holds, or hold it anew by other options where it is not ``off``."""
        self.releases += 1
        if off:
            self.switched_off = self.releases


@dataclass(slots=True, eq=False)
class Exchange:
    """An exchange of a connection: numbered from 1, which begins when the client connects."""

    number: int
    asked: float
    """When its first byte came, on the monotonic clock."""
    push: int = 0
    """Which of the pushes since then it is, from 1; 0: it was asked for."""
    plan: Plan | None = None
    """The plan by which it was drawn; None: it is drawn anew when something comes."""
    granted: dict[Armed, bool] = field(default_factory=dict)
    """The handlers that its dice fell on, and whether they may hit: each is counted once."""
    armed: Armed | None = None
    handler: str = "normal"
    """What it was given, even if that is switched off since."""
    hit: bool = False
    hit_before: bool = False
    """Whether that has hit it, and whether another had before."""
    sent: bool = False
    """Some of it had gone to the backend when a handler was switched on."""
    joined: set[Stage] = field(default_factory=set)
    """Handlers that were switched on then, and act on what had begun."""
    request: str = ""
    """The request's name, for people."""
    asks_for: Request | None = None
    """The request itself, where the protocol tells."""
    matched: frozenset[Armed] = frozenset()
    """Those of the chain that are for certain requests, and act on this one."""
    complete: bool = False
    """Its request has come whole."""
    replies: bool = True
    """Whether it gets a reply."""
    due: int = 1
    """The replies that are due: several where requests came together and nothing acted."""
    answered: bool = False
    """Its reply has begun."""
    over: bool = False
    """It was told of, and counts no more."""
    seconds: float = 0.0
    """How long the reply's first byte took."""
    answer: list[bytes] | None = None
    """The reply made here, when the backend is not asked."""
    final: Close | Reset | None = None
    """What follows the reply made here."""
    _upstream: Stage | None = None
    _downstream: Stage | None = None

    @property
    def key(self) -> str:
        """What tells its dice from those of others of its number; empty: it was asked for."""
        return f"push {self.push}" if self.push else ""

    def give(self, armed: Armed | None, protocol: Protocol, dice: Dice, connection: int) -> None:
        """Let ``armed`` act on it from now on, in place of what did."""
        self.armed = armed
        if armed is not None:
            self.handler = armed.name
            self.hit_before, self.hit = self.hit_before or self.hit, False
        self.arm(protocol, dice, connection)

    def stage(self, direction: Direction) -> Stage | None:
        """The drawn handler's instance for ``direction``; None when the exchange is normal."""
        return self._upstream if direction == "upstream" else self._downstream

    def stages(self) -> list[Stage]:
        """The drawn handler's instances."""
        return [drawn for drawn in (self._upstream, self._downstream) if drawn is not None]

    def arm(self, protocol: Protocol, dice: Dice, connection: int) -> None:
        """Make the drawn handler's instances, or take them away when it is switched off."""
        self._upstream = self._downstream = None
        self.arm_more(protocol, dice, connection)

    def arm_more(self, protocol: Protocol, dice: Dice, connection: int) -> None:
        """Make those instances that are missing, for the ways in which the handler acts."""
        armed = self.armed
        if armed is None:
            return
        kind, options = armed.kind, armed.options
        made = (protocol, dice, connection, self.number, self.key)
        if self._upstream is None and (not kind.one_way or kind.goes(options, "upstream")):
            self._upstream = stage(armed, "upstream", *made)
        if self._downstream is None and (not kind.one_way or kind.goes(options, "downstream")):
            self._downstream = stage(armed, "downstream", *made)
        if self.asks_for is not None:
            self.asks(self.asks_for)

    def asks(self, request: Request | None) -> None:
        """Its request is known."""
        self.asks_for = request
        if request is not None:
            self.request = request.name
        for drawn in (self._upstream, self._downstream):
            if drawn is not None:
                drawn.handler.context.request = request

    def renew(self) -> None:
        """The drawn handler has new options."""
        for drawn in (self._upstream, self._downstream):
            if drawn is not None:
                drawn.handler.options = drawn.armed.options


def stage(
    armed: Armed,
    direction: Direction,
    protocol: Protocol,
    dice: Dice,
    connection: int,
    exchange: int,
    key: str = "",
) -> Stage:
    """Make an instance of ``armed`` for one direction, with dice of its own."""
    seeded = dice.random(connection, exchange, f"{armed.name} {direction} {key}".rstrip())
    protocol.dice = seeded
    context = Context(direction, protocol, seeded, armed.shared)
    try:
        handler = armed.kind(armed.options, context)
    except HANDLERS_RAISE as error:
        handler = Broken(armed.options, context, error)
    return Stage(armed, handler)


class Broken(Handler):
    """Stands for a handler that could not be made: it fails where that would have acted."""

    def __init__(self, options: Any, context: Context, error: BaseException) -> None:
        super().__init__(options, context)
        self.error = error

    def on_open(self) -> Iterable[Action]:
        raise self.error

    def on_data(self, frame: Frame) -> Iterable[Action]:
        raise self.error
