"""The main screen: figures, mix, settings, connections, and what happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import changes
from chaostui.tui.model.lines import Line
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.widgets.bars import FilterBar
from chaostui.tui.widgets.eventpane import EventPane
from chaostui.tui.widgets.kpis import Kpis
from chaostui.tui.widgets.minimap import Minimap
from chaostui.tui.widgets.mixpane import MixPane
from chaostui.tui.widgets.settingspane import SettingsPane
from chaostui.tui.widgets.streampane import StreamPane
from chaostui.tui.widgets.table import ConnectionsTable
from chaostui.tui.work import start

MOST_AT_ONCE = 2000
"""So many connections are reset or pinned by one key."""


class LiveScreen(ConsoleScreen):
    """Watch live connections and break them with one key."""

    BINDINGS: ClassVar = bindings("weights")
    CONTEXT = "connections"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it as an instance variable
        (0, "-slim"),
        (60, "-narrow"),
        (100, "-normal"),
        (150, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - the same
        (0, "-tiny"),
        (15, "-low"),
        (20, "-short"),
        (30, "-tall"),
        (45, "-high"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        config = desk.config
        self.table = ConnectionsTable(
            self.session, fields=config.columns, sort=config.sort, reverse=config.reverse
        )
        self.stream = StreamPane(self.session)
        self.events = EventPane(self.session)
        self.filter_bar = FilterBar(self.table.set_filter)
        self._filtered: Widget = self.table
        self._learned = ""

    def content(self) -> Iterable[Widget]:
        """Figures on top; mix and settings at the left, connections and events at the right."""
        yield Kpis(self.session)
        panes = (MixPane(self.session), SettingsPane(self.session), Minimap(self.session))
        with_left = Vertical(*panes, id="left")
        lower = Vertical(self.events, self.stream, id="lower")
        right = Vertical(self.table, self.filter_bar, lower, id="right")
        yield Horizontal(with_left, right, id="body")
        yield Static("terminal too small for the table, faults keep running", id="too-small")

    def on_mount(self) -> None:
        """The connections have the focus."""
        self.stream.display = False
        self.table.focus()

    def tick(self, lines: Sequence[Line] = ()) -> None:
        """Show the newest frame, and learn the settings of a handler just selected."""
        super().tick(lines)
        changed = any(line.kind == "change" for line in lines)
        stale = changed or self.session.selected != self._learned
        if stale and self.session.store.engine is not None:
            self._learned = self.session.selected
            start(self, partial(self._learn, self._learned), "learn")

    async def _learn(self, handler: str) -> None:
        await self.session.learn_options(handler)
        self.tick()

    def commands(self) -> Commands:
        """What the main screen does beyond faults and panes."""
        return {
            "connections.filter": self._filter,
            "events.filter": lambda _: self._filter_events(),
            "connections.clear-filter": lambda _: self.table.set_filter(""),
            "connections.sort": self._sort,
            "connections.pin": lambda _: self._pin(self.selected_ids()),
            "connections.pin-all": lambda _: self._pin_all(),
            "connections.reset": lambda _: self._reset(self.selected_ids(), "x"),
            "connections.reset-all": lambda _: self._reset(self.table.matching(), "X"),
            "settings.edit": lambda _: self._edit(),
            "view.pane": lambda _: self._turn_pane(),
            "view.back": lambda _: self._back(),
        }

    def connection_id(self) -> int:
        """The connection under the cursor, or 0."""
        return self.table.hold()

    def selected_ids(self) -> list[int]:
        """The connection under the cursor, as a list of one or none."""
        identity = self.table.hold()
        return [identity] if identity else []

    def _filter(self, text: str) -> None:
        if text:
            problem = self.table.set_filter(text)
            if problem:
                self.session.flash(problem, "bad")
        else:
            self._filtered = self.table
            self.filter_bar.open(self.table.filter.text, self.table.set_filter)

    def _filter_events(self) -> None:
        self._filtered = self.events
        self.filter_bar.open(self.events.filter.text, self.events.set_filter)

    def on_filter_bar_closed(self) -> None:
        """Back to what was filtered; what is typed next is no fault key."""
        self.session.guard()
        self._filtered.focus()

    def _sort(self, field: str) -> None:
        if field:
            self.table.sort_by(field)
        else:
            self.ask("ask.sort")

    def _pin(self, identities: Sequence[int]) -> None:
        if not identities:
            self.session.flash("no connection is selected", "warn")
            return
        rows, handler = self.table.rows, self.session.selected
        pinned = rows.texts("pinned")
        before = {i: pinned[at] for i in identities if (at := rows.find(i)) is not None}
        free = all(name == handler for name in before.values())
        self.session.apply(changes.pin(before, None if free else handler))

    def _pin_all(self) -> None:
        identities = self.table.matching()[:MOST_AT_ONCE]
        what = f"pin {self.session.selected} to {len(identities)} connections"
        if self._confirmed("A", what, f"pin {self.session.selected}"):
            self._pin(identities)

    def _reset(self, identities: Sequence[int], key: str) -> None:
        identities = identities[:MOST_AT_ONCE]
        if not identities:
            self.session.flash("no connection is selected", "warn")
            return
        what = f"#{identities[0]}" if key == "x" else f"all {len(identities)} that match"
        # With X the set changes as connections come and go; the filter is what was confirmed.
        token = what if key == "x" else self.table.filter.text
        if self._confirmed(key, f"reset {what}", f"reset {key} {token}"):
            self.session.apply(changes.reset(identities))

    def _confirmed(self, key: str, what: str, token: str) -> bool:
        if self.session.twice.confirmed(token, self.session.clock()):
            return True
        self.session.flash(f"press {key} again to {what}, any other key cancels", "warn")
        return False

    def _edit(self) -> None:
        pane = self.query_one(SettingsPane)
        if pane.display and pane.size.height > 2:
            pane.focus()
        else:
            self.ask("ask.settings")

    def _turn_pane(self) -> None:
        """Events, stream as text, stream as hex, and round again."""
        events, stream = self.events, self.stream
        had_focus = events.has_focus or stream.has_focus
        if events.display:
            events.display, stream.display, stream.as_hex = False, True, False
        elif not stream.as_hex:
            stream.as_hex = True
        else:
            events.display, stream.display = True, False
        if had_focus:
            (events if events.display else stream).focus()

    def _back(self) -> None:
        if self.give_back():
            return
        if self.focused is not self.table:
            self.table.focus()
        elif self.table.filter:
            self.table.set_filter("")
