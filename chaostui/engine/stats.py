"""Counters and histograms of a proxy: plain integers, cheap enough for the data path."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from math import frexp

from chaostui.engine.views import Quantiles

LOWEST_EXPONENT = -20  # about a microsecond
OCTAVES = 39
STEPS = 32  # buckets an octave, so a value is exact to 1/32: 3.1 %


class Histogram:
    """A log-linear histogram of seconds, from 1 us to 3 days."""

    __slots__ = ("_buckets", "count", "max", "total")

    def __init__(self) -> None:
        self._buckets = [0] * (OCTAVES * STEPS)
        self.count = 0
        self.total = 0.0
        self.max = 0.0

    def record(self, seconds: float, count: int = 1) -> None:
        """Count a value, ``count`` times; what is out of range goes to the nearest bucket."""
        mantissa, exponent = frexp(seconds)
        bucket = (exponent - LOWEST_EXPONENT) * STEPS + int((mantissa - 0.5) * 64)
        if bucket < 0:
            bucket = 0
        elif bucket >= OCTAVES * STEPS:
            bucket = OCTAVES * STEPS - 1
        self._buckets[bucket] += count
        self.count += count
        self.total += seconds * count
        if seconds > self.max:
            self.max = seconds

    def quantiles(self) -> Quantiles:
        """The distribution so far."""
        if not self.count:
            return Quantiles()
        seen = list(accumulate(self._buckets))
        found: list[float] = []
        for share in (0.50, 0.95, 0.99):
            octave, step = divmod(bisect_left(seen, self.count * share), STEPS)
            middle = (0.5 + (step + 0.5) / 64) * 2.0 ** (octave + LOWEST_EXPONENT)
            found.append(min(middle, self.max))
        p50, p95, p99 = found
        return Quantiles(count=self.count, p50=p50, p95=p95, p99=p99, max=self.max)


class Stats:
    """What a proxy counts. Bytes of live connections are counted on their links."""

    __slots__ = (
        "connections",
        "delay",
        "delay_error",
        "desyncs",
        "downstream",
        "exchanges",
        "handler_failures",
        "hits",
        "latency",
        "not_reached",
        "refused",
        "upstream",
    )

    def __init__(self) -> None:
        self.connections = 0
        self.refused = 0
        self.exchanges = 0
        self.upstream = 0
        self.downstream = 0
        self.desyncs = 0
        self.not_reached = 0
        self.handler_failures = 0
        self.hits: Counter[str] = Counter()
        self.latency = Histogram()
        self.delay = Histogram()
        self.delay_error = Histogram()
