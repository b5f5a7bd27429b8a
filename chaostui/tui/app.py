"""The console's app: it routes. Panes own their keys, the session owns the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.command import Provider
from textual.screen import Screen

from chaostui.errors import ChaosError
from chaostui.tui.dialogs import Dialogs
from chaostui.tui.keys import Run
from chaostui.tui.link import connect
from chaostui.tui.model.lines import Line
from chaostui.tui.model.status import status
from chaostui.tui.outputs import Outputs
from chaostui.tui.palette import ActionsProvider
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.screens.connection import ConnectionScreen
from chaostui.tui.screens.events import EventsScreen
from chaostui.tui.screens.journal import JournalScreen
from chaostui.tui.screens.live import LiveScreen
from chaostui.tui.screens.options import OptionsScreen
from chaostui.tui.screens.rules import RulesScreen
from chaostui.tui.screens.timeline import TimelineScreen
from chaostui.tui.themes import FALLBACK, FALLBACK_LIGHT, THEMES


class ConsoleApp(App[int]):
    """Watch live connections, break them with one key."""

    TITLE = "chaostui"
    CSS_PATH = "console.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionsProvider}
    SCREENS_BY_KEY: ClassVar = {
        "live": LiveScreen,
        "timeline": TimelineScreen,
        "events": EventsScreen,
        "rules": RulesScreen,
        "options": OptionsScreen,
        "journal": JournalScreen,
    }

    def __init__(self, desk: Desk, *, restart: Callable[[], str] | None = None) -> None:
        super().__init__()
        self.desk = desk
        self._restart = restart
        self._greeted = False
        self._commands = {
            **Dialogs(self, desk.session).commands(),
            **Outputs(self, desk.session).commands(),
            "connections.detail": lambda _: self._detail(),
            "engine.restart": lambda _: self.run_worker(self._restarted(), exclusive=True),
            "help.palette": lambda _: self.action_command_palette(),
            "help.quit": lambda _: self._quit(),
            "help.suspend": lambda _: self.action_suspend_process(),
        }
        for theme in THEMES:
            self.register_theme(theme)
        for name, screen in self.SCREENS_BY_KEY.items():
            self.add_mode(name, lambda screen=screen: screen(desk))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of the console's own for themes that are not."""
        return FALLBACK if self.current_theme.dark else FALLBACK_LIGHT

    def on_mount(self) -> None:
        """Begin to follow the engine."""
        self.theme = self.desk.config.theme if self.desk.config.theme in self.available_themes else "chaos"
        self.set_keymap(self.desk.config.keymap)
        self.switch_mode("live")
        self.desk.session.on_frame = self.on_frame
        self.run_worker(self.desk.session.follow(), group="follow")
        self.run_worker(self.desk.session.deliver(), group="deliver")
        self.set_interval(1.0, lambda: self.on_frame(()))

    def on_frame(self, lines: Sequence[Line]) -> None:
        """Something new to show."""
        session = self.desk.session
        if not self._greeted and session.store.engine is not None:
            self._greeted = True
            if not session.store.proxies:
                Dialogs(self, session).first_run()
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen):
                screen.tick(lines)

    def on_run(self, event: Run) -> None:
        """Perform what no screen performs."""
        area, _, name = event.identity.partition(".")
        if area == "screen":
            if name == "rules" and self.desk.session.lost and self._restart:
                self._commands["engine.restart"]("")
            else:
                self._go(name)
        elif event.identity in self._commands:
            self._commands[event.identity](event.argument)
        self.on_frame(())

    def _go(self, name: str) -> None:
        while len(self.screen_stack) > 1 and self.screen_stack[-1] is not self.screen_stack[0]:
            self.pop_screen()
        self.switch_mode(name)

    def _detail(self) -> None:
        screen = self.screen
        identity = screen.connection_id() if isinstance(screen, ConsoleScreen) else 0
        if identity:
            self.push_screen(ConnectionScreen(self.desk, identity))

    def _quit(self) -> None:
        session = self.desk.session
        on = status(session.store.engine, session.store.proxies).faults
        if on and not session.lost and not session.twice.confirmed("quit", session.clock()):
            stay = "end with the engine" if self.desk.owned else "stay on"
            session.flash(f"faults are on and {stay}: press q again to quit", "warn")
        else:
            self.exit(0)

    async def _restarted(self) -> None:
        session = self.desk.session
        assert self._restart is not None
        try:
            session.link = connect(await asyncio.to_thread(self._restart))
            session.flash("engine restarted", "good")
        except (ChaosError, OSError) as error:
            session.flash(f"not restarted: {error}", "bad")

    def write_raw(self, sequence: str) -> None:
        """Send a sequence to the terminal."""
        if self._driver is not None:
            self._driver.write(sequence)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """None beside the actions."""
        return ()
