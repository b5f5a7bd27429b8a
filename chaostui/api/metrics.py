"""Prometheus metrics over the counters that the engine keeps anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from chaostui.api.routes import Call, Route
from chaostui.wire.views import EngineView, Quantiles, StatsView

if TYPE_CHECKING:
    from prometheus_client.core import Metric

TEXT = "text/plain"

COUNTERS = (
    ("connections", "connections", "Clients accepted"),
    ("connections_refused", "refused", "Clients that got no backend"),
    ("exchanges", "exchanges", "Exchanges that ended"),
    ("handler_failures", "handler_failures", "Handlers that broke their contract"),
    ("framer_desync", "desyncs", "Connections whose bytes made no sense in their protocol"),
    ("framer_opaque", "opaque", "Connections not read as they should not be, such as TLS"),
    ("faults_not_reached", "not_reached", "Draws of faults on connections that are encrypted"),
)
"""Name, field of StatsView, help; ``chaostui_`` goes before and ``_total`` behind the name."""

SUMMARIES = (
    ("latency_seconds", "latency", "From a request's first byte to its reply's first byte"),
    ("delay_seconds", "delay", "How long bytes were held back"),
    ("delay_error_seconds", "delay_error", "How much later than asked held bytes left"),
)
"""Name, field of StatsView, help; quantiles are of a window, counts and sums of all time."""

_POINTS = (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"), ("1", "max"))


class Collector:
    """Makes metrics of one look at the engine."""

    def __init__(self, engine: EngineView, stats: dict[str, StatsView]) -> None:
        self.engine = engine
        self.stats = stats

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        from prometheus_client.core import Metric

        for name, field, help_ in COUNTERS:
            yield self._counter(name, help_, self._each(field))
        yield self._counter("bytes", "Bytes received, by direction", self._bytes())
        yield self._counter("faults_injected", "Faults that really hit", self._hits())
        opened = Metric("chaostui_connections_open", "Connections now", "gauge")
        for proxy, stats in self.stats.items():
            opened.add_sample(opened.name, {"proxy": proxy}, stats.open)
        yield opened
        for name, field, help_ in SUMMARIES:
            metric = Metric(f"chaostui_{name}", help_, "summary")
            for proxy, stats in self.stats.items():
                _summary(metric, proxy, getattr(stats, field))
            yield metric
        yield from self._engine()

    def _counter(
        self, name: str, help_: str, samples: Iterable[tuple[dict[str, str], int]]
    ) -> Metric:
        from prometheus_client.core import Metric

        metric = Metric(f"chaostui_{name}", help_, "counter")
        for labels, value in samples:
            metric.add_sample(f"{metric.name}_total", labels, value)
        return metric

    def _each(self, field: str) -> Iterator[tuple[dict[str, str], int]]:
        for proxy, stats in self.stats.items():
            yield {"proxy": proxy}, getattr(stats, field)

    def _bytes(self) -> Iterator[tuple[dict[str, str], int]]:
        for proxy, stats in self.stats.items():
            yield {"proxy": proxy, "direction": "upstream"}, stats.upstream
            yield {"proxy": proxy, "direction": "downstream"}, stats.downstream

    def _hits(self) -> Iterator[tuple[dict[str, str], int]]:
        for proxy, stats in self.stats.items():
            for handler, hits in stats.hits.items():
                yield {"proxy": proxy, "handler": handler}, hits

    def _engine(self) -> Iterator[Metric]:
        from prometheus_client.core import Metric

        engine = self.engine
        gauges: tuple[tuple[str, str, Any], ...] = (
            ("loop_lag_seconds", "The longest the loop was late in the last second",
             engine.loop_lag),
            ("halted", "Whether everything is halted", int(engine.halt.halted)),
            ("sessions", "Owners of faults", len(engine.sessions)),
            ("held_bytes", "Bytes held back, and what keeping them costs", engine.held),
            ("resident_memory_bytes", "Memory of the engine", engine.rss),
        )  # fmt: skip
        for name, help_, value in gauges:
            metric = Metric(f"chaostui_{name}", help_, "gauge")
            metric.add_sample(metric.name, {}, value)
            yield metric
        nothing: dict[str, str] = {}
        yield self._counter("events", "Events published", [(nothing, engine.events)])
        yield self._counter(
            "job_failures",
            "Periodic jobs of the engine's own that raised",
            [({"job": job}, count) for job, count in engine.failures.items()],
        )
        yield self._counter(
            "events_dropped", "Events that have left the ring", [(nothing, engine.events_dropped)]
        )


def _summary(metric: Metric, proxy: str, quantiles: Quantiles) -> None:
    for point, field in _POINTS:
        labels = {"proxy": proxy, "quantile": point}
        metric.add_sample(metric.name, labels, getattr(quantiles, field))
    metric.add_sample(f"{metric.name}_count", {"proxy": proxy}, quantiles.total_count)
    metric.add_sample(f"{metric.name}_sum", {"proxy": proxy}, quantiles.total_seconds)


def exposition(collector: Collector, accept: str) -> tuple[bytes, str]:
    """The metrics as text, in the format that ``accept`` asks for, and its media type."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    encode, media = choose_encoder(accept)
    return encode(registry), media


async def metrics(call: Call) -> Response:
    """Answer the metrics."""
    collector = Collector(call.supervisor.view(), call.supervisor.stats())
    accept = call.request.headers.get("accept", "")
    # The first call imports prometheus_client, which takes longer than the loop can wait.
    text, media = await asyncio.to_thread(exposition, collector, accept)
    response = Response(text)
    response.headers["content-type"] = media
    return response


ROUTES = (
    Route(method="GET", path="/metrics", endpoint=metrics, media=TEXT,
          summary="Counters and quantiles for Prometheus"),
)  # fmt: skip
