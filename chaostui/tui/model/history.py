"""What the figures were: one sample a tick for sparklines, one a second for the timeline."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chaostui.wire.views import HandlerTimes, ProxyView, Quantiles, StatsView

SECONDS = 3600
"""How far back the timeline reaches."""


@dataclass(frozen=True)
class Sample:
    """Figures of a span of time, per second where they are rates."""

    at: float = 0.0
    open: int = 0
    exchanges: float = 0.0
    opened: float = 0.0
    events: float = 0.0
    upstream: float = 0.0
    downstream: float = 0.0
    injected: float = 0.0
    hits: dict[str, float] = field(default_factory=dict)
    latency_p50: float = 0.0
    latency_p99: float = 0.0
    delay_p99: float = 0.0
    late_p99: float = 0.0
    """How much later than asked the slowest percent of held bytes left."""


def add_up(stats: Iterable[StatsView]) -> StatsView:
    """The counters of several proxies together; quantiles are those of the slowest."""
    views = list(stats)
    if len(views) == 1:
        return views[0]
    hits: dict[str, int] = {}
    for view in views:
        for name, number in view.hits.items():
            hits[name] = hits.get(name, 0) + number
    slowest = {
        name: _slowest(getattr(view, name) for view in views)
        for name in ("latency", "delay", "delay_error")
    }
    handlers = {name: None for view in views for name in view.by_handler}
    times = {
        name: HandlerTimes(
            latency=_slowest(v.by_handler[name].latency for v in views if name in v.by_handler),
            delay=_slowest(v.by_handler[name].delay for v in views if name in v.by_handler),
        )
        for name in handlers
    }
    totals = {
        name: sum(getattr(view, name) for view in views)
        for name in ("connections", "open", "refused", "exchanges", "upstream", "downstream")
    }
    return StatsView(hits=hits, by_handler=times, **totals, **slowest)  # type: ignore[arg-type]


def _slowest(found: Iterable[Quantiles]) -> Quantiles:
    return max(found, key=lambda quantiles: quantiles.p99, default=Quantiles())


def between(before: StatsView, now: StatsView, at: float, span: float, events: float) -> Sample:
    """The figures of ``span`` seconds between two states of the counters."""

    def rate(name: str) -> float:
        return float(max(0.0, (getattr(now, name) - getattr(before, name)) / span))

    hits = {n: max(0.0, (h - before.hits.get(n, 0)) / span) for n, h in now.hits.items()}
    return Sample(
        at=at,
        open=now.open,
        exchanges=rate("exchanges"),
        opened=rate("connections"),
        events=max(0.0, events / span),
        upstream=rate("upstream"),
        downstream=rate("downstream"),
        injected=sum(hits.values()),
        hits=hits,
        latency_p50=now.latency.p50,
        latency_p99=now.latency.p99,
        delay_p99=now.delay.p99,
        late_p99=now.delay_error.p99,
    )


class History:
    """Samples of the proxies in view, bounded: ``span`` seconds each, the newest last."""

    def __init__(self, span: float, limit: int) -> None:
        self.span = span
        self.samples: deque[Sample] = deque(maxlen=limit)
        self._before: tuple[float, StatsView, int] | None = None

    def clear(self) -> None:
        """Forget everything: other proxies are in view."""
        self.samples.clear()
        self._before = None

    def add(self, at: float, proxies: Sequence[ProxyView], events: int) -> bool:
        """Take note of a state; True when that made a sample."""
        if self._before is not None and at - self._before[0] < self.span * 0.95:
            return False
        stats = add_up(proxy.stats for proxy in proxies)
        before, self._before = self._before, (at, stats, events)
        if before is None:
            return False
        self.samples.append(between(before[1], stats, at, at - before[0], events - before[2]))
        return True

    def times(self, handler: str) -> HandlerTimes:
        """What a handler did to reply times in the newest sample; of several, the slowest."""
        stats = self._before[1] if self._before is not None else StatsView()
        return stats.by_handler.get(handler, HandlerTimes())

    @property
    def newest(self) -> Sample:
        """The newest sample, or an empty one."""
        return self.samples[-1] if self.samples else Sample()

    def values(self, name: str, count: int) -> list[float]:
        """The newest ``count`` values of one figure, oldest first."""
        newest = list(self.samples)[-count:] if count > 0 else []
        return [float(getattr(sample, name)) for sample in newest]
