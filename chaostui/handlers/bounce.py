"""bounce: the backend restarts: connections are cut, refused for a while, then it is back."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from chaostui.handler import Door, Handler, Limits
from chaostui.protocol import Protocol


class Bounce(Handler):
    """Go down and come back, once or every so often; after once it is switched off again."""

    name = "bounce"
    scope = "listener"

    class Options(Limits, frozen=True, kw_only=True):
        """How long, how often."""

        down: Annotated[
            float,
            Meta(gt=0, le=86_400, description="how long it is down", extra={"unit": "s"}),
        ] = 2.0
        period: Annotated[
            float,
            Meta(
                ge=0,
                le=31_536_000,
                description="from one restart to the next (0: only one)",
                extra={"unit": "s"},
            ),
        ] = 0.0

    @classmethod
    def check(cls, options: Any, protocol: type[Protocol]) -> str:
        if options.period and options.period <= options.down:
            return "period must be longer than down, or it never comes back"
        return ""

    @classmethod
    def lasts(cls, options: Any) -> float | None:
        ends = [seconds for seconds in (options.duration, options.down) if seconds]
        return super().lasts(options) if options.period else min(ends)

    @classmethod
    def door(cls, options: Any, seconds: float) -> Door:
        within = seconds % options.period if options.period else seconds
        if within < options.down:
            return Door("refuse", options.down - within, cut=True)
        return Door("accept", options.period - within if options.period else None)
