"""The console in a real terminal, on a real engine: what arrives there, and how it is left."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from chaostui.client import Client
from tests.wait import until

ROOT = Path(__file__).parents[2]
SHOW = """
import sys
from chaostui.tui import run_console
sys.exit(run_console(sys.argv[1], owned=True))
"""


class Engine:
    """An engine in a process of its own, with one proxy and its API on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chaostui", "--headless", "--listen", "127.0.0.1:0",
             "--backend", "127.0.0.1:9", "--api", "127.0.0.1:0"],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
        )  # fmt: skip
        self.socket = folder / "chaostui" / f"{self.process.pid}.sock"
        self.client = Client(unix=self.socket, actor="test")
        until(self.answers, within=20)

    def answers(self) -> bool:
        """Whether the API answers."""
        with contextlib.suppress(Exception):
            return self.client.health() is not None
        return False

    @property
    def behavior(self) -> str:
        """The mix in force."""
        return self.client.proxies()[0].behavior

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


class Terminal:
    """A pseudo-terminal with the console in it; ``raw`` is everything that was written there."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        size: tuple[int, int] = (120, 36),
        code: str = SHOW,
        cwd: Path = ROOT,
    ) -> None:
        self.raw = bytearray()
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._fd = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.chdir(cwd)
            own = {
                "TERM": "xterm-256color",
                "HOME": str(folder),
                "PYTHONPATH": str(ROOT),
                "SSH_CONNECTION": "test",
                "XDG_RUNTIME_DIR": str(folder),
            }
            # Readline puts its idea of the size into the environment, and workers inherit it.
            given = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            os.execve(sys.executable, [sys.executable, "-c", code, *arguments], given | own)
        self._reading = threading.Event()
        self._reading.set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._fd, 65536):
                self._reading.wait()
                self.raw += data
                self._stream.feed(data)

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.screen.display)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def until(self, words: str, within: float = 20.0) -> None:
        """Wait for words on the screen."""
        try:
            until(lambda: words in self.text(), within=within)
        except AssertionError:
            raise AssertionError(f"not seen: {words}, but\n{self.text()}") from None

    @property
    def state(self) -> str:
        """The letter that the kernel gives the console's state: T for stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][0]

    @property
    def cooked(self) -> bool:
        """Whether the terminal edits lines and echoes, as a shell expects."""
        local = termios.tcgetattr(self._fd)[3]
        return bool(local & termios.ICANON and local & termios.ECHO and local & termios.ISIG)

    def ended(self) -> int:
        """Wait for the console's exit code."""
        found: list[int] = []

        def gone() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                found.append(os.waitstatus_to_exitcode(status))
            return bool(pid)

        until(gone, within=20)
        self._thread.join(5)
        return found[0]

    def close(self) -> None:
        """End the console whatever it does."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Run an engine; the path of its socket must be short."""
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        running = Engine(Path(folder))
        yield running
        running.end()


@pytest.fixture
def terminal(engine: Engine, tmp_path: Path) -> Iterator[Terminal]:
    """Show the engine in a terminal."""
    shown = Terminal(f"unix:{engine.socket}", folder=tmp_path)
    yield shown
    shown.close()


def left_sane(raw: bytes) -> bool:
    """Whether the alternate screen was left, the cursor shown and the mouse given back."""
    return all(
        raw.rfind(off) > raw.rfind(on) >= 0
        for on, off in (
            (b"\x1b[?1049h", b"\x1b[?1049l"),
            (b"\x1b[?25l", b"\x1b[?25h"),
            (b"\x1b[?1000h", b"\x1b[?1000l"),
        )
    )


def test_a_key_changes_the_engine_and_quitting_leaves_the_terminal_sane(
    engine: Engine, terminal: Terminal
) -> None:
    """``2`` switches delay on, ``0`` makes all normal, ``q`` quits with 0 and a sane terminal."""
    terminal.until("ALL NORMAL")
    terminal.press("2")
    terminal.until("FAULTS ON 20%")
    until(lambda: engine.behavior == "20:delay")
    terminal.press("0")
    terminal.until("ALL NORMAL")
    until(lambda: engine.behavior == "")
    terminal.press("q")

    assert terminal.ended() == 0
    assert left_sane(bytes(terminal.raw))


def test_copying_reaches_the_terminal(engine: Engine, terminal: Terminal) -> None:
    """``y`` and ``a`` send the attach command as OSC 52, and say so."""
    terminal.until("ALL NORMAL")
    terminal.press("y")
    terminal.until("attach command")
    terminal.press("a")
    terminal.until("attach command: sent to the terminal's clipboard (OSC 52)")
    text = base64.b64encode(f"chaostui attach unix:{engine.socket}".encode())

    assert b"\x1b]52;c;" + text + b"\x07" in terminal.raw


def test_the_first_picture_comes_soon(engine: Engine, terminal: Terminal) -> None:
    """The screen is there well before a second has passed, on a machine that is not overloaded."""
    begun = time.monotonic()
    terminal.until("Connections")

    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_sane(terminal: Terminal, number: signal.Signals) -> None:
    """Told to end, the console restores the terminal and exits with 0."""
    terminal.until("ALL NORMAL")
    os.kill(terminal.pid, number)

    assert terminal.ended() == 0
    assert left_sane(bytes(terminal.raw))


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGUSR1, signal.SIGABRT])
def test_the_terminal_is_sane_after_a_deadly_signal(
    terminal: Terminal, number: signal.Signals
) -> None:
    """``kill -QUIT`` and its like end the console as its keys do: the mouse is given back."""
    terminal.until("ALL NORMAL")
    os.kill(terminal.pid, number)

    assert terminal.ended() == 128 + number
    assert left_sane(bytes(terminal.raw))


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(
    engine: Engine, terminal: Terminal
) -> None:
    """Stopped, the terminal is as shells want it; continued, the console paints and hears keys."""
    terminal.until("ALL NORMAL")
    painted = len(terminal.raw)
    terminal.press("\x1a")
    until(lambda: terminal.state == "T", within=20)
    until(lambda: left_sane(bytes(terminal.raw)), within=20)
    stopped = len(terminal.raw)

    assert terminal.cooked
    terminal.screen.reset()
    engine.client.set_mix("30:errors")
    os.kill(terminal.pid, signal.SIGCONT)
    until(lambda: not terminal.cooked, within=20)
    until(lambda: b"\x1b[?1000h" in terminal.raw[stopped:], within=20)
    for words in ("chaostui", "FAULTS ON 30%", "CONNS", "Handlers", "No connections", "1-9 toggle"):
        terminal.until(words)
    terminal.press("0")
    until(lambda: engine.behavior == "", within=20)
    again = bytes(terminal.raw[stopped:])

    assert all(on in again for on in (b"\x1b[?1049h", b"\x1b[?25l", b"\x1b[?1000h"))
    assert stopped > painted
    terminal.press("q")
    assert terminal.ended() == 0
    assert left_sane(bytes(terminal.raw))


def test_a_change_over_the_api_is_shown(engine: Engine, terminal: Terminal) -> None:
    """What a test sets over the API stands on the screen, with who did it."""
    terminal.until("ALL NORMAL")
    engine.client.set_mix("30:errors")
    terminal.until("FAULTS ON 30%")
    terminal.until("test: mix")


def test_a_killed_engine_is_told(engine: Engine, terminal: Terminal) -> None:
    """When the engine is killed, a banner says so and the console stays."""
    terminal.until("ALL NORMAL")
    engine.end()
    terminal.until("ENGINE LOST")
    terminal.press("q")

    assert terminal.ended() == 0


def test_hostile_notes_never_reach_the_terminal(engine: Engine, terminal: Terminal) -> None:
    """Control characters that came over the API are nowhere in the bytes sent to the terminal."""
    terminal.until("ALL NORMAL")
    engine.client.note("\x1b]52;c;aGk=\x07\x1b[6n\x9b31m\u202e[/][red]end")
    terminal.until("\\x1b]52;c;aGk=")
    terminal.press("J")
    terminal.until("Journal")
    terminal.until("\\x9b31m")
    raw = bytes(terminal.raw)

    for payload in ("\x1b]52", "\x1b[6n", "\x9b", "\u202e"):
        assert payload.encode() not in raw


def test_the_screen_follows_the_terminals_size(terminal: Terminal) -> None:
    """At 80x24 there is one strip of handlers in place of the pane."""
    terminal.until("Handlers")
    terminal.screen.resize(24, 80)
    fcntl.ioctl(terminal._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.kill(terminal.pid, signal.SIGWINCH)
    terminal.until("1●norm")


def test_without_a_terminal_it_says_so() -> None:
    """Output into a pipe is refused with a hint, and exit code 2."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW, "unix:/nowhere"], cwd=ROOT, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False, timeout=30,
    )  # fmt: skip

    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


def test_importing_the_console_loads_no_textual() -> None:
    """Whoever only names the console does not pay for it."""
    code = "import sys, chaostui.tui; sys.exit('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=30)

    assert done.returncode == 0


async def test_a_stalled_terminal_costs_the_engine_nothing(
    engine: Engine, terminal: Terminal
) -> None:
    """While the terminal reads nothing, the engine answers at once and keeps no frames."""
    terminal.until("ALL NORMAL")
    terminal._reading.clear()
    before = engine.client.engine().rss
    worst = 0.0
    for _ in range(100):
        begun = time.monotonic()
        engine.client.health()
        worst = max(worst, time.monotonic() - begun)
        await asyncio.sleep(0.02)
    after = engine.client.engine().rss
    terminal._reading.set()

    assert worst < 0.5
    assert after - before < 16_000_000
