"""The log: one line an event, on standard error or in a file, fit for any terminal."""

from __future__ import annotations

import logging
import os
import sys
import time

from chaostui.errors import Problem, SettingsError
from chaostui.events import Changed
from chaostui.safe_text import safe_text

log = logging.getLogger("chaostui")


class Line(logging.Formatter):
    """``12:04:51.203 WARNING proxy: …``: every byte from outside made harmless."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        name = record.name.removeprefix("chaostui.")
        text = safe_text(record.getMessage(), 2000)
        line = f"{clock}.{int(record.msecs):03d} {record.levelname.lower()} {name}: {text}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n    {safe_text(part, 500)}" for part in trace.splitlines())
        return line


def start(level: str, output: str) -> None:
    """Log from ``level`` on to ``output``, a file's path or ``-``; SettingsError."""
    if output == "-":
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            handler = logging.FileHandler(output, encoding="utf-8")
        except OSError as error:
            why = f"cannot write {output}: {os.strerror(error.errno or 0).lower()}"
            raise SettingsError(Problem("log_output", why)) from None
    handler.setFormatter(Line())
    logging.raiseExceptions = False  # a full disk must not print tracebacks
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(level.upper())


def changes(change: Changed) -> None:
    """Write a change of the engine's to the log."""
    moved = f": {change.before or 'normal'} -> {change.after or 'normal'}"
    told = moved if change.what == "mix" else (f": {change.after}" if change.after else "")
    proxy = f"{change.proxy}: " if change.proxy else ""
    log.info("%s%s%s (by %s)", proxy, change.what, told, change.actor)
