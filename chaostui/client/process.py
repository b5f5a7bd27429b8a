"""An engine in a process of its own, as Vaurien's users start and stop it."""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

READY_WITHIN = 10.0
"""Seconds an engine has to answer unless told otherwise; it takes a fifth of one."""

PATIENCE = 1.0
"""Seconds of draining that ``stop_proxy`` grants before it tells the engine to end at once."""

_started: dict[int, subprocess.Popen[bytes]] = {}


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
    ``options`` are settings of handlers (``{"delay.sleep": 2}``) or further arguments of the
    command line. ``warmup`` is how many seconds the start may take.

    Raises ValueError with the engine's own message when it could not start.
    """
    command = [sys.executable, "-m", "chaostui", "--headless"]
    command += ["--proxy", _address(proxy_host, proxy_port)]
    command += ["--backend", _address(backend_host, backend_port)]
    command += ["--protocol", protocol, "--log-level", log_level, "--log-output", log_output]
    if http:
        command += ["--http-host", host or http_host, "--http-port", str(port or http_port)]
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
    """Run the engine; it writes one JSON line into a pipe when all is bound, or why not."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [*command, "--ready-fd", str(writing)],
            stdin=subprocess.DEVNULL,
            pass_fds=(writing,),
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        said = _line(reading, seconds)
    finally:
        os.close(reading)
    problem = _problem(said, process, seconds)
    if problem:
        process.kill()
        process.wait()
        raise ValueError(problem)
    _started[process.pid] = process
    return process.pid


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
    process = _started.pop(pid, None)
    if process is None:
        raise ValueError("Not found")
    # A second SIGTERM ends an engine that drains.
    for kind, seconds in ((signal.SIGTERM, PATIENCE), (signal.SIGTERM, 2.0)):
        process.send_signal(kind)
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
