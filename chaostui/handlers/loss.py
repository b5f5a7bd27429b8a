"""loss: lost segments as TCP shows them: bytes come late, in order, and none is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from chaostui.actions import Action, Send
from chaostui.handler import Context, Handler, Limits
from chaostui.protocol import Frame

SEGMENT = 1460
"""Bytes of a segment on an Ethernet link: 1500 without the headers of IPv4 and TCP."""

RTO, LONGEST_RTO = 0.2, 120.0
"""Seconds until Linux sends a lost segment again on a fast link; each further time takes twice
as long (RFC 6298, 5.5), up to the longest."""

TRIES = 15
"""How often Linux sends a segment again (tcp_retries2)."""


class Loss(Handler):
    """Lose segments, and wait for each as long as its retransmission takes."""

    name = "loss"

    class Options(Limits, frozen=True, kw_only=True):
        """How many, and how close together."""

        rate: Annotated[
            float, Meta(ge=0, le=100, description="share of lost segments", extra={"unit": "%"})
        ] = 1.0
        burst: Annotated[
            float,
            Meta(
                ge=0,
                le=100,
                description="what is added to it right behind a lost segment",
                extra={"unit": "%"},
            ),
        ] = 0.0

    def __init__(self, options: Any, context: Context) -> None:
        super().__init__(options, context)
        self._losing = False

    def on_data(self, frame: Frame) -> Iterable[Action]:
        data, start, late = frame.data, 0, 0.0
        for at in range(0, len(data), SEGMENT):
            lost = self.delay()
            if lost > late:
                if at > start:
                    yield Send(data[start:at], after=late)
                start, late = at, lost
        yield Send(data[start:], after=late)

    def delay(self) -> float:
        """How much later, in seconds, the next segment arrives."""
        wait, rto = 0.0, RTO
        self._losing = self.lost(behind=self._losing)
        for _ in range(TRIES if self._losing else 0):
            wait += rto
            rto = min(rto * 2, LONGEST_RTO)
            if not self.lost(behind=False):
                break
        return wait

    def lost(self, *, behind: bool) -> bool:
        """Roll for one segment, which may follow ``behind`` a lost one."""
        chance = self.options.rate + (self.options.burst if behind and self.options.rate else 0.0)
        return bool(self.context.dice.random() * 100 < chance)
