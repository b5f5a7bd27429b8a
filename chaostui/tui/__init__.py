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


def run_console(
    endpoint: str | Callable[[], str],
    *,
    owned: bool,
    profile_path: str | None = None,
    keep: bool = False,
    config: ConsoleConfig | None = None,
    glyphs: str = "",
    restart: Callable[[], str] | None = None,
    greeting: str = "",
) -> int:
    """Show the engine at ``endpoint`` until the operator quits; return the exit code.

    ``endpoint`` is ``unix:/path`` or ``http://host:port``, or a function that starts an engine
    and returns that: it runs in a thread while the console already paints, and what it raises
    is raised here once the terminal is as it was. ``owned`` says that the engine ends
    with this console (unless ``keep``); ``glyphs`` is put over what ``config`` says;
    ``restart`` starts a new engine and returns its endpoint; ``greeting`` is a line on what to
    press that stands under the top bar.
    Without a terminal it says so and returns 2. Raises SettingsError for a bad ``config.toml``.
    """
    import os
    import sys

    # Textual reads standard input and draws on standard error.
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or os.environ.get("TERM") == "dumb":
        print("chaostui: the console needs a terminal; use --headless", file=sys.stderr)
        return 2
    from chaostui.tui.show import show

    return show(
        endpoint,
        owned=owned and not keep,
        profile=profile_path or "",
        config=config,
        glyphs=glyphs,
        restart=restart,
        greeting=greeting,
    )
