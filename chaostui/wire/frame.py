"""Live frames: what ``GET /live`` sends. The engine packs them, clients unpack them."""

from __future__ import annotations

import sys
from array import array
from typing import Any

import msgspec

from chaostui.events import AnyEvent
from chaostui.wire.views import EngineView

STATES = ("dialling", "open", "half-closed", "closing", "closed")
"""What the codes of the ``state`` column mean."""

COLUMNS = {
    "id": "Q",
    "proxy": "H",
    "state": "B",
    "handler": "H",
    "upstream": "Q",
    "downstream": "Q",
    "exchanges": "Q",
    "hits": "I",
    "held": "I",
    "age": "d",
    "idle": "d",
    "reply": "d",
}
"""Name and array type code of each column, one item per connection; see docs/api.md."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the engine."""

    seq: int
    at: float
    """Epoch seconds."""
    engine: EngineView
    columns: dict[str, bytes]
    """Little-endian arrays by name; ``column`` reads one."""
    handlers: list[str]
    """Names that the ``handler`` column points to."""
    opened: list[tuple[int, str, str]]
    """Id, client and backend of connections not told before in this response."""
    changed: dict[int, tuple[str, str, str]]
    """Pinned handler, request and opaque, by id, where they changed."""
    events: list[AnyEvent]
    """The newest since the last frame, and all changes; ``events_skipped``: how many more."""
    events_skipped: int

    def column(self, name: str) -> array[Any]:
        """One column as an array."""
        column: array[Any] = array(COLUMNS[name])
        column.frombytes(self.columns[name])
        return native(column)


def native(column: array[Any]) -> array[Any]:
    """Turn little-endian into this machine's order, or back."""
    if sys.byteorder == "big":
        column.byteswap()
    return column
