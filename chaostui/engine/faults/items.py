"""What goes through a link in its turn: bytes, ends, and what they wait for."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from chaostui.engine.faults.exchange import Exchange, Stage
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
    ACROSS = "across"
    """The other direction has ended."""
    WAITING = "waiting"
    """A handler is switched on while a request waits for its reply."""
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


class Delay(NamedTuple):
    """A handler that holds something back, and for how long."""

    stage: Stage
    seconds: float
    release: int
    """How often the handler had let go before."""

    @classmethod
    def of(cls, stage: Stage, seconds: float) -> Delays:
        """What a handler holds for so long from now on; nothing where that is no time."""
        return (cls(stage, seconds, stage.releases),) if seconds > 0 else ()

    @property
    def stale(self) -> bool:
        """Whether the handler has let go since, or changed."""
        return self.release != self.stage.releases

    @property
    def holds(self) -> bool:
        """Whether the handler was not switched off since."""
        return self.release >= self.stage.switched_off

    def anew(self) -> Delay:
        """What the handler says now."""
        stage = self.stage
        seconds = max(stage.handler.hold_again(), 0.0) if self.holds else 0.0
        return Delay(stage, seconds, stage.releases)


Delays = tuple[Delay, ...]


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
    renewed: bool = False
    """A handler has let go of it, or changed, since it was taken."""

    def anew(self) -> Held:
        """The same for as long as its handlers say now."""
        delays = tuple(delay.anew() if delay.stale else delay for delay in self.delays)
        return self._replace(due=due(self.since, delays), delays=delays, renewed=True)


def due(since: float, delays: Delays) -> float:
    """When something leaves that handlers hold."""
    return since + sum(delay.seconds for delay in delays)
