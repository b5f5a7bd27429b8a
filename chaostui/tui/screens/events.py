"""All events, full screen."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from chaostui.tui.keys import Commands
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.widgets.bars import FilterBar
from chaostui.tui.widgets.eventpane import EventPane


class EventsScreen(ConsoleScreen):
    """The event log with its own filter."""

    CONTEXT = "events"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.pane = EventPane(self.session, id="all-events")
        self.bar = FilterBar(self.pane.set_filter)

    def content(self) -> Iterable[Widget]:
        """The log and its filter."""
        yield self.pane
        yield self.bar

    def on_mount(self) -> None:
        """The log has the focus."""
        self.pane.focus()

    def commands(self) -> Commands:
        """The filter."""
        return {
            "events.filter": lambda _: self.bar.open(self.pane.filter.text),
            "connections.filter": lambda _: self.bar.open(self.pane.filter.text),
            "view.back": lambda _: self._back(),
        }

    def _back(self) -> None:
        if self.pane.filter:
            self.pane.set_filter("")
        else:
            self.ask("screen.live")

    def on_filter_bar_closed(self) -> None:
        """Back to the log; what is typed next is no fault key."""
        self.session.guard()
        self.pane.focus()
