"""An engine in a process of its own, and the console on it.

A console in the engine's process, in its loop or in a thread, would add 10 to 100 ms to the
p99 of what is proxied; as a process it adds nothing.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from chaostui.errors import CannotListen, ChaosError, EngineUnreachable, Problem, SettingsError
from chaostui.safe_text import safe_text
from chaostui.tui import run_console

QUIET = 0.3
"""Seconds that an engine may take to end before a word is said about it."""
PATIENCE = 5.0
"""Seconds that it may take at all; then it is left to end by itself."""
LOGS_KEPT = 20


class OwnEngine:
    """The engine of one console: it ends when the console does, unless it is to be kept."""

    def __init__(self, arguments: Sequence[str], *, keep: bool = False) -> None:
        self._arguments = list(arguments)
        self._keep = keep
        self._process: subprocess.Popen[bytes] | None = None
        self._owned = -1
        self.log = Path()
        self._said: dict[str, Any] = {}

    def start(self) -> str:
        """Start it, or start it again, and return where it answers.

        Raises SettingsError, CannotListen or EngineUnreachable in the engine's own words.
        """
        self.stop()
        ready, telling = os.pipe()
        watched, self._owned = os.pipe()
        self.log = log_file()
        command = [sys.executable, "-m", "chaostui", *self._arguments, "--ready-fd", str(telling)]
        passed = [telling]
        if not self._keep:
            command += ["--owner-fd", str(watched)]
            passed.append(watched)
        # A traceback on the terminal would spoil the screen, a ctrl+c would end the engine.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=passed,
                start_new_session=True,
            )
        os.close(telling)
        os.close(watched)
        with os.fdopen(ready, "rb") as pipe:
            self._said = said = msgspec.json.decode(pipe.readline() or b"{}")
        if "unix" not in said:
            raise failure(self._process.wait(), said.get("error") or self._last_words())
        return f"unix:{said['unix']}"

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "the engine ended before it was ready"

    def stop(self) -> None:
        """Let it drain and wait for its end, so that its ports are free; a kept one goes on."""
        if self._owned < 0:
            return
        os.close(self._owned)
        self._owned = -1
        if self._process is None or self._keep or self._ended(QUIET):
            return
        print("chaostui: the engine ends; open connections have a second", file=sys.stderr)
        if not self._ended(PATIENCE):
            print(f"chaostui: it takes long to end, see {self.log}", file=sys.stderr)

    def _ended(self, within: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def farewell(self) -> list[str]:
        """What to say of an engine that goes on: where it is, how to come back, how to end it."""
        if not self._keep or self._process is None or self._process.poll() is not None:
            return []
        place = shlex.quote(f"unix:{self._said['unix']}")
        proxies = ", ".join(f"{name} on {where}" for name, where in self._said["proxies"].items())
        return [
            f"The engine goes on (pid {self._said['pid']}{': ' * bool(proxies)}{proxies}).",
            f"  watch it again:  chaostui attach {place}",
            f"  end it:          chaostui ctl stop --api {place}",
        ]


def failure(code: int, said: str) -> ChaosError:
    """The error that an engine ended with, by its exit code and its words."""
    if code == 3:
        return CannotListen(said)
    if code == 2:
        return SettingsError(*(Problem("", line) for line in said.splitlines()))
    return EngineUnreachable(f"the engine ended with exit code {code}: {said}")


def log_file() -> Path:
    """A new file for an engine's log; the oldest ones go."""
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        folder = (Path(state) if state else Path.home() / ".local/state") / "chaostui"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a read-only home, or none
        folder = Path(tempfile.mkdtemp(prefix="chaostui-"))
    for old in sorted(folder.glob("engine-*.log"))[:-LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return folder / f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


def own(
    arguments: Sequence[str],
    *,
    profile: str = "",
    keep: bool = False,
    glyphs: str = "",
    greeting: str = "",
) -> int:
    """Start an engine with these arguments, show it, and end it when the console ends."""
    engine = OwnEngine(arguments, keep=keep)
    try:
        return run_console(
            engine.start,  # meanwhile the console paints
            owned=True,
            profile_path=profile or None,
            keep=keep,
            glyphs=glyphs,
            restart=engine.start,
            greeting=greeting,
        )
    finally:
        engine.stop()
        for line in engine.farewell():
            print(safe_text(line, 1000))


def attach(endpoint: str, *, glyphs: str = "") -> int:
    """Show an engine that runs already, and leave it running."""
    return run_console(endpoint, owned=False, glyphs=glyphs)
