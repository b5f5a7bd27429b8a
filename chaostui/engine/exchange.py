"""One request and its reply, and the handlers that act on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chaostui.actions import Action, Close, Reset
from chaostui.handler import Context, Direction, Handler
from chaostui.protocol import Frame, Protocol, Request

if TYPE_CHECKING:
    from chaostui.engine.draw import Dice
    from chaostui.engine.plan import Armed

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
        self.hit_in = 0
        """The exchange it last hit, so that each counts once."""
        self.releases = 0
        """How often it has let go of what it held."""
        self.switched_off = 0
        """The last of these that was for good."""

    def release(self, *, off: bool) -> None:
        """Let go of what it holds, or hold it anew by other options where it is not ``off``."""
        self.releases += 1
        if off:
            self.switched_off = self.releases


class Exchange:
    """An exchange of a connection: numbered from 1, which begins when the client connects."""

    __slots__ = (
        "_downstream",
        "_upstream",
        "answer",
        "answered",
        "armed",
        "asked",
        "asks_for",
        "due",
        "final",
        "handler",
        "hit",
        "matched",
        "number",
        "replies",
        "request",
        "seconds",
    )

    def __init__(self, number: int, asked: float, armed: Armed | None) -> None:
        self.number = number
        self.asked = asked
        """When its first byte came, on the monotonic clock."""
        self.armed = armed
        self.handler = armed.name if armed is not None else "normal"
        """What it was given, even if that is switched off since."""
        self.hit = False
        self.request = ""
        """The request's name, for people."""
        self.asks_for: Request | None = None
        """The request itself, where the protocol tells and it is more than counted."""
        self.matched: frozenset[Armed] = frozenset()
        """Those of the chain that are for certain requests, and act on this one."""
        self.replies = True
        """Whether it gets a reply."""
        self.due = 1
        """The replies that are due: several where requests came together and nothing acted."""
        self.answered = False
        """Its reply has begun."""
        self.seconds = 0.0
        """How long the reply's first byte took."""
        self.answer: list[bytes] | None = None
        """The reply made here, when the backend is not asked."""
        self.final: Close | Reset | None = None
        """What follows the reply made here."""
        self._upstream: Stage | None = None
        self._downstream: Stage | None = None

    def stage(self, direction: Direction) -> Stage | None:
        """The drawn handler's instance for ``direction``; None when the exchange is normal."""
        return self._upstream if direction == "upstream" else self._downstream

    def stages(self) -> list[Stage]:
        """The drawn handler's instances."""
        return [drawn for drawn in (self._upstream, self._downstream) if drawn is not None]

    def arm(self, protocol: Protocol, dice: Dice, connection: int) -> None:
        """Make the drawn handler's instances, or take them away when it is switched off."""
        self._upstream = self._downstream = None
        if self.armed is not None:
            self._upstream = stage(self.armed, "upstream", protocol, dice, connection, self.number)
            self._downstream = stage(
                self.armed, "downstream", protocol, dice, connection, self.number
            )

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
) -> Stage:
    """Make an instance of ``armed`` for one direction, with dice of its own."""
    seeded = dice.random(connection, exchange, f"{armed.name} {direction}")
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
