"""An engine in a process of its own, as Vaurien's users start and stop it."""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

READY_WITHIN = 10.0
"""Seconds an engine has to answer unless told otherwise; it takes a fifth of one."""

PATIENCE = 1.0
"""Seconds of draining that ``stop_proxy`` grants before it tells the engine to end at once."""


class Started(NamedTuple):
    """An engine of this process, and the pipe's end that says that this process lives."""

    process: subprocess.Popen[bytes]
    owned: int


_started: dict[int, Started] = {}


def start_proxy(
    proxy_host: str = "localhost",
    proxy_port: int = 8000,
    backend_host: str = "localhost",
    backend_port: int = 8888,
    protocol: str = "tcp",
    http: bool = True,
    warmup: float = READY_WITHIN,
    http_host: str = "localhost",
    http_port: int = 8080,
    options: Mapping[str, Any] | Sequence[str] | None = None,
    log_level: str = "info",
    log_output: str = "-",
    *,
    port: int | None = None,
    host: str | None = None,
) -> int:
    """Start an engine with one proxy and return its pid as soon as it answers.

    ``host`` and ``port`` are where its control API answers, so that ``start_proxy(port=8080)``
    goes with ``Client()``; ``http_host`` and ``http_port`` are the same in Vaurien 2's words.
    Without ``http`` it answers on a port that is free, and on a Unix socket as always.
    ``options`` are settings of handlers (``{"delay.sleep": 2}``) or further arguments of the
    command line. ``warmup`` is how many seconds the start may take. The engine ends with this
    process, whatever becomes of it.

    Raises ValueError with the engine's own message when it could not start.
    """
    command = [sys.executable, "-m", "chaostui", "--headless"]
    command += ["--proxy", _address(proxy_host, proxy_port)]
    command += ["--backend", _address(backend_host, backend_port)]
    command += ["--protocol", protocol, "--log-level", log_level, "--log-output", log_output]
    api_port = (port or http_port) if http else 0
    command += ["--http-host", host or http_host, "--http-port", str(api_port)]
    if isinstance(options, Mapping):
        for name, value in options.items():
            command += ["--set", f"{name}={_plain(value)}"]
    else:
        command += options or []
    return _start(command, warmup)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _start(command: list[str], seconds: float) -> int:
    """Run the engine; it writes one JSON line into a pipe when all is bound, or why not.

    Another pipe tells it that this process is gone.
    """
    ready, telling = os.pipe()
    watched, owned = os.pipe()
    command = [*command, "--ready-fd", str(telling), "--owner-fd", str(watched)]
    try:
        process = _popen(command, telling, watched)
        problem = _problem(_line(ready, seconds), process, seconds)
    except BaseException:
        os.close(owned)
        raise
    finally:
        os.close(ready)
    if problem:
        process.kill()
        process.wait()
        os.close(owned)
        raise ValueError(problem)
    _started[process.pid] = Started(process, owned)
    return process.pid


def _popen(command: list[str], *passed: int) -> subprocess.Popen[bytes]:
    """Run a command that gets these descriptors, and close them here."""
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=passed)
    finally:
        for fd in passed:
            os.close(fd)


def _line(fd: int, seconds: float) -> bytes | None:
    """What the engine says about itself; None where it says nothing in time."""
    deadline = time.monotonic() + seconds
    said = b""
    while not said.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], max(deadline - time.monotonic(), 0.0))
        if not ready:
            return None
        piece = os.read(fd, 65536)
        if not piece:
            break
        said += piece
    return said


def _problem(said: bytes | None, process: subprocess.Popen[bytes], seconds: float) -> str:
    """Why the engine is not usable, or nothing."""
    if said is None:
        return f"the engine was not ready after {seconds:g} s"
    if not said:
        return f"the engine ended with exit code {process.wait()} before it was ready"
    told = msgspec.json.decode(said)
    return str(told.get("error", ""))


def stop_proxy(pid: int) -> None:
    """Stop an engine that ``start_proxy`` started, and wait until it is gone.

    It may drain for a second; connections that are still open then are cut. Raises ValueError
    for a pid that ``start_proxy`` did not return, or that was stopped already.
    """
    started = _started.pop(pid, None)
    if started is None:
        raise ValueError("Not found")
    try:
        _end(started.process)
    finally:
        os.close(started.owned)


def _end(process: subprocess.Popen[bytes]) -> None:
    # A second SIGTERM ends an engine that drains.
    for seconds in (PATIENCE, 2.0):
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


@atexit.register
def _stop_all() -> None:
    """Leave no engine behind that the program forgot."""
    for pid in list(_started):
        stop_proxy(pid)
