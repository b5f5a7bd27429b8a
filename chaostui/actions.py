"""What a handler asks for. Handlers yield these; the engine performs them.

All seconds are floats, all data is bytes. ``Close``, ``Reset`` and ``Stall`` are final:
nothing a handler yields after one of them is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Send:
    """Pass ``data`` on, in order, no earlier than ``after`` seconds from its arrival.

    Reading goes on meanwhile: a delay never limits bandwidth.
    """

    data: bytes
    after: float = 0.0
    what: str = field(default="", compare=False)
    """What this does, in words for people; empty: what can be seen of it."""
    instead: bool = field(default=False, compare=False)
    """It takes the place of what came, even where the bytes are the same."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing in this direction for ``seconds``; reading stops, so the sender feels it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Send ``data`` back to the side the bytes came from, after the replies still due there."""

    data: bytes
    what: str = field(default="", compare=False)
    """The name of what is said, for people."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close both sides (FIN) once what was already sent has left."""

    unread: bool = False
    """The client may be sending what nobody wants any more: that is read and dropped for a
    while, as a reset would keep it from what it was sent before."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset both sides (RST) once what was already sent has left."""

    what: str = field(default="", compare=False)
    """Why, in words for people."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Keep the sockets and pass nothing until the settings change.

    What was read is kept and goes on, in order, when the handler is switched off.
    """


@dataclass(frozen=True, slots=True)
class Wake:
    """Call the handler's ``on_wake`` in ``seconds``, unless more bytes come first."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """Run a user's own function on the two sides of the connection (design: Vaurien's callable).

    ``function(source, dest, to_backend, name, settings, server)``, a coroutine function or a
    plain one, which then runs in a worker thread. ``data`` is what is ready on ``source``.
    """

    function: Callable[..., Any]
    name: str
    settings: dict[str, Any]
    data: bytes


Action = Send | Wait | Reply | Close | Reset | Stall | Wake | Call
