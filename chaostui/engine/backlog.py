"""What waits in a link for an earlier walk through the handlers to end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chaostui.engine.budget import PIECE
from chaostui.engine.items import Item

if TYPE_CHECKING:
    from chaostui.engine.link import Link


class Backlog:
    """Items in their order, counted in the engine's budget."""

    __slots__ = ("_items", "_link", "size")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._items: deque[Item] = deque()
        self.size = 0
        """How many bytes are in it."""

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    @property
    def cost(self) -> int:
        """Bytes of memory that the items take, about."""
        return max(self.size, PIECE * len(self._items))

    @property
    def first(self) -> Item:
        """The oldest; IndexError where there is none."""
        return self._items[0]

    def append(self, item: Item) -> None:
        """Add an item behind all others."""
        self._count(item)
        self._items.append(item)

    def put_back(self, item: Item) -> None:
        """Add an item before all others."""
        self._count(item)
        self._items.appendleft(item)

    def _count(self, item: Item) -> None:
        size = len(item.frame.data)
        self._link.budget.take(size)
        self.size += size

    def take(self) -> Item:
        """Take the oldest item out."""
        item = self._items.popleft()
        size = len(item.frame.data)
        self.size -= size
        self._link.budget.give_back(size)
        return item

    def clear(self) -> list[Item]:
        """Take everything out."""
        items = list(self._items)
        if items:
            self._link.budget.give_back(self.size, len(items))
        self._items.clear()
        self.size = 0
        return items
