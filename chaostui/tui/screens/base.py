"""What every screen of the console has: top bar, banner, footer, fault keys and dispatch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from chaostui.tui.config import ConsoleConfig
from chaostui.tui.keys import Keys, Run, bindings
from chaostui.tui.model.faults import FAULTS
from chaostui.tui.model.lines import Line
from chaostui.tui.session import Session
from chaostui.tui.widgets.bars import Banner, FilterBar
from chaostui.tui.widgets.footer import FlashLine, Footer
from chaostui.tui.widgets.lineview import LineView
from chaostui.tui.widgets.topbar import TopBar

KEPT = (TopBar, Banner, Footer, FilterBar)
"""What stays when a pane is given all the room."""
ASKED = ("fault.timed", "fault.weight", "handler.set", "proxy.show")
"""Actions that need an argument; without one the app asks for it."""


@dataclass(frozen=True)
class Desk:
    """What screens are made from."""

    session: Session
    config: ConsoleConfig
    owned: bool = False
    restartable: bool = False
    greeting: str = ""
    """One line under the top bar on what to press, while nothing is wrong."""


class ConsoleScreen(Keys, Screen[None]):
    """The base of all full screens; subclasses compose what stands between the bars."""

    BINDINGS: ClassVar = bindings("faults", "view", "screens", "help")
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.session = desk.session
        self._last = ("", "")

    def compose(self) -> ComposeResult:
        """Top bar, banner, the screen's own content, footer."""
        yield TopBar(self.session)
        yield Banner(self.session, restartable=self.desk.restartable, greeting=self.desk.greeting)
        yield from self.content()
        yield FlashLine(self.session)
        yield Footer(self.session, self.footer, self.desk.config.keymap)

    def content(self) -> Iterable[Widget]:
        """What stands between the bars."""
        return ()

    def context(self) -> str:
        """The context whose keys work: that of the focused pane."""
        node = self.focused
        return getattr(node, "CONTEXT", "") or self.CONTEXT

    def footer(self) -> str:
        """The context whose keys the footer shows."""
        return self.context()

    def connection_id(self) -> int:
        """The connection that this screen is about, or 0."""
        return 0

    def tick(self, lines: Sequence[Line] = ()) -> None:
        """Show the newest frame."""
        for pane in self.query(LineView):
            pane.tick()
        self.set_class(bool(self.session.lost), "lost")

    def on_screen_resume(self) -> None:
        """Show what happened while another screen was on top."""
        self.repaint()
        self.call_after_refresh(self.tick)

    def repaint(self) -> None:
        """Paint everything anew: other glyphs may have been chosen meanwhile."""
        for node in self.walk_children(Widget, with_self=True):
            node.refresh()

    def on_descendant_focus(self) -> None:
        """The footer follows the focus."""
        self.call_after_refresh(self.tick)

    def on_run(self, event: Run) -> None:
        """Let the focused pane, any other pane, or this screen perform an action."""
        pressed = (event.identity, event.argument)
        if pressed != self._last:
            self._last = pressed
            self.session.twice.cancel()
        if self.dispatch(event.identity, event.argument, by_key=event.by_key):
            event.stop()
            self.tick()

    def dispatch(self, identity: str, argument: str, *, by_key: bool = False) -> bool:
        """Perform an action if it is this screen's; others go on to the app."""
        for pane in self._panes():
            if pane.perform(identity, argument):
                return True
        if identity in FAULTS and (argument or identity not in ASKED):
            self.session.fault(identity, argument, by_key=by_key)
            return True
        simple: dict[str, Callable[[], object]] = {
            "fault.undo": lambda: self.session.undo(by_key=by_key),
            "fault.redo": lambda: self.session.redo(by_key=by_key),
            "handler.set": lambda: self.session.set_option(argument),
            "view.freeze": self.session.freeze,
            "proxy.next": lambda: self.session.show_proxy(1),
            "proxy.previous": lambda: self.session.show_proxy(-1),
            "proxy.show": lambda: self.session.look_at(argument),
            "mix.select": lambda: self.session.select(argument),
            "view.next-pane": self.focus_next,
            "view.previous-pane": self.focus_previous,
            "view.maximise": self._maximise,
        }
        if identity in simple and (argument or identity not in ASKED):
            simple[identity]()
            return True
        return False

    def _panes(self) -> list[Keys]:
        """Who may perform an action: the focused pane first, this screen last."""
        panes = list(self.query(LineView))
        panes.sort(key=lambda pane: not pane.has_focus)
        return [*panes, self]

    def _maximise(self) -> None:
        if not self.give_back() and self.focused is not None:
            self._grow(self.focused)

    def _grow(self, pane: Widget) -> None:
        """Give a pane the room of all others; what every screen has stays."""
        node: DOMNode = pane
        while isinstance(node, Widget) and node is not self and node.parent is not None:
            node.add_class("grown")
            for beside in node.parent.children:
                if beside is not node and not isinstance(beside, KEPT):
                    beside.add_class("aside")
            node = node.parent

    def give_back(self) -> bool:
        """Give every pane its room again; whether one had taken it all."""
        grown = bool(self.query(".grown"))
        self.query(".grown").remove_class("grown")
        self.query(".aside").remove_class("aside")
        return grown
