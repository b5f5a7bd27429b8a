"""The timeline's arithmetic: samples into columns of equal time, hits into stacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaostui.tui.model.history import Sample

SCALES = (1, 2, 5, 10, 30, 60)
"""Seconds that one column of the timeline may stand for."""


@dataclass(frozen=True)
class Bucket:
    """The samples of one column of the timeline."""

    samples: tuple[Sample, ...]
    start: float
    end: float

    @property
    def hits(self) -> dict[str, float]:
        """Hits a second by handler, on average."""
        totals: dict[str, float] = {}
        for sample in self.samples:
            for name, rate in sample.hits.items():
                totals[name] = totals.get(name, 0.0) + rate
        return {name: total / len(self.samples) for name, total in totals.items()}

    def mean(self, name: str) -> float:
        """The average of one figure."""
        return sum(float(getattr(s, name)) for s in self.samples) / len(self.samples)

    def highest(self, name: str) -> float:
        """The highest of one figure."""
        return max(float(getattr(s, name)) for s in self.samples)


def buckets(samples: Sequence[Sample], scale: int, count: int) -> list[Bucket]:
    """The newest ``count`` columns of ``scale`` one-second samples each, oldest first."""
    found: list[Bucket] = []
    # Columns end at whole multiples of the scale, so that they do not flicker as time goes on.
    groups: dict[int, list[Sample]] = {}
    for sample in samples[-count * scale :]:
        groups.setdefault(int(sample.at // scale), []).append(sample)
    for number, members in sorted(groups.items())[-count:]:
        found.append(Bucket(tuple(members), number * scale, (number + 1) * scale))
    return found


def stack(hits: Mapping[str, float], names: Sequence[str], top: float, tall: int) -> list[str]:
    """Which handler fills each of ``tall`` cells, from the bottom; ``""`` for none.

    Every handler that hit gets at least one cell while there is room.
    """
    cells: list[str] = []
    if top > 0:
        reached = 0.0
        for name in names:
            rate = hits.get(name, 0.0)
            reached += rate
            wanted = max(round(reached / top * tall), len(cells) + (rate > 0))
            cells += [name] * (min(wanted, tall) - len(cells))
    return cells + [""] * (tall - len(cells))
