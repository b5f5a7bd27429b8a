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
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from chaostui.actions import Action, Send
from chaostui.protocol import Frame, Protocol, Request

Direction = Literal["upstream", "downstream"]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What limits any handler; each handler's own options are added to these."""

    max_hits: Annotated[
        int, Meta(ge=0, description="hits before it is normal again (0: no limit)")
    ] = 0
    every: Annotated[int, Meta(ge=1, description="hit only each Nth time it is drawn")] = 1
    duration: Annotated[
        float,
        Meta(
            ge=0,
            le=31_536_000,
            description="how long it stays armed, from when it is switched on (0: no end)",
            extra={"unit": "s"},
        ),
    ] = 0.0


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

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    @classmethod
    def check(cls, options: Any, protocol: type[Protocol]) -> str:
        """Say what is wrong with ``options`` on a proxy that speaks ``protocol``, or ``""``."""
        return ""

    def on_open(self) -> Iterable[Action]:
        """Act before the backend is dialled. Only the upstream instance is asked."""
        return ()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        """Act on bytes that arrived."""
        yield Send(frame.data)

    def on_eof(self) -> Iterable[Action]:
        """Act on the end of this direction; it is passed on when the actions are done."""
        return ()

    def on_wake(self) -> Iterable[Action]:
        """Act when the time of a ``Wake`` has come."""
        return ()
