"""Takes what was read at once in portions: many small messages are much to do for a few bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chaostui.engine.pace.pauses import PORTION

if TYPE_CHECKING:
    from chaostui.engine.relay.endpoint import Side

SMALL = 4096
"""Bytes that are taken at once."""
FIRST = 1024
"""Bytes of the first portion in a turn; each further one is twice as long."""


class Portions:
    """What a side has read and nobody has looked at yet, as if it had not been read."""

    __slots__ = ("_rest", "_side", "_take")

    def __init__(self, side: Side, take: Callable[[bytes], None]) -> None:
        self._side = side
        self._take = take
        self._rest = b""

    @property
    def wait(self) -> bool:
        """Whether something waits, behind which all that comes has to stand."""
        return bool(self._rest)

    def add(self, data: bytes) -> None:
        """Take bytes behind those that wait."""
        waits, self._rest = bool(self._rest), self._rest + data
        if not waits:
            self.go_on()

    def go_on(self) -> None:
        """Take portions while this step of the loop has time; nothing is read meanwhile."""
        side, size = self._side, FIRST
        if side.lost:
            return  # and its connection may be over
        rounds = side.connection.proxy.core.rounds
        while self._rest:
            if rounds.spent():
                side.pause(PORTION)
                rounds.wait(self)
                return
            portion, self._rest = self._rest[:size], self._rest[size:]
            size *= 2
            self._take(portion)
        side.resume(PORTION)

    def finish(self) -> None:
        """Nothing more will come: take the rest."""
        rest, self._rest = self._rest, b""
        if rest:
            self._side.connection.proxy.core.rounds.forget(self)
            self._take(rest)
            self._side.resume(PORTION)

    def drop(self) -> None:
        """Nobody wants the rest any more."""
        if self._rest:
            self._rest = b""
            self._side.connection.proxy.core.rounds.forget(self)
            self._side.resume(PORTION)
