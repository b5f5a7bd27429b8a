"""What goes through a link in its turn: bytes, ends, and what they wait for."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from chaostui.engine.exchange import Exchange
from chaostui.protocol import Frame

NO_FRAME = Frame(b"", False, False)


class What(Enum):
    """What stands in a backlog or among the held bytes."""

    OPEN = "open"
    DATA = "data"
    LOCAL = "local"
    WAKE = "wake"
    EOF = "eof"
    RESET = "reset"
    CLOSE = "close"


ENDS = (What.EOF, What.RESET, What.CLOSE)


class Item(NamedTuple):
    """Something that goes through a link in its turn."""

    what: What
    frame: Frame
    exchange: Exchange | None
    arrival: float


class Held(NamedTuple):
    """Bytes, or an end, that leave when ``due`` on the monotonic clock."""

    due: float
    what: What
    data: bytes
    arrival: float
    """When it came, if a handler delayed it; else 0."""
