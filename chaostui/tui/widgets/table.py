"""The live table of connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events

from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures
from chaostui.tui.model.clients import example
from chaostui.tui.model.columns import BY_FIELD, SHOWN, Column, arrange, fit as fit_columns
from chaostui.tui.model.filter import CONNECTION_FIELDS, Filter, FilterError, parse
from chaostui.tui.model.glyphs import glyph
from chaostui.tui.model.rows import CLOSED, Rows
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView, fit, on_cursor

SETTLE = 1.0
"""Seconds for which rows keep their places, after they were sorted or the cursor was moved."""


class ConnectionsTable(LineView, can_focus=True):
    """Connections, filtered ten times a second, sorted once; only visible rows are drawn."""

    CONTEXT = "connections"
    BINDINGS: ClassVar = bindings("connections")
    HELP = (
        "Live connections. / filters, < and > choose the column to sort by, r turns the order "
        "round, enter shows one connection, a pins the selected handler to it, x twice resets it."
    )
    DEFAULT_CSS = "ConnectionsTable { height: 1fr; border: round $chaos-dim; }"

    def __init__(
        self,
        session: Session,
        *,
        fields: Sequence[str] = SHOWN,
        sort: str = "rate",
        reverse: bool = True,
    ) -> None:
        super().__init__(id="connections")
        self._session = session
        self.fields = tuple(fields)
        self.sort = sort if sort in BY_FIELD else "rate"
        self.reverse = reverse
        self.filter = Filter()
        self.closed = False
        self.following = False
        self.rows = Rows.empty()
        self.order: Sequence[int] = ()
        self._cursor_id = 0
        self._ids: Sequence[int] = ()
        """The ids of the rows in their order."""
        self._sorted = self._moved = float("-inf")
        """When rows were last sorted, and when the cursor was last moved."""
        self._rates = self.rows.rates
        """The rates that rows were last sorted by."""
        self._at = 0
        self._top = 0

    # --- what it is shown ------------------------------------------------------------------

    def tick(self) -> None:
        """Take the newest rows, unless the display is frozen."""
        if self._session.frozen_at is None:
            self.rows = self._session.store.rows
        now = self._session.clock()
        if self.sort == "rate":
            settled = self.rows.rates is self._rates  # sorted by the rates that are shown
        else:
            settled = now < self._sorted + SETTLE
        self.sort_rows(hold=bool(self.order) and (settled or now < self._moved + SETTLE))

    def sort_rows(self, *, hold: bool = False) -> None:
        """Filter and sort the rows, keep the cursor on its connection, and paint.

        With ``hold`` the order stays as it is, and what is new stands last.
        """
        rows = self.rows
        indices: Sequence[int] = range(len(rows))
        scope = self._session.store.scope
        if scope:
            names = rows.texts("proxy")
            indices = [i for i in indices if names[i] == scope]
        if not self.closed:
            states = rows.columns["state"]
            indices = [i for i in indices if states[i] != CLOSED]
        kept = self.filter.apply(rows, indices)
        if hold:
            ids = rows.columns["id"]
            at = {ids[index]: index for index in kept}
            held = [at.pop(identity) for identity in self._ids if identity in at]
            self.order = [*held, *at.values()]
        else:
            self.order = arrange(rows, kept, self.sort, reverse=self.reverse)
            self._sorted = self._session.clock()
            self._rates = rows.rates
        self._ids = [rows.columns["id"][index] for index in self.order]
        self._keep_cursor()
        self.paint()

    def _keep_cursor(self) -> None:
        if self.following and self.order:
            ids = self.rows.columns["id"]
            self._at = max(range(len(self.order)), key=lambda n: ids[self.order[n]])
        elif self._cursor_id in self._ids:
            self._at = self._ids.index(self._cursor_id)
        self._at = max(0, min(self._at, len(self.order) - 1))
        self._cursor_id = self.selected_id

    @property
    def selected_id(self) -> int:
        """The id of the connection under the cursor, or 0."""
        if not self.order:
            return 0
        return int(self.rows.columns["id"][self.order[self._at]])

    def hold(self) -> int:
        """Keep the cursor on its connection wherever that moves; the answer is its id."""
        self._cursor_id = self.selected_id
        return self._cursor_id

    def matching(self) -> list[int]:
        """The ids of all connections that are shown and not closed."""
        ids, states = self.rows.columns["id"], self.rows.columns["state"]
        return [int(ids[i]) for i in self.order if states[i] != CLOSED]

    def set_filter(self, text: str) -> str:
        """Filter by ``text``; the answer says what is wrong with it, or nothing."""
        try:
            self.filter = parse(text, CONNECTION_FIELDS)
        except FilterError as error:
            return str(error)
        self.sort_rows()
        return ""

    # --- how it looks ----------------------------------------------------------------------

    def titles(self, width: int) -> tuple[str, str]:
        arrow = "▼" if self.reverse else "▲"
        number = figures.count(len(self.order))
        what = safe_text(self.filter.text, limit=40) or "none"
        title = f" Connections {number} · sort {BY_FIELD[self.sort].title} {arrow} · filter {what} "
        if self._session.frozen_at is not None:
            held = figures.clock(self._session.clock() - self._session.frozen_at)
            new = self._session.store.log.total - self._session.frozen_total
            title = f" FROZEN {held}, {new:,} new events · Connections {number} "
        extra = [word for word, on in (("closed", self.closed), ("follow", self.following)) if on]
        if self._session.store.scope:
            extra.insert(0, safe_text(self._session.store.scope, limit=20))
        return title, f" {' · '.join(extra)} " if extra else ""

    def columns(self, width: int) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths; ``proxy`` only where there are several."""
        fields = list(self.fields)
        several = len(self._session.store.proxies) > 1 and not self._session.store.scope
        if several and "proxy" not in fields:
            fields.insert(1, "proxy")
        return fit_columns(fields, width)

    def draw(self, width: int, height: int) -> list[Line]:
        columns = self.columns(width)
        body = max(1, height - 1)
        self._top = max(0, min(self._top, self._at, len(self.order) - body))
        self._top = max(self._top, self._at - body + 1)
        lines = [self._head(columns, width)]
        shown = self.order[self._top : self._top + body]
        inks = {name: self.handler_ink(name) for name in self.rows.handlers}
        for n, index in enumerate(shown):
            lines.append(self._row(index, columns, self._top + n == self._at, inks))
        if not shown:
            lines += self._empty(width)
        return lines

    def _head(self, columns: Sequence[tuple[Column, int]], width: int) -> Line:
        dim, chosen = self.ink("dim"), self.ink("accent")
        line = [Segment("  ", dim)]
        for column, room in columns:
            title = column.title
            if column.field == self.sort:
                title += "▼" if self.reverse else "▲"
            ink = chosen if column.field == self.sort else dim
            line.append(Segment(fit(title, room, right=column.number) + " ", ink))
        return line

    def _row(
        self,
        index: int,
        columns: Sequence[tuple[Column, int]],
        at: bool,
        inks: dict[str, Style],
    ) -> Line:
        rows = self.rows
        handler = rows.texts("handler")[index]
        closed = rows.columns["state"][index] == CLOSED
        text = self.ink("dim" if closed else "text")
        line = [Segment("> " if at else "  ", self.ink("accent"))]
        for column, room in columns:
            if column.field == "handler":
                pinned = "*" if rows.texts("pinned")[index] else ""
                word = f"{glyph(handler)} {safe_text(handler, limit=16)}{pinned}"
                ink = text if closed else inks.get(handler, text)
                line.append(Segment(fit(word, room) + " ", ink))
            elif column.show is not None:
                figure = column.show(rows.numbers(column.field)[index])
                line.append(Segment(fit(figure, room, right=True) + " ", text))
            else:
                word = safe_text(rows.texts(column.field)[index], limit=room + 1)
                line.append(Segment(fit(word, room) + " ", text))
        return on_cursor(line, self.ink("cursor")) if at else line

    def _empty(self, width: int) -> list[Line]:
        """What to type when there is nothing to see."""
        dim, text = self.ink("dim"), self.ink("text")
        if self.filter:
            return [[], [Segment("  nothing matches the filter · esc clears it", dim)]]
        lines: list[Line] = [[], [Segment("  No connections yet.", text)], []]
        if not self._session.store.proxies:
            hint = "  there is no proxy · P shows all proxies, a there makes one"
            lines.append([Segment(hint, dim)])
        for proxy in self._session.store.in_view[:4]:
            listen = safe_text(proxy.listen, limit=60)
            lines.append([Segment(f"  point your client at {listen}", text)])
            command = example(self._session.protocols, proxy.protocol, listen)
            lines.append([Segment(f"  e.g. {command}", dim)])
        return lines

    # --- its keys --------------------------------------------------------------------------

    def commands(self) -> Commands:
        """Moving, sorting, and what is shown."""
        page = max(1, self.content_size.height - 2)
        return {
            "connections.down": lambda _: self.move(1),
            "connections.up": lambda _: self.move(-1),
            "connections.page-down": lambda _: self.move(page),
            "connections.page-up": lambda _: self.move(-page),
            "connections.top": lambda _: self.move(-len(self.order)),
            "connections.bottom": lambda _: self.move(len(self.order)),
            "connections.sort-left": lambda _: self._sort_beside(-1),
            "connections.sort-right": lambda _: self._sort_beside(1),
            "connections.reverse": lambda _: self.sort_by(self.sort, reverse=not self.reverse),
            "connections.closed": lambda _: self._switch("closed"),
            "connections.follow": lambda _: self._switch("following"),
            "columns.show": self._show_column,
        }

    def move(self, step: int) -> None:
        """Move the cursor by some rows."""
        self.following = False
        self._at = max(0, min(len(self.order) - 1, self._at + step))
        self._cursor_id = self.selected_id
        self._moved = self._session.clock()
        self.paint()
        self.ask("connections.moved")

    def sort_by(self, field: str, *, reverse: bool | None = None) -> None:
        """Sort by a column; numbers begin with the largest, texts with the first."""
        self.sort = field
        self.reverse = BY_FIELD[field].number if reverse is None else reverse
        self.sort_rows()

    def _sort_beside(self, step: int) -> None:
        fields = [column.field for column, _ in self.columns(self.content_size.width)]
        at = fields.index(self.sort) if self.sort in fields else 0
        self.sort_by(fields[(at + step) % len(fields)])

    def _switch(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))
        self.sort_rows()

    def _show_column(self, field: str) -> None:
        if not field:
            self.ask("ask.column")
        elif field in self.fields:
            self.fields = tuple(name for name in self.fields if name != field)
        elif field in BY_FIELD:
            self.fields = (*self.fields, field)
        self.sort_rows()

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click on a heading sorts, on a row selects, on the selected row opens it."""
        event.stop()
        if event.y == 0:
            x = 2
            for column, room in self.columns(self.content_size.width):
                if x <= event.x < x + room + 1:
                    turned = not self.reverse if column.field == self.sort else None
                    self.sort_by(column.field, reverse=turned)
                x += room + 1
        elif self._top + event.y - 1 == self._at:
            self.ask("connections.detail")
        else:
            self.move(self._top + event.y - 1 - self._at)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        self.move(-3)
