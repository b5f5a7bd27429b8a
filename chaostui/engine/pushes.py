"""What a backend says of its own accord, where the protocol tells it from replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaostui.engine.exchange import Exchange

if TYPE_CHECKING:
    from chaostui.engine.turns import Turns


class Pushes:
    """The push under way on a connection: an exchange of its own, until something else comes."""

    __slots__ = ("_connection", "current")

    def __init__(self, connection: Turns) -> None:
        self._connection = connection
        self.current: Exchange | None = None

    def begin(self) -> None:
        """The backend says something that nobody asked for."""
        self.end()
        connection = self._connection
        plan = connection.proxy.plan
        if not plan.quiet or connection.pinned is not None:
            self.current = connection.new_push(plan)

    def end(self) -> None:
        """What comes now is something else."""
        if self.current is not None:
            self._connection.end_exchange(self.current)
            self.current = None
