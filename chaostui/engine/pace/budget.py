"""The memory that all connections of an engine together may take for what is held back."""

from __future__ import annotations

from typing import Protocol

PIECE = 512
"""Bytes that a piece costs beside its own, however small it is."""
GREED = 8
"""How much of what is free a direction of a connection may hold, as a multiple."""

LITTLE = 4096
"""Bytes that stop nobody from reading, however little is free."""


def cost(size: int, pieces: int) -> int:
    """Bytes of memory that ``size`` bytes in so many pieces take, about."""
    return max(size, PIECE * pieces)


class Holder(Protocol):
    """One direction of a connection, which holds bytes back."""

    def read_or_not(self) -> None:
        """Find out anew whether to read."""


class Budget:
    """Counts what is held back, and says who has to stop reading.

    A direction that holds more than ``GREED`` times what is still free stops, and reads on at
    half of that: the dynamic threshold of switches with a shared memory (Choudhury and Hahne,
    1998). So ``limit`` is never reached but for the chunks that were read last, all that hold
    much hold the same, and there is always room for one that comes with little.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        """Bytes held back, and what their pieces cost."""
        self._stopped: set[Holder] = set()

    def change(self, size: int, pieces: int) -> None:
        """So many bytes, in so many pieces, are held more than before, or less."""
        self.held += size + PIECE * pieces
        if self._stopped and self.held <= self.limit // 2:
            for holder in tuple(self._stopped):
                holder.read_or_not()

    def too_much(self, holder: Holder, held: int) -> bool:
        """Whether ``holder``, who holds so many bytes, must not read on now."""
        threshold = max(GREED * (self.limit - self.held), LITTLE)
        if held > threshold:
            self._stopped.add(holder)
        elif held <= threshold // 2:
            self._stopped.discard(holder)
        return holder in self._stopped

    def forget(self, holder: Holder) -> None:
        """It is gone."""
        self._stopped.discard(holder)
