"""Writes what is meant for people without ever waiting for them.

A pipe that nobody reads, a terminal that is stopped (ctrl-S) and a disk that hangs make a write
wait for ever; a full disk makes it fail. Here a thread of its own waits instead, and what comes
meanwhile is kept up to a bound, then dropped and counted.
"""

from __future__ import annotations

import contextlib
import io
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

LIMIT = 1_048_576
"""Bytes that wait to be written; what comes beyond them is dropped."""
BATCH = 65_536
"""Bytes after which a write begins, however many there are."""
PAUSE = 0.02
"""Seconds between two tries on a descriptor that somebody else has made non-blocking."""
STUCK = 0.25
"""Seconds without progress after which a flush gives up: nobody reads."""
LOOK = 0.0005
"""Seconds between two looks at whether all was written."""


def _lost(count: int) -> str:
    return f"{count} lines were lost: nobody read them in time\n"


class Writer:
    """The way to one file descriptor, which stays open; safe in threads and signal handlers."""

    def __init__(self, fd: int, lost: Callable[[int], str] = _lost) -> None:
        self.fd = fd
        self._say_lost = lost
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._waiting = 0
        self._started = False
        self._torn = False
        """The last write has failed within a line."""
        self.lost = 0
        """Pieces that were dropped and have not been told of."""

    def put(self, text: str) -> None:
        """Have ``text`` written, or drop it where too much waits already."""
        self.put_bytes(text.encode("utf-8", "backslashreplace"))

    def put_bytes(self, data: bytes) -> None:
        """Have ``data`` written, or drop it where too much waits already."""
        with self._lock:
            if self._waiting + len(data) > LIMIT:
                self.lost += 1
                return
            self._waiting += len(data)
            self._queue.put(data)
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._run, name="chaostui writer", daemon=True).start()

    def flush(self, within: float) -> bool:
        """Wait until all was written, up to ``within`` seconds while there is progress.

        Returns whether it was.
        """
        now = time.monotonic()
        deadline, stuck, before = now + within, now + STUCK, self._waiting
        while self._waiting and now < min(deadline, stuck):
            time.sleep(LOOK)  # noqa: TID251  (by now nobody else has anything to do)
            now = time.monotonic()
            if self._waiting < before:
                before, stuck = self._waiting, now + STUCK
        return not self._waiting

    # -- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            pieces = [self._queue.get()]
            size = len(pieces[0])
            with contextlib.suppress(queue.Empty):
                while size < BATCH:
                    pieces.append(self._queue.get_nowait())
                    size += len(pieces[-1])
            written = self._write(b"".join(pieces))
            with self._lock:
                self._waiting -= size
                if not written:
                    self.lost += len(pieces)
            if written:
                self._tell_lost()

    def _tell_lost(self) -> None:
        with self._lock:
            lost, self.lost = self.lost, 0
        if lost and not self._write(self._say_lost(lost).encode()):
            with self._lock:
                self.lost += lost

    def _write(self, data: bytes) -> bool:
        """Write all of it, however long that takes; False when it cannot be."""
        rest = memoryview(b"\n" + data if self._torn else data)
        whole = len(rest)
        while rest:
            try:
                rest = rest[os.write(self.fd, rest) :]
            except BlockingIOError:
                select.select((), (self.fd,), (), PAUSE)
            except OSError:
                self._torn = self._torn or len(rest) < whole
                return False
        self._torn = False
        return True


class Bytes(io.RawIOBase):
    """A writer in the shape of ``sys.stderr.buffer``."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._writer.fd

    def write(self, data: Buffer, /) -> int:
        """Take bytes; never waits."""
        copy = bytes(data)
        self._writer.put_bytes(copy)
        return len(copy)


class Stream(io.TextIOBase):
    """An writer in the shape of ``sys.stderr``, for all that writes there: users' ``print``,
    warnings, tracebacks of threads."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer
        self.buffer = Bytes(writer)
        """Where ``sys.stderr.buffer.write`` ends."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._writer.fd

    def isatty(self) -> bool:
        return os.isatty(self._writer.fd)

    def write(self, text: str, /) -> int:
        """Take text; never waits. Raises TypeError for anything else."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes str, not {type(text).__name__}")
        if text:
            self._writer.put(text)
        return len(text)
