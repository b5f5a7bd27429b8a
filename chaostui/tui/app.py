"""The console's app: it routes. Panes own their keys, the session owns the link."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget

from chaostui.tui.dialogs import Dialogs
from chaostui.tui.errands import Errands
from chaostui.tui.keys import Run
from chaostui.tui.model import plain
from chaostui.tui.model.lines import Line
from chaostui.tui.outputs import Outputs
from chaostui.tui.palette import ActionsProvider
from chaostui.tui.proxywork import ProxyWork
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.screens.events import EventsScreen
from chaostui.tui.screens.journal import JournalScreen
from chaostui.tui.screens.live import LiveScreen
from chaostui.tui.screens.options import OptionsScreen
from chaostui.tui.screens.proxies import ProxiesScreen
from chaostui.tui.screens.rules import RulesScreen
from chaostui.tui.screens.timeline import TimelineScreen
from chaostui.tui.themes import FALLBACK, FALLBACK_LIGHT, THEMES
from chaostui.tui.widgets.plain import Ascii, Inert
from chaostui.tui.work import start

SCREENS: dict[str, type[ConsoleScreen]] = {
    "live": LiveScreen,
    "timeline": TimelineScreen,
    "events": EventsScreen,
    "proxies": ProxiesScreen,
    "rules": RulesScreen,
    "options": OptionsScreen,
    "journal": JournalScreen,
}

BEHIND = 0.5
"""Seconds between two pictures behind a dialog, where each is drawn twice."""
FILTERS: tuple[LineFilter, ...] = (Inert(), Ascii())
"""The same ones each time: what they made of a line is remembered by their identity."""


class ConsoleApp(App[int]):
    """Watch live connections, break them with one key."""

    TITLE = "chaostui"
    CSS_PATH = "console.tcss"
    DEFAULT_MODE = "live"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionsProvider}

    def __init__(self, desk: Desk, *, restart: Callable[[], str] | None = None) -> None:
        super().__init__()
        self.desk = desk
        self._greeted = False
        self._dialogs = Dialogs(self, desk.session)
        self._proxies = ProxyWork(self, desk.session)
        self._errands = Errands(self, desk.session, restart)
        self._commands = {
            **self._dialogs.commands(),
            **Outputs(self, desk.session).commands(),
            **self._errands.commands(),
            **self._proxies.commands(),
        }
        for theme in THEMES:
            self.register_theme(theme)
        for name, screen in SCREENS.items():
            self.add_mode(name, partial(screen, desk))
        wanted = desk.config.theme
        self.theme = wanted if wanted in self.available_themes else "chaos"
        self.plain = plain.wanted(desk.config.glyphs, os.environ)
        self._ticked = 0.0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of the console's own, for themes that are not."""
        return FALLBACK if self.current_theme.dark else FALLBACK_LIGHT

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through: nothing steers the terminal, and ASCII where wanted."""
        return [*super().get_line_filters(), *(FILTERS if self.plain else FILTERS[:1])]

    def on_mount(self) -> None:
        """Begin to follow the engine."""
        self.set_keymap(self.desk.config.keymap)
        self.app_resume_signal.subscribe(self, self.repaint)
        self.desk.session.on_frame = self.on_frame
        start(self, self.desk.session.follow, "follow")
        start(self, self.desk.session.deliver, "deliver")
        self.set_interval(1.0, partial(self.on_frame, ()))

    def repaint(self, _: object = None) -> None:
        """Paint everything anew: a shell wrote over the terminal, or other glyphs were chosen."""
        for screen in self.screen_stack:
            for node in screen.walk_children(Widget, with_self=True):
                node.refresh()

    def on_frame(self, lines: Sequence[Line]) -> None:
        """Something new to show."""
        if not self.screen_stack:
            return  # the console is ending
        session = self.desk.session
        if not self._greeted and session.store.engine is not None:
            self._greeted = True
            if not session.store.proxies:
                self._proxies.first_run()
        now = time.monotonic()
        behind = session.store.proxies and not isinstance(self.screen, ConsoleScreen)
        if behind and not lines and now - self._ticked < BEHIND:
            return
        self._ticked = now
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen):
                screen.tick(lines)

    def on_run(self, event: Run) -> None:
        """Perform what no screen performs."""
        area, _, name = event.identity.partition(".")
        if event.identity == "screen.rules" and self._errands.may_restart:
            self._commands["engine.restart"]("")
        elif area == "screen":
            self._go(name)
        elif event.identity in self._commands:
            self._commands[event.identity](event.argument)
        self.on_frame(())

    def _go(self, name: str) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(name)

    def write_raw(self, sequence: str) -> None:
        """Send a sequence to the terminal."""
        if self._driver is not None:
            self._driver.write(sequence)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """None beside the actions."""
        return ()
