"""A headless engine in a process of its own, as operators and test suites run it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from chaostui.client import Client
from tests import tcp

ROOT = Path(__file__).parents[2]
READY_WITHIN = 20.0
"""Seconds for a start on a machine that is busy; it takes a fifth of one."""


class Headless:
    """``python -m chaostui --headless`` with some arguments; killed at the end at the latest.

    ``ready`` is what it said when all was bound, or nothing when it ended before.
    """

    def __init__(
        self,
        *arguments: str | Path,
        environ: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        owned: bool = False,
        **popen: Any,
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the engine)
        self._client: Client | None = None
        ready, telling = os.pipe()
        passed = [telling]
        command = [*prefix, sys.executable, "-m", "chaostui", "--headless", *map(str, arguments)]
        command += ["--ready-fd", str(telling)]
        self._owner = -1
        if owned:
            watched, self._owner = os.pipe()
            command += ["--owner-fd", str(watched)]
            passed.append(watched)
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": self._log}
        self.process = subprocess.Popen(
            command,
            pass_fds=passed,
            env=dict(os.environ if environ is None else environ) | {"PYTHONPATH": str(ROOT)},
            **{**given, **popen},
        )
        for fd in passed:
            os.close(fd)
        self.ready: dict[str, Any] = _json(ready)
        os.close(ready)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def address(self, proxy: str = "proxy") -> tcp.Address:
        """Where a proxy listens."""
        host, _, port = self.ready["proxies"][proxy].rpartition(":")
        return host, int(port)

    def ask(self) -> Client:
        """Its HTTP API."""
        if self._client is None:
            host, _, port = self.ready["api"].rpartition(":")
            self._client = Client(host, int(port))
        return self._client

    def signal(self, number: signal.Signals) -> float:
        """Send a signal; return when, on the monotonic clock."""
        self.process.send_signal(number)
        return time.monotonic()

    def wait(self, within: float = 15.0) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait(within)

    def disown(self) -> None:
        """Close the owner's end of its pipe, as the kernel does when an owner dies."""
        os.close(self._owner)
        self._owner = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        if self._owner >= 0:
            self.disown()
        if self._client is not None:
            self._client.close()
        if unix := self.ready.get("unix"):
            Path(unix).unlink(missing_ok=True)
        self._log.close()


def _json(fd: int) -> dict[str, Any]:
    said = b""
    deadline = time.monotonic() + READY_WITHIN
    while not said.endswith(b"\n"):
        readable, _, _ = select.select([fd], [], [], max(deadline - time.monotonic(), 0))
        assert readable, f"the engine said nothing in {READY_WITHIN} s"
        piece = os.read(fd, 65536)
        if not piece:
            return {}
        said += piece
    told: dict[str, Any] = json.loads(said)
    return told if "pid" in told else {}
