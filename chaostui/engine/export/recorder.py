"""Writes a record: what happened in an engine, as JSON lines, for ``chaostui report``.

A run is a line with ``record`` and the engine as it begins, a line per event, and a line with
``end`` and the engine as it ends. A file may hold several runs, one after the other. Requests
stand there by their names, which hold no secrets; bytes of the traffic do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import time
from typing import TYPE_CHECKING, BinaryIO, Literal

import msgspec

from chaostui.engine.callables.threads import Threads
from chaostui.errors import Problem, SettingsError
from chaostui.safe_text import safe_text
from chaostui.wire.views import EngineView

if TYPE_CHECKING:
    from chaostui.engine.control.supervisor import Supervisor

log = logging.getLogger("chaostui.record")

INTERVAL = 0.2
"""Seconds between two writes: what a killed engine loses of its record."""
PATIENCE = 2.0
"""Seconds that the end waits for a disk."""
BEGIN = b'{"record":'


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a run."""

    record: Literal[1]
    at: float
    """Epoch seconds."""
    engine: EngineView


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Events came faster than they were written."""

    lost: int


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a run."""

    end: float
    """Epoch seconds."""
    engine: EngineView


def open_record(path: str) -> BinaryIO:
    """Open a record to write at its end: a new file for the owner alone, or an earlier record.

    Raises SettingsError with one line; what is there is never overwritten, no link followed.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
    except OSError as error:
        link = error.errno == errno.ELOOP
        raise _problem(path, "a link is not followed" if link else words(error)) from None
    size = os.fstat(file.fileno()).st_size
    if size and file.read(len(BEGIN)) != BEGIN:
        file.close()
        raise _problem(path, "there is a file already that is no record; name another one")
    if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
        file.write(b"\n")  # the engine that wrote here was killed
    return file


def words(error: OSError) -> str:
    """What the system said, as the end of a line."""
    text = os.strerror(error.errno or 0)
    return text[:1].lower() + text[1:]


def _problem(path: str, what: str) -> SettingsError:
    return SettingsError(Problem(f"--record {safe_text(path)}", what))


class Recorder:
    """Writes the events of an engine to a file, off its loop."""

    def __init__(self, supervisor: Supervisor, file: BinaryIO) -> None:
        self._supervisor = supervisor
        self._file = file
        self._seen = 0
        self._ending = asyncio.Event()
        self._encoder = msgspec.json.Encoder()
        self._task: asyncio.Task[None] | None = None
        self._thread = Threads(1)

    def start(self) -> None:
        """Write until ``finish``, or until the disk refuses: traffic goes on either way."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def finish(self) -> None:
        """Write what is left, and the end; a disk that hangs is waited for ``PATIENCE`` seconds."""
        self._ending.set()
        if self._task is not None:
            try:
                await asyncio.wait_for(self._task, PATIENCE)
            except TimeoutError:
                log.warning("the record has no end: its disk does not answer")

    async def _run(self) -> None:
        engine = self._supervisor.view()
        try:
            await self._write([Begin(record=1, at=time.time(), engine=engine)])
            while not self._ending.is_set():
                await self._note()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), INTERVAL)
            end = End(end=time.time(), engine=self._supervisor.view())
            await self._write([*self._fresh(), end])
        except OSError as error:
            log.warning("the record ends here: %s", words(error))
        finally:
            self._file.close()

    async def _note(self) -> None:
        """Write what is new; what cannot be written down is left out."""
        try:
            await self._write(self._fresh())
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  (the next events are another matter)
            self._supervisor.core.jobs.failed("recording", error)

    def _fresh(self) -> list[msgspec.Struct]:
        events, lost = self._supervisor.bus.since(self._seen)
        self._seen = self._supervisor.bus.newest
        return [*([Lost(lost=lost)] if lost else []), *events]

    async def _write(self, lines: list[msgspec.Struct]) -> None:
        if lines:
            data = self._encoder.encode_lines(lines)
            await self._thread.run(lambda: self._write_all(data))

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
