"""What one connection meets, a line each in the log at ``debug``: open, dial, draw, release, close.

Whoever has something to say asks ``on()`` first, so that nothing is computed while nobody reads.
"""

from __future__ import annotations

import logging
from functools import partial

from chaostui.safe_text import safe_text

log = logging.getLogger("chaostui.connection")

on = partial(log.isEnabledFor, logging.DEBUG)
"""Whether such lines are written now."""


def say(proxy: str, connection: int, what: str) -> None:
    """Write ``what`` a connection has met, on one line fit for a terminal."""
    log.debug("%s", safe_text(f"{proxy} #{connection}: {what}", 500))
