"""The console: a Textual app that is the client of an engine.

``model`` knows and computes, without Textual; ``session`` keeps the link to the engine;
``actions`` is the table of everything an operator can do; ``widgets`` draw; ``screens`` put
them together; ``app`` routes. Importing this module loads none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaostui.tui.config import ConsoleConfig

NICE = 5
"""The console yields to the engine where both want a core."""


def run_console(
    endpoint: str,
    *,
    owned: bool,
    profile_path: str | None = None,
    keep: bool = False,
    config: ConsoleConfig | None = None,
    restart: Callable[[], str] | None = None,
) -> int:
    """Show the engine at ``endpoint`` until the operator quits; return the exit code.

    ``endpoint`` is ``unix:/path`` or ``http://host:port``; ``owned`` says that the engine ends
    with this console (unless ``keep``); ``restart`` starts a new one and returns its endpoint.
    Without a terminal it says so and returns 2. Raises SettingsError for a bad ``config.toml``.
    """
    import asyncio
    import os
    import signal
    import sys

    # Textual reads standard input and draws on standard error.
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or os.environ.get("TERM") == "dumb":
        print("chaostui: the console needs a terminal; use --headless", file=sys.stderr)
        return 2

    import uvloop

    from chaostui.tui import config as configs
    from chaostui.tui.app import ConsoleApp
    from chaostui.tui.link import connect
    from chaostui.tui.screens.base import Desk
    from chaostui.tui.session import Session

    link = connect(endpoint)
    desk = Desk(
        session=Session(link),
        config=config if config is not None else configs.load(),
        profile=profile_path or "",
        endpoint=endpoint,
        owned=owned and not keep,
        restartable=restart is not None,
    )

    async def show() -> int:
        app = ConsoleApp(desk, restart=restart)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, app.exit, 0)
        try:
            result = await app.run_async()
        finally:
            await link.close()
        return app.return_code or result or 0

    os.nice(NICE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(show())
