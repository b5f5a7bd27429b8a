"""Counters and histograms of a proxy: plain integers, cheap enough for the data path."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import frexp
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from chaostui.wire.views import HandlerTimes, Quantiles

LOWEST_EXPONENT = -20  # about a microsecond
OCTAVES = 39
STEPS = 32  # buckets an octave, so a value is exact to 1/32: 3.1 %

WINDOW = 10.0
"""Seconds that percentiles look back; a value leaves them after 10 to 11 s."""
SLOT = 1.0
"""Seconds of values that enter and leave the window together."""


class Counts:
    """How many values fell into each bucket, and the largest of them."""

    __slots__ = ("buckets", "max", "since")

    def __init__(self, since: float = 0.0) -> None:
        self.buckets: dict[int, int] = {}
        self.max = 0.0
        self.since = since
        """When the first of them may have come, on the monotonic clock."""

    def add(self, other: Counts) -> None:
        """Count what the other has counted as well."""
        if not self.buckets:
            self.buckets = other.buckets.copy()
        else:
            buckets = self.buckets
            for bucket, count in other.buckets.items():
                buckets[bucket] = buckets.get(bucket, 0) + count
        if other.max > self.max:
            self.max = other.max

    def quantiles(self) -> Quantiles:
        """The distribution, exact to 3.1 %."""
        if not self.buckets:
            return Quantiles()
        order = sorted(self.buckets)
        seen = list(accumulate([self.buckets[bucket] for bucket in order]))
        found: list[float] = []
        for share in (0.50, 0.95, 0.99):
            octave, step = divmod(order[bisect_left(seen, seen[-1] * share)], STEPS)
            middle = (0.5 + (step + 0.5) / 64) * 2.0 ** (octave + LOWEST_EXPONENT)
            found.append(min(middle, self.max))
        p50, p95, p99 = found
        return Quantiles(count=seen[-1], p50=p50, p95=p95, p99=p99, max=self.max)


def together(parts: Iterable[Counts]) -> Counts:
    """One count of several."""
    whole = Counts()
    for part in parts:
        whole.add(part)
    return whole


class Histogram:
    """A log-linear histogram of seconds, from 1 us to 3 days, whole and of the last WINDOW.

    It has no clock: whoever records a value says when that was, on the monotonic clock.
    Values are counted by slots of a second. A full slot joins the whole and is kept until it
    leaves the window, so that recording costs the same as without one.
    """

    __slots__ = ("_closed", "_ends", "_newest", "_older", "_sum", "count", "total")

    def __init__(self) -> None:
        self._newest = Counts()
        self._ends = 0.0
        self._closed: deque[Counts] = deque()
        self._sum: Counts | None = Counts()
        """The closed slots of the window together; None: not added up yet."""
        self._older = Counts()
        self.count = 0
        self.total = 0.0

    def record(self, seconds: float, now: float, count: int = 1) -> None:
        """Count a value, ``count`` times; what is out of range goes to the nearest bucket."""
        if now >= self._ends:
            self._turn(now)
        mantissa, exponent = frexp(seconds)
        bucket = (exponent - LOWEST_EXPONENT) * STEPS + int((mantissa - 0.5) * 64)
        if bucket < 0:
            bucket = 0
        elif bucket >= OCTAVES * STEPS:
            bucket = OCTAVES * STEPS - 1
        newest = self._newest
        buckets = newest.buckets
        buckets[bucket] = buckets.get(bucket, 0) + count
        if seconds > newest.max:
            newest.max = seconds
        self.count += count
        self.total += seconds * count

    def _turn(self, now: float) -> None:
        """Begin a new slot."""
        closed, newest = self._closed, self._newest
        if newest.buckets:
            closed.append(newest)
            self._older.add(newest)
            self._sum = None
        self._newest = Counts(now)
        self._ends = now + SLOT
        self._leave(now)

    def _leave(self, now: float) -> None:
        """Let go of the slots that have left the window."""
        closed = self._closed
        while closed and closed[0].since + SLOT <= now - WINDOW:
            closed.popleft()
            self._sum = None

    def window(self, now: float) -> Counts:
        """What came in the last WINDOW seconds, and at most a slot more."""
        if now >= self._ends:
            self._turn(now)
        self._leave(now)
        if self._sum is None:
            self._sum = together(self._closed)
        return together((self._sum, self._newest))

    def whole(self) -> Counts:
        """What came since it was made."""
        return together((self._older, self._newest))


NOTHING = Quantiles()


def quantiles(now: float, *histograms: Histogram) -> Quantiles:
    """The last WINDOW seconds of some histograms together, with their sums of all time."""
    if len(histograms) == 1 and not histograms[0].count:
        return NOTHING
    told = together([each.window(now) for each in histograms]).quantiles()
    return replace(
        told,
        total_count=sum([each.count for each in histograms]),
        total_seconds=sum([each.total for each in histograms]),
    )


class Times(NamedTuple):
    """What is told of a window; see ``StatsView``."""

    latency: Quantiles = Quantiles()
    delay: Quantiles = Quantiles()
    delay_error: Quantiles = Quantiles()
    by_handler: Mapping[str, HandlerTimes] = MappingProxyType({})


NO_TIMES = Times()


class Stats:
    """What a proxy counts. Bytes of live connections are counted on their links."""

    __slots__ = (
        "_looked",
        "connections",
        "delay",
        "delay_error",
        "delays",
        "desyncs",
        "downstream",
        "exchanges",
        "handler_failures",
        "hits",
        "latencies",
        "normal",
        "not_reached",
        "opaque",
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
        self.opaque = 0
        self.not_reached = 0
        self.handler_failures = 0
        self.hits: Counter[str] = Counter()
        self.normal = Histogram()
        """Reply times of exchanges that no handler was drawn for."""
        self.latencies = {"normal": self.normal}
        """Reply times by the handler that an exchange was given."""
        self.delay = Histogram()
        self.delays: dict[str, Histogram] = {}
        """How long each handler held bytes."""
        self.delay_error = Histogram()
        self._looked = (-math.inf, NO_TIMES)

    def latency_of(self, handler: str) -> Histogram:
        """The reply times of exchanges that were given ``handler``."""
        found = self.latencies.get(handler)
        if found is None:
            found = self.latencies[handler] = Histogram()
        return found

    def held(self, seconds: float, late: float, handlers: Iterable[str], now: float) -> None:
        """Bytes left that ``handlers`` held for ``seconds``, so much later than they asked."""
        self.delay.record(seconds, now)
        self.delay_error.record(late, now)
        for handler in handlers:
            if handler not in self.delays:
                self.delays[handler] = Histogram()
            self.delays[handler].record(seconds, now)

    def latency_whole(self) -> Quantiles:
        """Reply times since the proxy was made."""
        return together([each.whole() for each in self.latencies.values()]).quantiles()

    def times(self, now: float, old: float = 0.0) -> Times:
        """Reply times, holds and lateness of the last WINDOW seconds, at most ``old`` s old."""
        if now - self._looked[0] >= old:
            self._looked = (now, self._times(now))
        return self._looked[1]

    def _times(self, now: float) -> Times:
        if not self.delay.count and not any(each.count for each in self.latencies.values()):
            return NO_TIMES
        by_handler: dict[str, HandlerTimes] = {}
        for handler in (*self.latencies, *(self.delays.keys() - self.latencies.keys())):
            replies, holds = self.latencies.get(handler), self.delays.get(handler)
            times = HandlerTimes(
                latency=quantiles(now, replies) if replies else Quantiles(),
                delay=quantiles(now, holds) if holds else Quantiles(),
            )
            if times.latency.count or times.delay.count:
                by_handler[handler] = times
        return Times(
            latency=quantiles(now, *self.latencies.values()),
            delay=quantiles(now, self.delay),
            delay_error=quantiles(now, self.delay_error),
            by_handler=by_handler,
        )
