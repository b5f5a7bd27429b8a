"""The contract of a handler: one named fault.

A handler is pure: no sockets, no clock, no global dice. It is told what happens in one
direction of one connection and yields actions; the engine performs them. Options are
declared once, as an ``Options`` class with units, bounds and help in its annotations, and
appear by themselves in profiles, on the command line, over HTTP and in the console.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

from chaostui.actions import Action, Send
from chaostui.match import Match
from chaostui.protocol import Frame, Protocol, Request

Direction = Literal["upstream", "downstream"]

Way = Annotated[Literal["upstream", "downstream", "both"], Meta(description="which way it acts")]
"""The type of an option ``direction``."""


At = Annotated[
    Literal["anywhere", "request", "reply", "mid-reply"],
    Meta(description="where in an exchange it acts (mid-reply: half of what comes first passes)"),
]
"""The type of an option ``at``; but for ``anywhere`` it says the direction too."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What limits any handler; each handler's own options are added to these."""

    max_hits: Annotated[
        int, Meta(ge=0, description="hits before it is normal again (0: no limit)")
    ] = 0
    every: Annotated[int, Meta(ge=1, description="hit only each Nth time it is drawn")] = 1
    first: Annotated[
        int, Meta(ge=0, description="hit only the first N times it is drawn (0: no limit)")
    ] = 0
    duration: Annotated[
        float,
        Meta(
            ge=0,
            le=31_536_000,
            description="how long it stays armed, from when it is switched on (0: no end)",
            extra={"unit": "s"},
        ),
    ] = 0.0
    match: (
        Annotated[
            Match,
            Meta(
                description="only requests whose command, method, key, path, query or client"
                " match; only they count as drawn"
            ),
        ]
        | None
    ) = None


class Door(NamedTuple):
    """How clients that connect are met.

    ``refuse`` answers with a reset while the port stays ours; with ``stall`` connecting hangs.
    """

    state: Literal["accept", "refuse", "stall"] = "accept"
    seconds: float | None = None
    """How long this holds; None: until it is switched off."""
    cut: bool = False
    """Live connections are closed as it begins."""


@dataclass(slots=True)
class Context:
    """What a handler knows of where it stands.

    ``dice`` is seeded per connection and exchange; ``shared`` belongs to all connections
    of the proxy and is emptied when the handler is switched on anew.
    """

    direction: Direction
    protocol: Protocol
    dice: random.Random
    shared: dict[str, Any] = field(default_factory=dict)
    request: Request | None = None
    """What the exchange asks, once its first bytes are there and the protocol tells."""
    late: bool = False
    """Some of the exchange had gone to the backend when the handler was switched on."""
    now: float = 0.0
    """The monotonic clock, in seconds, as the handler is called or goes on after a ``Wait``."""

    @property
    def upstream(self) -> bool:
        """Whether the bytes go from the client to the backend."""
        return self.direction == "upstream"


class Handler:
    """Passes everything on. The base of all handlers.

    One instance lives per direction: for one exchange when it was drawn from the mix, for
    the whole connection when it stands in the chain. ``options`` is replaced by the engine
    when they change, so read it each time.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[Limits]] = Limits

    scope: ClassVar[Literal["connection", "listener"]] = "connection"
    """``listener``: it meets the clients that connect, by ``door``, and touches no bytes."""

    one_way: ClassVar[bool] = False
    """Its options ``at`` and ``direction`` say which way it acts: there is no need of it the
    other way."""

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    @classmethod
    def check(cls, options: Any, protocol: type[Protocol]) -> str:
        """Say what is wrong with ``options`` on a proxy that speaks ``protocol``, or ``""``."""
        return ""

    @classmethod
    def lasts(cls, options: Any) -> float | None:
        """Say after how many seconds it switches itself off; None: when somebody does."""
        return options.duration or None

    @classmethod
    def refusal(cls, options: Any, protocol: type[Protocol]) -> str:
        """Say why it cannot act with ``options`` on such a proxy, or ``""``."""
        if cls.scope == "listener" and options.match is not None:
            return "clients are met before anything is known of them: it takes no match"
        return cls.check(options, protocol)

    @classmethod
    def needs_words(cls, options: Any) -> bool:
        """Say whether it acts by the protocol's words alone, and so never on encrypted bytes."""
        return False

    @classmethod
    def door(cls, options: Any, seconds: float) -> Door:
        """Say how clients are met ``seconds`` after it was switched on."""
        return Door()

    @classmethod
    def goes(cls, options: Any, direction: Direction) -> bool:
        """Say whether the options ``at`` and ``direction`` mean this way."""
        at = getattr(options, "at", "anywhere")
        if at != "anywhere":
            return (at == "request") is (direction == "upstream")
        return getattr(options, "direction", "both") in ("both", direction)

    @property
    def acts(self) -> bool:
        """Whether its options ``at`` and ``direction`` mean the way that it stands in."""
        return self.goes(self.options, self.context.direction)

    begun = False
    """The message that its option ``at`` means has begun."""

    def spare(self, frame: Frame) -> int:
        """Say how many bytes of ``frame`` pass before the place that its option ``at`` means.

        Bytes that belong to no request (a greeting, a push) pass where replies are meant.
        """
        size, at = len(frame.data), self.options.at
        if not self.acts:
            return size
        if at == "anywhere":
            return 0
        self.begun = self.begun or frame.first
        if at == "mid-reply" and frame.first:
            return (size + 1) // 2
        return 0 if self.begun else size

    def on_start(self) -> Iterable[Action]:
        """Begin: in a chain, before the first bytes, and again with new options."""
        return ()

    def hold_again(self) -> float:
        """Say how long, from its arrival, what it holds is held now that options changed.

        In seconds; 0, the default, lets go of it.
        """
        return 0.0

    def on_stop(self) -> Iterable[Action]:
        """Say by ``Close`` or ``Reset`` that a connection cannot go on once it is switched off."""
        return ()

    def on_open(self) -> Iterable[Action]:
        """Act before the backend is dialled. Only the upstream instance is asked."""
        return ()

    def on_waiting(self) -> Iterable[Action]:
        """Act on a request that the backend has whole and has not answered, as it is switched on.

        Only the upstream instance is asked; the engine closes the connection after a ``Reply``,
        since nobody knows what becomes of the request.
        """
        return ()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        """Act on bytes that arrived."""
        yield Send(frame.data)

    def on_eof(self) -> Iterable[Action]:
        """Act on the end of this direction; it is passed on when the actions are done."""
        return ()

    def on_other_eof(self) -> Iterable[Action]:
        """Act on the end of the other direction, before it is passed on."""
        return ()

    def on_wake(self) -> Iterable[Action]:
        """Act when the time of a ``Wake`` has come."""
        return ()
