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
    return f"{value:.0f}" if value else "-"


COLUMNS = (
    Column("id", "id", 7, 1, _plain),
    Column("proxy", "proxy", 8, 2, grows=4),
    Column("client", "client", 21, 1, grows=18),
    Column("handler", "handler", 13, 1),
    Column("rate", "rate/s", 8, 2, figures.size),
    Column("up", "up", 7, 3, figures.size),
    Column("down", "down", 7, 3, figures.size),
    Column("hits", "hits", 5, 3, _some),
    Column("request", "request", 16, 5, grows=20),
    Column("state", "state", 11, 6),
    Column("age", "age", 6, 6, figures.age),
    Column("exchanges", "exch", 7, 6, _some),
    Column("held", "held", 7, 7, figures.size),
    Column("idle", "idle", 6, 8, figures.age),
    Column("backend", "backend", 21, 9),
    Column("pinned", "pinned", 10, 9),
)
BY_FIELD = {column.field: column for column in COLUMNS}
SHOWN = tuple(c.field for c in COLUMNS if c.field not in ("proxy", "backend", "pinned"))
"""What is shown unless the configuration says otherwise; ``proxy`` joins with several proxies."""


def fit(fields: Iterable[str], width: int) -> list[tuple[Column, int]]:
    """Choose the columns that fit into ``width`` by priority, and their widths."""
    wanted = [BY_FIELD[field] for field in fields if field in BY_FIELD]
    used, kept = 2, set[str]()  # two characters for the cursor
    for column in sorted(wanted, key=lambda column: column.priority):
        if used + column.width + 1 > width and kept:
            break
        used += column.width + 1
        kept.add(column.field)
    spare = max(0, width - used)
    chosen = []
    for column in wanted:
        if column.field in kept:
            more = min(spare, column.grows)
            spare -= more
            chosen.append((column, column.width + more))
    return chosen


def arrange(rows: Rows, indices: Sequence[int], field: str, *, reverse: bool) -> list[int]:
    """Sort rows by a column; equal ones stay in the order of their ids."""
    if BY_FIELD[field].number:
        numbers = rows.numbers(field)
        return sorted(indices, key=numbers.__getitem__, reverse=reverse)
    return sorted(indices, key=rows.texts(field).__getitem__, reverse=reverse)
