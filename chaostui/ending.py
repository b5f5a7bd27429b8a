"""How an engine's process ends, whatever runs in it: users' code may keep the loop for good."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from chaostui import log as logs, warden
from chaostui.warden import Warden

log = logging.getLogger("chaostui")

CUT = 4
OWNER_GONE = "owner gone"
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""What asks for the end, and the exit code when it is asked for twice."""
GRACE = 1.6
"""Seconds beside the drain that an orderly end may take."""
FLUSH = 0.25
"""Seconds that the last lines of the log have."""


class Ending:
    """Listens to the signals that ask for the end.

    The first one is handed to ``leave``, on the main thread in the midst of whatever runs; when
    the process is still there ``GRACE`` seconds after the drain, it ends with 4. A second signal
    ends it at once. ``tidy`` is called before either.
    """

    def __init__(
        self, leave: Callable[[str], None], drain: Callable[[str], float], tidy: Callable[[], None]
    ) -> None:
        self._leave = leave
        self._drain = drain
        self._tidy = tidy
        self._asked = False
        self._warden: Warden | None = None
        # A signal may interrupt anything, so what it does must hold no lock.
        self._limits: queue.SimpleQueue[float] = queue.SimpleQueue()

    def listen(self, owner: int | None) -> None:
        """Begin; for the main thread alone.

        ``owner`` is a pipe's reading end: when its other end closes, that asks for the end too.
        """
        threading.Thread(target=self._watch, name="chaostui ending", daemon=True).start()
        if owner is not None:
            watch = threading.Thread(target=self._watch_owner, args=(owner,), daemon=True)
            watch.start()
        for number in SIGNALS:
            signal.signal(number, self._signalled)

    def watch_over(self) -> None:
        """Have a process beside this one name and end what keeps Python itself from running."""
        self._warden = warden.start(logs.descriptor())
        if self._warden is not None:
            self._warden.beat(self._drain(""))
            for number in SIGNALS:
                self._warden.listen(number)

    def ask(self, why: str) -> None:
        """Ask for the end, as a first signal does. May be called from any thread, or twice."""
        if not self._asked:
            self._asked = True
            self._limits.put(self._drain(why) + GRACE)
            self._leave(why)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._asked:
            log.warning("second signal: ending at once")
            self.at_once(SIGNALS[signal.Signals(number)])
        self.ask(signal.Signals(number).name)

    def at_once(self, code: int) -> None:
        """End the process now, with ``code``."""
        self._tidy()
        logs.flush(FLUSH)
        os._exit(code)

    def _watch_owner(self, fd: int) -> None:
        while os.read(fd, 64):
            pass
        self.ask(OWNER_GONE)

    def _watch(self) -> None:
        ends: float | None = None
        while ends is None or time.monotonic() < ends:
            if self._warden is not None:
                self._warden.beat(self._drain(""))
            with contextlib.suppress(queue.Empty):
                ends = time.monotonic() + self._limits.get(timeout=warden.BEAT)
        log.error("the engine has not ended in time: it is ended now")
        self.at_once(CUT)
