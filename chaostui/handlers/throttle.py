"""throttle: a slow link; the sender feels it, since reading stops while bytes wait."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from chaostui.actions import Action, Send, Stall, Wait
from chaostui.handler import Context, Handler, Limits
from chaostui.protocol import Frame

PIECE = 0.1
"""Seconds' worth of bytes that leave at once, so that a slow link trickles."""

IN_HAND = 32_768
"""Bytes that leave at once when a link on which nothing passed gets a rate, as in Toxiproxy."""

LATE = 0.02
"""Seconds by which a wait may have ended late, which is made good; more than that was idle
time, which gives no credit."""

EARLY = 0.002
"""Seconds by which a timer may fire early; more than that means that the wait was called off."""


class Throttle(Handler):
    """Pace each direction: every piece takes the line for the time that it is long."""

    name = "throttle"

    class Options(Limits, frozen=True, kw_only=True):
        """How fast, and for whom together."""

        rate: Annotated[
            float,
            Meta(
                ge=0,
                le=10_000_000,
                description="bytes a second, in thousands (0: nothing passes)",
                extra={"unit": "kB/s"},
            ),
        ] = 100.0
        shared: Annotated[
            bool, Meta(description="one rate for all connections of the proxy together")
        ] = False

    def __init__(self, options: Any, context: Context) -> None:
        super().__init__(options, context)
        self._own: dict[str, float] = {}
        self._stood = False
        """Nothing could pass: what has come meanwhile waits."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        rate = self.options.rate * 1000
        if not rate:
            self._stood = True
            yield Stall()
            return
        if self._stood:
            # It has waited long enough for any rate.
            self._stood = False
            yield Send(frame.data[:IN_HAND])
            frame = frame._replace(data=frame.data[IN_HAND:], first=False)
        size = max(int(rate * PIECE), 1)
        for start in range(0, len(frame.data), size):
            piece = frame.data[start : start + size]
            line, way = self.line, self.context.direction
            free = self.free(line.get(way, 0.0)) + len(piece) / rate
            line[way] = free
            if free > self.context.now:
                yield Wait(free - self.context.now)
                if self.context.now < free - EARLY:
                    line[way] = self.context.now
            yield Send(piece)

    @property
    def line(self) -> dict[str, float]:
        """When each direction of the line is free again: this connection's, or the proxy's."""
        return self.context.shared if self.options.shared else self._own

    def free(self, since: float) -> float:
        """When the next piece may begin, on a line that is free ``since`` then."""
        return since if self.context.now - since < LATE else self.context.now
