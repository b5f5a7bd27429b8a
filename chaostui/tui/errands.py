"""Quitting, restarting a lost engine, opening one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from chaostui.errors import ChaosError
from chaostui.tui.keys import Commands
from chaostui.tui.link import connect
from chaostui.tui.model.status import status
from chaostui.tui.screens.base import ConsoleScreen
from chaostui.tui.screens.connection import ConnectionScreen
from chaostui.tui.session import Session
from chaostui.tui.work import start

if TYPE_CHECKING:
    from chaostui.tui.app import ConsoleApp


class Errands:
    """What concerns the console as a whole."""

    def __init__(
        self, app: ConsoleApp, session: Session, restart: Callable[[], str] | None
    ) -> None:
        self._app = app
        self._session = session
        self._restart = restart

    def commands(self) -> Commands:
        """The actions it performs."""
        return {
            "connections.detail": lambda _: self._detail(),
            "engine.restart": lambda _: start(self._app, self._restarted, "restart"),
            "view.glyphs": lambda _: self._glyphs(),
            "help.palette": lambda _: self._app.action_command_palette(),
            "help.quit": lambda _: self._quit(),
            "help.suspend": lambda _: self._app.action_suspend_process(),
        }

    @property
    def may_restart(self) -> bool:
        """Whether the engine is lost and can be started again."""
        return bool(self._session.lost) and self._restart is not None

    def _detail(self) -> None:
        screen = self._app.screen
        identity = screen.connection_id() if isinstance(screen, ConsoleScreen) else 0
        if identity:
            self._app.push_screen(ConnectionScreen(self._app.desk, identity))

    def _glyphs(self) -> None:
        self._app.plain = not self._app.plain
        self._app.repaint()
        self._session.flash("ASCII" if self._app.plain else "glyphs")

    def _quit(self) -> None:
        session = self._session
        on = status(session.store.engine, session.everything).faults
        again = session.twice.confirmed("quit", session.clock(), least=0.0)
        if on and not session.lost and not again:
            stay = "end with the engine" if self._app.desk.owned else "stay on"
            session.flash(f"faults are on and {stay}: press q again to quit", "warn")
        else:
            self._app.exit(0)

    async def _restarted(self) -> None:
        session = self._session
        assert self._restart is not None
        try:
            session.link = connect(await asyncio.to_thread(self._restart))
            session.flash("engine restarted", "good")
        except (ChaosError, OSError) as error:
            session.flash(f"not restarted: {error}", "bad")
