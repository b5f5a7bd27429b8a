"""delay: the request reaches the backend late (or the reply the client); bandwidth is untouched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from chaostui.actions import Action, Send
from chaostui.handler import At, Handler, Limits
from chaostui.protocol import Frame


def before(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read Vaurien 2's ``before`` as our ``direction``: true says that the request is delayed."""
    given = dict(options)
    if isinstance(given.get("before"), bool):
        side = "upstream" if given.pop("before") else "downstream"
        given.setdefault("direction", side)
    return given


class Delay(Handler):
    """Hold bytes back for a while, in order."""

    name = "delay"
    one_way = True

    class Options(Limits, frozen=True, kw_only=True):
        """How long, how evenly, and which way."""

        sleep: Annotated[
            float,
            Meta(ge=0, le=86_400, description="how long to hold back", extra={"unit": "s"}),
        ] = 1.0
        jitter: Annotated[
            float,
            Meta(ge=0, le=86_400, description="spread around it", extra={"unit": "s"}),
        ] = 0.0
        distribution: Annotated[
            Literal["constant", "uniform", "normal", "lognormal", "pareto"],
            Meta(description="shape of the spread; constant with a jitter means uniform"),
        ] = "constant"
        direction: Annotated[
            Literal["upstream", "downstream", "both"],
            Meta(description="which way is held back: the request, the reply or both"),
        ] = "upstream"
        at: At = "anywhere"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        spared = self.spare(frame)
        if spared:
            yield Send(frame.data[:spared])
        if spared < len(frame.data):
            yield Send(frame.data[spared:], after=self.seconds())

    def hold_again(self) -> float:
        return self.seconds()

    def seconds(self) -> float:
        """Draw one delay, in seconds, never negative.

        ``uniform`` spreads evenly within ``sleep`` plus or minus ``jitter``; ``normal`` has
        that mean and deviation; ``lognormal`` has the median ``sleep``, with one deviation
        up at ``sleep + jitter``; ``pareto`` begins at ``sleep`` and has a mean of ``sleep +
        jitter``. Tails end at ``sleep + 20 * jitter``.
        """
        sleep, jitter, dice = self.options.sleep, self.options.jitter, self.context.dice
        if not jitter:
            return float(sleep)
        match self.options.distribution:
            case "normal":
                drawn = dice.gauss(sleep, jitter)
            case "lognormal":
                start = max(sleep, 1e-6)
                drawn = dice.lognormvariate(math.log(start), math.log1p(jitter / start))
            case "pareto":
                # A Pareto law that begins at 1 with shape 3 has the mean 1.5.
                drawn = sleep + jitter * 2 * (dice.paretovariate(3) - 1)
            case _:
                drawn = dice.uniform(sleep - jitter, sleep + jitter)
        return float(min(max(drawn, 0.0), sleep + 20 * jitter))
