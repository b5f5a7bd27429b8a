"""What goes through a link in its turn: bytes, ends, and what they wait for."""

from __future__ import annotations

import time
from collections.abc import Set
from enum import Enum
from typing import NamedTuple

from chaostui.engine.exchange import Exchange, Stage
from chaostui.protocol import Frame

NO_FRAME = Frame(b"", False, False)


class What(Enum):
    """What stands in a backlog or among the held bytes."""

    OPEN = "open"
    START = "start"
    DATA = "data"
    KEPT = "kept"
    """Bytes that handlers act on and that are not passed on."""
    LOCAL = "local"
    WAKE = "wake"
    ANSWER = "answer"
    """What the protocol answers by itself has its turn."""
    TLS = "tls"
    """From here on it is TLS."""
    EOF = "eof"
    RESET = "reset"
    CLOSE = "close"


ENDS = (What.EOF, What.RESET, What.CLOSE)
MADE = {What.LOCAL: What.DATA, What.TLS: What.TLS}
"""What was made here and leaves before a connection is cut, and as what."""
MARKS = (What.ANSWER, What.TLS)
STEPS = (*ENDS, *MARKS)
"""What comes to the front of a link as it is, without bytes."""


class Item(NamedTuple):
    """Something that goes through a link in its turn."""

    what: What
    frame: Frame
    exchange: Exchange | None
    arrival: float
    stage: Stage | None = None
    """The one handler that it is about; None: all of them."""


class Held(NamedTuple):
    """Bytes, or an end, that leave when ``due`` on the monotonic clock."""

    due: float
    what: What
    data: bytes
    since: float
    """From when it is held: its arrival, or the end of the last wait."""
    arrival: float
    delays: Delays
    """Which handlers hold it, and for how long each."""


Delays = tuple[tuple[Stage, float], ...]


def due(since: float, delays: Delays) -> float:
    """When something leaves that handlers hold."""
    return since + sum(seconds for _, seconds in delays)


def held_anew(held: Held, off: Set[Stage], changed: Set[Stage]) -> Held:
    """What is held, without those that are off, and as long as the changed ones say now."""
    delays = tuple(
        (stage, max(stage.handler.hold_again(), 0.0) if stage in changed else seconds)
        for stage, seconds in held.delays
        if stage not in off
    )
    leaves = max(due(held.since, delays), time.monotonic())
    return held._replace(due=leaves, delays=delays or held.delays)
