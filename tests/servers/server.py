"""What all real servers have in common: a process, a directory, a port."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

from tests.tcp import free_port
from tests.wait import until

PLACES = (
    os.environ.get("PATH", ""),
    "/usr/sbin",
    "/usr/local/sbin",
    *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),
)


MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that must be free in memory for servers to keep their data there."""


class MissingServer(Exception):
    """A server's program is not installed."""


def program(name: str) -> str:
    """Find a program on PATH or where Debian keeps servers.

    With ``CHAOSTUI_HIDE_SERVERS=1`` there is none, as on a machine that has just Python.
    """
    hidden = os.environ.get("CHAOSTUI_HIDE_SERVERS") == "1"
    found = None if hidden else shutil.which(name, path=os.pathsep.join(PLACES))
    if not found:
        raise MissingServer(f"{name} is not installed")
    return found


def as_user(user: str, command: list[str]) -> list[str]:
    """Have ``command`` drop root for ``user``, when there is a user and the tests are root."""
    if not user or os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *command]


def scratch() -> Path:
    """Make a directory that any user can reach, in memory if there is room: databases are big."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return Path(tempfile.mkdtemp(prefix="chaostui-test-", dir=MEMORY if roomy else None))


@functools.cache
def template(make: Callable[[Path], None]) -> Path:
    """Have ``make`` fill a directory once in a test process; servers start from copies of it."""
    directory = scratch()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    make(directory)
    return directory


class Server:
    """A real server. Its port stays the same over restarts, its data too."""

    user: ClassVar[str] = ""
    """The account it must run as when the tests run as root."""
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    patience: ClassVar[float] = 20.0
    """Seconds until it must answer, on a machine that is busy."""

    def __init__(self, *options: str) -> None:
        self.options = options
        self.host = "127.0.0.1"
        self.port = free_port()
        self.directory = scratch()
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Write what the server needs in its directory before its first start."""

    def command(self) -> list[str]:
        """Say how to run it in the foreground."""
        raise AssertionError("each server has its own command")

    def ping(self) -> None:
        """Ask it something as a client would; raises while it is not ready."""

    def start(self) -> None:
        """Start it and return when it answers a client."""
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._bound_to_this_process(self.command()),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        until(self._answers, within=self.patience, what=f"{self!r} answers")

    def stop(self) -> None:
        """End it as an operator would; return when it has ended."""
        self._signal(self.stop_signal)

    def kill(self) -> None:
        """End it and its children as a power cut would."""
        self._signal(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it, then start it on the same port with the same data."""
        self.stop()
        self.start()

    @property
    def address(self) -> str:
        """``host:port``, as a profile's ``backend`` wants it."""
        return f"{self.host}:{self.port}"

    @property
    def log(self) -> str:
        """Everything it has written to its output."""
        return (self.directory / "log").read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        if not self.process:
            return
        if number is signal.SIGKILL:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(self.patience)
        self.process = None

    def _answers(self) -> bool:
        assert self.process, "not started"
        if self.process.poll() is not None:
            raise AssertionError(f"{self!r} ended at once:\n{self.log[-2000:]}")
        try:
            # Some clients leak a socket for each connection that is refused.
            socket.create_connection((self.host, self.port), timeout=2).close()
            self.ping()
        except Exception:  # noqa: BLE001 (each client has its own words for "not yet")
            return False
        return True

    def _bound_to_this_process(self, command: list[str]) -> list[str]:
        """Have the kernel end it when the tests are killed."""
        if not (setpriv := shutil.which("setpriv")):
            return as_user(self.user, command)
        return as_user(self.user, [setpriv, "--pdeathsig", self.stop_signal.name[3:], *command])

    def __enter__(self) -> Self:
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}>"
