"""The columns of the connections table: what they show, and which fit a width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chaostui.tui.model import figures
from chaostui.tui.model.rows import Rows


@dataclass(frozen=True)
class Column:
    """One column: its field, heading, width, and how much it matters (1 is kept longest)."""

    field: str
    title: str
    width: int
    priority: int
    show: Callable[[float], str] | None = None
    """How a number is shown; None for texts."""
    grows: int = 0
    """How many characters more it may take."""

    @property
    def number(self) -> bool:
        """Whether it holds numbers, which stand at the right."""
        return self.show is not None


def _plain(value: float) -> str:
    return f"{value:.0f}"


def _some(value: float) -> str:
    return f"{value:.0f}" if value else figures.NONE


FIGURES = 4
"""The priority of the last figures that come before addresses in full."""
ADDRESS = 21
"""Columns of an IPv4 address with its port."""

COLUMNS = (
    Column("id", "id", 6, 1, _plain),
    Column("proxy", "proxy", 8, 2, grows=4),
    Column("client", "client", 15, 1, grows=24),
    Column("handler", "handler", 14, 1),
    Column("rate", "rate/s", 8, 3, figures.size),
    Column("reply", "reply", 7, 2, figures.seconds),
    Column("up", "up", 8, 4, figures.size),
    Column("down", "down", 8, 4, figures.size),
    Column("hits", "hits", 5, 3, _some),
    Column("request", "request", 12, 5, grows=24),
    Column("state", "state", 11, 6),
    Column("age", "age", 7, 6, figures.age),
    Column("exchanges", "exch", 7, 6, _some),
    Column("held", "held", 8, 7, figures.size),
    Column("idle", "idle", 7, 8, figures.age),
    Column("backend", "backend", 21, 9),
    Column("pinned", "pinned", 11, 9),
)
BY_FIELD = {column.field: column for column in COLUMNS}
SHOWN = tuple(c.field for c in COLUMNS if c.field not in ("proxy", "backend", "pinned"))
"""What is shown unless the configuration says otherwise; ``proxy`` joins with several proxies."""


def fit(fields: Iterable[str], width: int) -> list[tuple[Column, int]]:
    """Choose the columns that fit into ``width`` by priority, and their widths.

    Figures come before addresses in full, those before what is less asked for.
    """
    wanted = [BY_FIELD[field] for field in fields if field in BY_FIELD]
    left = width - 2  # two characters for the cursor
    rooms: dict[str, int] = {}
    for column in sorted(wanted, key=lambda column: column.priority):
        if column.priority > FIGURES:
            left -= _grow(wanted, rooms, left, ADDRESS)
        if column.width + 1 <= left or not rooms:
            rooms[column.field] = column.width
            left -= column.width + 1
    _grow(wanted, rooms, left, width)
    return [(column, rooms[column.field]) for column in wanted if column.field in rooms]


def _grow(wanted: Sequence[Column], rooms: dict[str, int], left: int, limit: int) -> int:
    """Widen columns that may grow, to ``limit`` at most; the answer is how much they took."""
    taken = 0
    for column in wanted:
        if column.field in rooms:
            room = rooms[column.field]
            wider = min(column.width + column.grows, limit, room + left - taken)
            rooms[column.field] = max(room, wider)
            taken += rooms[column.field] - room
    return taken


def arrange(rows: Rows, indices: Sequence[int], field: str, *, reverse: bool) -> list[int]:
    """Sort rows by a column; equal ones stay in the order of their ids."""
    if BY_FIELD[field].number:
        numbers = rows.numbers(field)
        return sorted(indices, key=numbers.__getitem__, reverse=reverse)
    return sorted(indices, key=rows.texts(field).__getitem__, reverse=reverse)
