"""A process beside the engine's, for what no code inside it can do.

A loop in C that keeps the interpreter's lock (a regular expression that backtracks, ``sum`` of
an endless range) stops every thread and every handler of a signal. What still runs then is
``faulthandler``: written in C, it writes where the program is, and that a signal has come, to
pipes that this process reads.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import logging
import os
import re
import select
import signal
import time
from pathlib import Path

from chaostui import log as logs
from chaostui.safe_text import safe_text

BEAT = 0.25
"""Seconds between two signs of life."""
SILENT = 1.0
"""Seconds without one after which the interpreter's lock is called held."""
GRACE = 1.4
"""Seconds beside the drain that an engine whose lock is held has to end."""
PATIENCE = 0.5
"""Seconds that the end may take then."""
DUMP = signal.SIGUSR2
"""Asks the engine where it is."""
CUT = signal.SIGILL
"""Ends the engine with its own number as exit code, which is 4: the drain's deadline passed."""
FILES = Path("/proc/self/fd")
OURS = str(Path(__file__).parent)
FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)
DUMPED = b"most recent call first"


class Warden:
    """The engine's ends of the pipes."""

    def __init__(self, alive: int, signals: int) -> None:
        self._alive = alive
        self._signals = signals

    def beat(self, drain: float) -> None:
        """Say that Python runs, and how many seconds a drain may take."""
        with contextlib.suppress(OSError):
            os.write(self._alive, b"%.3f\n" % drain)

    def listen(self, number: int) -> None:
        """Be told of a signal; its handler is there already, and is called as well."""
        faulthandler.register(number, file=self._signals, all_threads=False, chain=True)


def start(fd: int) -> Warden | None:
    """Start the process, which writes to the log's descriptor ``fd``.

    It ends with the engine. None where the system has not what it takes.
    """
    import ctypes  # 5 ms, which nobody waits for here

    if not FILES.exists():
        return None
    try:
        libc = ctypes.CDLL(None)
        libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
        leave = getattr(libc, "_exit")  # noqa: B009  (it is libc's own name)
        libc.signal(CUT, ctypes.cast(leave, ctypes.c_void_p))
    except (OSError, AttributeError):
        return None
    pipes = [os.pipe() for _ in range(3)]
    engine = os.getpid()
    if not os.fork():
        try:
            _Watch(engine, fd, *[reading for reading, _ in pipes]).run()
        finally:
            os._exit(0)
    for reading, writing in pipes:
        os.close(reading)
        os.set_blocking(writing, False)
    alive, signals, dumps = [writing for _, writing in pipes]
    faulthandler.register(DUMP, file=dumps, all_threads=False)
    return Warden(alive, signals)


class _Watch:
    """What the process does."""

    def __init__(self, engine: int, log: int, alive: int, signals: int, dumps: int) -> None:
        self._engine = engine
        self._log = log
        self._alive = alive
        self._signals = signals
        self._dumps = dumps
        self._drain = 0.0
        self._asked: list[float] = []
        self._last: float | None = None
        self._told = False

    def run(self) -> None:
        """Watch until the engine has ended."""
        self._let_go()
        before = time.monotonic()
        while True:
            ready, _, _ = select.select((self._alive, self._signals), (), (), BEAT)
            now = time.monotonic()
            if self._last is not None:
                # Where this process has not run, the engine may not have run either.
                missed = max(now - before - 2 * BEAT, 0.0)
                self._last = now if self._stopped() else min(self._last + missed, now)
            before = now
            if self._alive in ready and not self._beats(now):
                return
            if self._signals in ready:
                self._asked += [now] * os.read(self._signals, 65_536).count(DUMPED)
            if self._last is not None and now - self._last >= SILENT:
                self._held(now, now - self._last)

    def _let_go(self) -> None:
        """Keep no file of the engine's but what is needed, and end with it, not with a signal."""
        gc.disable()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, DUMP):
            signal.signal(number, signal.SIG_IGN)
        kept = {self._log, self._alive, self._signals, self._dumps}
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in {0, 1, 2} - kept:
            os.dup2(nothing, fd)
        for fd in [int(path.name) for path in FILES.iterdir()]:
            if fd > 2 and fd not in kept:
                with contextlib.suppress(OSError):
                    os.close(fd)

    def _beats(self, now: float) -> bool:
        """Read signs of life; False when the engine has ended."""
        data = os.read(self._alive, 65_536)
        if data:
            self._last, self._told = now, False
            self._drain = float(data.split()[-1])
        return bool(data)

    def _stopped(self) -> bool:
        """Whether somebody has stopped the engine, as a debugger does."""
        try:
            state = Path(f"/proc/{self._engine}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state in "Tt"

    def _held(self, now: float, seconds: float) -> None:
        if not self._told:
            self._told = True
            self._say(f"{safe_text(self._place())} has blocked the loop for {seconds:.1f} s")
        if len(self._asked) > 1 or (self._asked and now > self._asked[0] + self._drain + GRACE):
            self._say("the engine cannot end by itself: it is ended now")
            os.kill(self._engine, CUT)
            if not select.select((self._alive,), (), (), PATIENCE)[0]:
                os.kill(self._engine, signal.SIGKILL)

    def _place(self) -> str:
        """The code that runs: where a user's own was called, if it was."""
        os.kill(self._engine, DUMP)
        dump = b""
        while select.select((self._dumps,), (), (), 0.1)[0]:
            data = os.read(self._dumps, 65_536)
            if not data:
                break  # the engine has ended
            dump += data
        frames = FRAME.findall(dump.decode("utf-8", "replace"))
        if not frames:
            return "something"
        ours = [at for at, (file, _, _) in enumerate(frames) if file.startswith(OURS)]
        file, line, name = frames[max(ours[0] - 1, 0)] if ours else frames[0]
        return f"{name} at {file}:{line}"

    def _say(self, what: str) -> None:
        """Write a line to the log, if that does not wait."""
        if select.select((), (self._log,), (), 0)[1]:
            record = logging.makeLogRecord(
                {"name": "chaostui.loop", "levelname": "WARNING", "msg": what}
            )
            with contextlib.suppress(OSError):
                os.write(self._log, f"{logs.Line().format(record)}\n".encode())
