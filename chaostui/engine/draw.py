"""The dice: every decision is a function of seed, proxy, connection and exchange.

Nothing is remembered between draws, so neither timing nor another connection's traffic can
change what happens: the same seed gives the same decisions.
"""

from __future__ import annotations

import hashlib
import random


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
        """Seeded dice of their own, for a handler that rolls more than once."""
        return random.Random(self._digest(connection, exchange, what))
