"""Puts session, link and app together and runs them on a loop of their own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import msgspec
import uvloop

from chaostui.tui import config as configs
from chaostui.tui.app import ConsoleApp
from chaostui.tui.link import ClientLink, LateLink, connect, own_name
from chaostui.tui.screens.base import Desk
from chaostui.tui.session import Session

TOLD_TO_END = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
DEADLY = (signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM,
          signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU)  # fmt: skip
"""Signals that would end the process with the terminal as it is: it is restored first."""
NICE = 5
"""The console yields to the engine where both want a core."""


def show(
    endpoint: str | Callable[[], str],
    *,
    owned: bool,
    profile: str,
    config: configs.ConsoleConfig | None,
    glyphs: str,
    restart: Callable[[], str] | None,
    greeting: str = "",
) -> int:
    """Show an engine until the operator quits; return the exit code."""
    link: ClientLink | LateLink
    if callable(endpoint):
        link = LateLink(endpoint, failed=lambda: app.exit(1))
    else:
        link = connect(endpoint)
    config = config if config is not None else configs.load()
    if glyphs:
        config = msgspec.structs.replace(config, glyphs=glyphs)
    desk = Desk(
        session=Session(link, actor=own_name(), profile=profile),
        config=config,
        owned=owned,
        restartable=restart is not None,
        greeting=greeting,
    )
    app = ConsoleApp(desk, restart=restart)
    os.nice(NICE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_run(app, link))
    if isinstance(link, LateLink) and link.failure is not None:
        raise link.failure
    return code


async def _run(app: ConsoleApp, link: ClientLink | LateLink) -> int:
    loop = asyncio.get_running_loop()
    for number in TOLD_TO_END:
        loop.add_signal_handler(number, app.exit, 0)
    for number in DEADLY:
        loop.add_signal_handler(number, app.exit, 128 + number)
    try:
        result = await app.run_async()
    finally:
        await link.close()
    return app.return_code or result or 0
