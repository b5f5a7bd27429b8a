"""The dice: every decision is a function of seed, proxy, connection and exchange.

Nothing is remembered between draws, so neither timing nor another connection's traffic can
change what happens: the same seed gives the same decisions.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any, cast


class Later:
    """Stands for seeded dice until they are rolled."""

    __slots__ = ("_made", "_seed")

    def __init__(self, seed: Callable[[], bytes]) -> None:
        self._seed = seed
        self._made: random.Random | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = random.Random(self._seed())
        return getattr(self._made, name)


class Dice:
    """The dice of one proxy."""

    __slots__ = ("_key",)

    def __init__(self, seed: int, proxy: str) -> None:
        self._key = hashlib.blake2b(f"{seed}/{proxy}".encode(), digest_size=32).digest()

    def _digest(self, connection: int, exchange: int, what: str) -> bytes:
        text = b"%d/%d/%s" % (connection, exchange, what.encode())
        return hashlib.blake2b(text, digest_size=8, key=self._key).digest()

    def roll(self, connection: int, exchange: int, what: str = "") -> float:
        """A number from 0 to below 1 for this decision; ``what`` tells apart several."""
        return int.from_bytes(self._digest(connection, exchange, what)) / 2**64

    def random(self, connection: int, exchange: int, what: str) -> random.Random:
        """Seeded dice of their own, for a handler that rolls more than once.

        They are made when they are first rolled: most handlers never do, and each takes 2.5 KB.
        """
        return cast("random.Random", Later(lambda: self._digest(connection, exchange, what)))
