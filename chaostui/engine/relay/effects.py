"""What a pipeline wants done, in order; whoever drives it does it."""

from __future__ import annotations

from typing import NamedTuple

from chaostui.actions import Action, Call, Close, Reset
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import Held, Item, What
from chaostui.protocol import Frame


class Write(NamedTuple):
    """Send these bytes to the destination, each piece as it is."""

    pieces: list[bytes]


class Left(NamedTuple):
    """Something that handlers held leaves now."""

    held: Held
    at: float


class Came(NamedTuple):
    """An end, or a mark, has come to the front."""

    what: What


class Hit(NamedTuple):
    """A handler really did something to ``frame``."""

    stage: Stage
    exchange: Exchange | None
    action: Action
    frame: Frame


class Answer(NamedTuple):
    """Send a reply made here back to where the bytes came from."""

    exchange: Exchange | None
    data: bytes


class Finish(NamedTuple):
    """A handler ends the connection."""

    final: Close | Reset
    exchange: Exchange | None


class Failed(NamedTuple):
    """A handler raised."""

    stage: Stage | None
    error: BaseException


class StartCall(NamedTuple):
    """A user's function is to be called for ``item`` and for what ``more`` came behind it.

    ``alone``: nothing that comes later is for this call.
    """

    action: Call
    item: Item
    more: list[Item]
    alone: bool


class StopCall(NamedTuple):
    """The handler of the user's function is off: it finds no more to read, or is cancelled."""

    cancel: bool = False


Effect = Write | Left | Came | Hit | Answer | Finish | Failed | StartCall | StopCall
