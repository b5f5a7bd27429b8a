"""What leaves the console: copies, exports, screenshots; and the payload that is asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui import clipboard
from chaostui.tui.keys import Commands
from chaostui.tui.model import export
from chaostui.tui.model.tap import Tap
from chaostui.tui.screens.base import ConsoleScreen
from chaostui.tui.session import Session
from chaostui.tui.widgets.streampane import StreamPane
from chaostui.tui.widgets.table import ConnectionsTable
from chaostui.tui.work import start

if TYPE_CHECKING:
    from chaostui.tui.app import ConsoleApp


class Outputs:
    """Copying, writing files, and the tap."""

    def __init__(self, app: ConsoleApp, session: Session) -> None:
        self._app = app
        self._session = session

    def commands(self) -> Commands:
        """The actions that put something out."""
        session = self._session
        return {
            "copy.curl": lambda _: self._copy(
                "mix as curl", export.as_curl(session.proxies, session.link.endpoint)
            ),
            "copy.cli": lambda _: self._copy("mix as command line", export.as_cli(session.proxies)),
            "copy.toml": lambda _: self._copy("mix as TOML", export.as_toml(session.proxies)),
            "copy.row": lambda _: self._row(),
            "copy.id": lambda _: self._field("id"),
            "copy.client": lambda _: self._field("client"),
            "copy.request": lambda _: self._field("request"),
            "copy.text": lambda _: self._payload(as_hex=False),
            "copy.hex": lambda _: self._payload(as_hex=True),
            "copy.attach": lambda _: self._copy(
                "attach command", f"chaostui attach {session.link.endpoint}"
            ),
            "export.write": lambda _: self._write(),
            "view.screenshot": lambda _: self._screenshot(),
            "view.tap": lambda _: self._tap(),
        }

    def _copy(self, what: str, text: str) -> None:
        if not text:
            self._session.flash("there is nothing to copy", "warn")
            return
        how = clipboard.copy(text, self._app.write_raw)
        self._session.flash(f"{what}: {how}", "good")

    def _row(self) -> None:
        identity = self._connection()
        rows = self._session.store.rows
        at = rows.find(identity)
        if at is not None:
            self._copy(f"connection #{identity}", json.dumps(rows.record(at)))
        else:
            self._session.flash("no connection is selected", "warn")

    def _field(self, name: str) -> None:
        """One field of the selected connection, made safe to paste into a shell's line."""
        identity = self._connection()
        at = self._session.store.rows.find(identity)
        if at is None:
            self._session.flash("no connection is selected", "warn")
            return
        value = str(self._session.store.rows.record(at)[name])
        label = {"client": "client address"}.get(name, name)
        self._copy(f"{label} of #{identity}", safe_text(value, limit=4096))

    def _payload(self, *, as_hex: bool) -> None:
        """The payload as the pane shows it, in its direction."""
        tap, panes = self._session.tap, self._app.screen.query(StreamPane)
        if not len(tap):
            self._session.flash("there is no payload: p switches it on", "warn")
            return
        direction = panes.first().direction if panes else "both"
        form = "hex" if as_hex else "text"
        text = tap.copied(as_hex=as_hex, direction=direction)
        self._copy(f"payload of #{tap.connection} as {form}", text)

    def _connection(self) -> int:
        screen = self._app.screen
        return screen.connection_id() if isinstance(screen, ConsoleScreen) else 0

    def _write(self) -> None:
        """Connections as the table shows them, and the events that are remembered."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        tables = self._app.screen.query(ConnectionsTable)
        rows = tables.first().rows if tables else self._session.store.rows
        order = tables.first().order if tables else range(len(rows))
        lines = self._session.store.log.lines()
        files: dict[str, Callable[[], str]] = {
            f"chaostui-connections-{stamp}.csv": lambda: export.rows_as_csv(rows, order),
            f"chaostui-events-{stamp}.jsonl": lambda: export.lines_as_jsonl(lines),
        }
        try:
            for name, made in files.items():
                with Path(name).open("x") as file:
                    file.write(made())
        except OSError as error:
            self._session.flash(f"not written: {error}", "bad")
        else:
            text = f"{len(order)} connections and {len(lines)} events written to {Path.cwd()}"
            self._session.flash(text, "good")

    def _screenshot(self) -> None:
        name = f"chaostui-{time.strftime('%Y%m%d-%H%M%S')}.svg"
        path = self._app.save_screenshot(name, str(Path.cwd()))
        self._session.flash(f"written to {path}", "good")

    def _tap(self) -> None:
        identity = self._connection()
        if not identity:
            self._session.flash("no connection is selected", "warn")
        elif self._session.tap.connection == identity:
            self._app.workers.cancel_group(self._app, "tap")
            self._session.tap = Tap(0)
            self._session.flash("payload off")
        else:
            start(self._app, partial(self._follow, identity), "tap")

    async def _follow(self, identity: int) -> None:
        self._say("")
        self._session.flash(f"payload of #{identity} on: p switches it off")
        try:
            await self._session.follow_tap(identity)
        except (ChaosError, OSError) as error:
            self._session.tap = Tap(0)
            self._say(f"no payload: {error}")
            self._session.flash(f"no payload: {error}", "warn")

    def _say(self, problem: str) -> None:
        for screen in self._app.screen_stack:
            for pane in screen.query(StreamPane):
                pane.problem = problem
                pane.paint()
