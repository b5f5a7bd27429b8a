"""What the clients saw, phase by phase."""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum

LATE = 0.2
"""Seconds from which an answer is late."""


class Seen(Enum):
    """How a request ended for its client."""

    OK = "ok"
    LATE = "late"
    ERROR = "errors"
    CUT = "cut"
    GAVE_UP = "gave up"


class Tally:
    """The requests of one phase; each counts where it began."""

    def __init__(self, name: str, weight: float = 0.0) -> None:
        self.name = name
        self.weight = weight
        """Percent of the requests that are asked to be hit."""
        self.seen: Counter[Seen] = Counter()
        self.hits = 0
        """What the engine says that it hit."""
        self._seconds: list[float] = []

    def record(self, seen: Seen, seconds: float) -> None:
        """Count a request that took so long."""
        self.seen[seen] += 1
        self._seconds.append(seconds)

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.seen.total()

    @property
    def asked(self) -> float:
        """How many hits its weight asks for."""
        return self.requests * self.weight / 100

    @property
    def felt(self) -> int:
        """How many requests did not go well."""
        return self.requests - self.seen[Seen.OK]

    def quantile(self, share: float) -> float:
        """The seconds that this share of the requests stayed within, by nearest rank."""
        ranked = sorted(self._seconds)
        return ranked[math.ceil(share * len(ranked)) - 1] if ranked else 0.0
