"""The exchanges of a connection whose replies are due, oldest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from chaostui.engine.faults.exchange import Exchange
from chaostui.protocol import Frame, Request


class Due(deque[Exchange]):
    """Pipelined requests make several; those that came together, unharmed, share one."""

    def of(self, request: Request) -> Exchange | None:
        """The one that asks for ``request``."""
        return next((each for each in self if each.asks_for is request), None)

    def answered(self) -> Exchange | None:
        """The oldest whose reply was made here."""
        return next((each for each in self if each.answer is not None), None)

    def tell_apart(self) -> None:
        """Give each of those that share an exchange one of its own: something acts from now on."""
        shared_ones = list(self)
        self.clear()
        for shared in shared_ones:
            for number in range(shared.number - shared.due + 1, shared.number):
                each = Exchange(number, shared.asked, complete=True)
                each.answered, shared.answered = shared.answered, False
                self.append(each)
            shared.due = 1
            self.append(shared)

    def count_down(self, messages: int, *, ends: bool) -> Iterator[tuple[Exchange, int]]:
        """Take so many replies, or their beginning, off the oldest; give each and how many."""
        while messages and self:
            exchange = self[0]
            count = min(messages, exchange.due)
            messages -= count
            yield exchange, count
            exchange.answered = not ends
            if ends:
                exchange.due -= count
                if not exchange.due:
                    self.popleft()


def count(frames: list[Frame]) -> tuple[int, int, Request | None]:
    """How many requests begin in these frames, to how many a reply is due, and the newest."""
    begun = due = 0
    request: Request | None = None
    for frame in frames:
        if frame.first:
            request = frame.request
            begun += frame.messages
            if frame.reply:
                due += frame.messages
    return begun, due, request
