"""The timeline's columns and stacks."""

from __future__ import annotations

import pytest

from chaostui.tui.model.history import Sample, add_up
from chaostui.tui.model.timeline import buckets, stack
from chaostui.wire.views import Quantiles, StatsView


def test_samples_share_columns_of_equal_time() -> None:
    """Columns end at whole multiples of their length; figures are averages or the highest."""
    samples = [Sample(at=float(n), open=n, hits={"delay": 2.0}, delay_p99=n) for n in range(8, 15)]
    found = buckets(samples, 5, 10)

    assert [(b.start, b.end) for b in found] == [(5, 10), (10, 15)]
    assert [b.mean("open") for b in found] == [8.5, 12]
    assert found[1].highest("delay_p99") == 14
    assert found[1].hits == {"delay": 2.0}


@pytest.mark.parametrize(
    ("hits", "top", "cells"),
    [
        ({}, 0, ["", "", "", ""]),
        ({"delay": 10}, 10, ["delay"] * 4),
        ({"delay": 5, "hang": 5}, 10, ["delay", "delay", "hang", "hang"]),
        ({"delay": 5, "hang": 0.1}, 10, ["delay", "delay", "hang", ""]),
        ({"hang": 10}, 20, ["hang", "hang", "", ""]),
    ],
)
def test_hits_are_stacked(hits: dict[str, float], top: float, cells: list[str]) -> None:
    """Each handler that hit gets its share, and at least one cell while there is room."""
    assert stack(hits, ["delay", "hang"], top, 4) == cells


def test_stats_of_proxies_add_up() -> None:
    """Counters are summed; distributions are those of the slowest proxy."""
    one = StatsView(open=1, hits={"delay": 1}, latency=Quantiles(p99=0.1))
    two = StatsView(open=2, hits={"delay": 2, "hang": 1}, latency=Quantiles(p99=0.5))
    both = add_up([one, two])

    assert (both.open, both.hits, both.latency.p99) == (3, {"delay": 3, "hang": 1}, 0.5)
    assert add_up([one]) is one
    assert add_up([]) == StatsView()
