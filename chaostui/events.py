"""What happened, as frozen records. The engine publishes them, fronts read them.

``at`` is wall-clock seconds since the epoch, for display only; durations are measured on
the monotonic clock and given in seconds. ``seq`` grows by one with each event of an engine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

CloseReason = Literal[
    "client closed",
    "backend closed",
    "reset by client",
    "reset by backend",
    "backend refused",
    "backend unreachable",
    "connect timeout",
    "half-close timeout",
    "idle timeout",
    "linger timeout",
    "tls failed",
    "fault",
    "handler failed",
    "reset by operator",
    "proxy closed",
    "drained",
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What every event says: its number, when, on which proxy and connection (0: none)."""

    seq: int
    at: float
    proxy: str
    connection: int = 0


class Opened(Event, tag="open", frozen=True, kw_only=True):
    """A client was accepted."""

    client: str


class Dialled(Event, tag="dial", frozen=True, kw_only=True):
    """The backend was dialled: ``error`` is empty when it answered after ``seconds``."""

    backend: str
    seconds: float
    error: str = ""


class Exchanged(Event, tag="exchange", frozen=True, kw_only=True):
    """An exchange ended: the request's name, its reply time, and the handler it was given."""

    exchange: int
    request: str
    handler: str
    seconds: float
    """0: no reply came."""
    slow: bool = False
    """The reply took longer than the proxy's ``slow_reply``."""


class Injected(Event, tag="fault", frozen=True, kw_only=True):
    """A fault really hit: which handler, in which exchange, and what was done."""

    exchange: int
    handler: str
    what: str
    request: str = ""


class Closed(Event, tag="close", frozen=True, kw_only=True):
    """A connection ended, with what it carried (bytes) and how long it lived."""

    reason: CloseReason
    upstream: int
    downstream: int
    seconds: float


class Changed(Event, tag="change", frozen=True, kw_only=True):
    """Somebody changed something: who, what, and the state before and after as text."""

    actor: str
    what: str
    before: str = ""
    after: str = ""


class Warned(Event, tag="warning", frozen=True, kw_only=True):
    """Something an operator should know that is not a fault of his: one line."""

    message: str


AnyEvent = Opened | Dialled | Exchanged | Injected | Closed | Changed | Warned
