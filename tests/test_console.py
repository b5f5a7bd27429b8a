"""The console with an engine of its own, in a real terminal: how both begin and end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tcp import free_port
from tests.tui.test_terminal import Terminal, left_sane
from tests.wait import until

RUN = "import sys; from chaostui.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def home() -> Iterator[Path]:
    """A user's folders, with a short path for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="chaos"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(home: Path, *arguments: str) -> Terminal:
    """``chaostui`` with some arguments in a terminal, in a folder without a profile."""
    return Terminal(*arguments, folder=home, code=RUN, cwd=home)


def accepts(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_quit_and_start_again_works_at_once(home: Path) -> None:
    """A connection that stays open does not keep the port: its engine ends with the console."""
    port = free_port()
    backend = socket.create_server(("127.0.0.1", 0))
    where = f"127.0.0.1:{backend.getsockname()[1]}"
    line = ("--listen", f"127.0.0.1:{port}", "--backend", where)
    first = start(home, *line)
    first.until("ALL NORMAL")
    idle = socket.create_connection(("127.0.0.1", port))
    accepted, _ = backend.accept()
    first.until("CONNS")
    first.press("q")

    assert first.ended() == 0
    assert left_sane(bytes(first.raw))
    assert b"the engine ends; open connections have a second" in first.raw
    assert not accepts(port)
    second = start(home, *line)
    second.until("ALL NORMAL")
    second.press("q")
    assert second.ended() == 0
    for each in (idle, accepted, backend):
        each.close()
    for terminal in (first, second):
        terminal.close()


def test_a_kept_engine_says_how_to_come_back_and_how_to_end_it(home: Path) -> None:
    """With ``--keep`` quitting prints both commands; the second one ends the engine."""
    port = free_port()
    shown = start(home, "--keep", "--listen", f"127.0.0.1:{port}", "--backend", "127.0.0.1:9")
    shown.until("ALL NORMAL")
    shown.press("q")
    assert shown.ended() == 0
    text = shown.raw.decode().rpartition("\x1b")[2]
    shown.close()

    assert "The engine goes on (pid " in text
    assert f"proxy on 127.0.0.1:{port}" in text
    assert "watch it again:  chaostui attach unix:" in text
    assert accepts(port)
    command = text.partition("end it:")[2].split("\n")[0].split()[1:]
    environ = os.environ | {"XDG_RUNTIME_DIR": str(home)}
    subprocess.run([sys.executable, "-m", "chaostui", *command], env=environ, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    until(lambda: not accepts(port))


def test_chaostui_alone_opens_the_form(home: Path) -> None:
    """With no profile and no option the console asks for a first proxy, and makes it."""
    shown = start(home)
    shown.until("Your first proxy")
    port = free_port()
    shown.press(f"127.0.0.1:{port}\r")
    shown.until("save as")
    shown.press("\x1b")
    until(lambda: accepts(port) and "save as" not in shown.text())
    shown.until("point your client at")

    shown.press("q")
    assert shown.ended() == 0
    shown.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_the_engine_ends_and_the_terminal_is_sane_however_the_console_ends(
    home: Path, number: signal.Signals
) -> None:
    """Told to end by a signal, the console gives the terminal back and its engine ends."""
    port = free_port()
    shown = start(home, "--listen", f"127.0.0.1:{port}", "--backend", "127.0.0.1:9")
    shown.until("ALL NORMAL")
    os.kill(shown.pid, number)
    shown.ended()

    assert left_sane(bytes(shown.raw))
    assert not accepts(port)
    shown.close()
