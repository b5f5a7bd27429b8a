"""The log: one line an event, on standard error or in a file, fit for any terminal."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time

from chaostui.errors import Problem, SettingsError
from chaostui.events import Changed
from chaostui.safe_text import safe_text
from chaostui.writer import Stream, Writer

log = logging.getLogger("chaostui")
STDERR = 2


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


class Lines(logging.Handler):
    """Gives each record to a writer, as a line."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer
        self.setFormatter(Line())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.writer.put(self.format(record) + "\n")
        except Exception:  # noqa: BLE001  (a record that cannot be told must not end anything)
            self.handleError(record)


_writers: list[Writer] = []


def start(level: str, output: str) -> None:
    """Log from ``level`` on to ``output``, a file's path or ``-``; SettingsError."""
    fd = STDERR if output == "-" else _open(output)
    writer = Writer(fd, _lost)
    logging.raiseExceptions = False  # a full disk must not print tracebacks
    log.handlers[:] = [Lines(writer)]
    log.propagate = False
    log.setLevel(level.upper())
    _writers[:] = [writer]
    atexit.unregister(flush)
    atexit.register(flush)


def take_streams() -> None:
    """Let nothing in this process wait for who reads its standard output and standard error.

    What libraries and users' code log, warn of or print goes the log's way from now on.
    """
    (handler,) = log.handlers
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            continue
        stream.flush()
        writer = Writer(stream.fileno())
        _writers.append(writer)
        setattr(sys, name, Stream(writer))


def descriptor() -> int:
    """Where the log goes."""
    return _writers[0].fd


def flush(within: float = 1.0) -> None:
    """Wait up to ``within`` seconds until what was said is written; a process that ends does."""
    deadline = time.monotonic() + within
    for writer in _writers:
        writer.flush(max(deadline - time.monotonic(), 0.0))


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        why = f"cannot write {path}: {os.strerror(error.errno or 0).lower()}"
        raise SettingsError(Problem("log_output", why)) from None


def _lost(count: int) -> str:
    what = f"{count} lines of the log were lost: it could not be written in time"
    return (
        Line().format(log.makeRecord("chaostui.log", logging.WARNING, "", 0, what, (), None)) + "\n"
    )


def changes(change: Changed) -> None:
    """Write a change of the engine's to the log."""
    moved = f": {change.before or 'normal'} -> {change.after or 'normal'}"
    told = moved if change.what == "mix" else (f": {change.after}" if change.after else "")
    proxy = f"{change.proxy}: " if change.proxy else ""
    log.info("%s%s%s (by %s)", proxy, change.what, told, change.actor)
