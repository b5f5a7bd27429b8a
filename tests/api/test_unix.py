"""Unix sockets of the control API: where they are, and what is in the way."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from chaostui.api import unix
from chaostui.errors import CannotListen


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a runtime folder of the test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_the_folder_is_made_for_its_owner_alone(runtime: Path) -> None:
    """It lies in the runtime folder, mode 0700, and is found again."""
    folder = unix.folder()

    assert folder == runtime / "chaostui"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert unix.folder() == folder
    assert unix.path_for(7) == folder / "7.sock"


def test_without_a_runtime_folder_there_is_the_one_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named after the user there."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert unix.folder() == tmp_path / f"chaostui-{os.geteuid()}"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o755])
def test_a_folder_that_others_can_use_is_refused(runtime: Path, mode: int) -> None:
    """Somebody else could put a socket of his own there."""
    (runtime / "chaostui").mkdir()
    (runtime / "chaostui").chmod(mode)

    with pytest.raises(CannotListen, match="0700"):
        unix.folder()


def test_a_link_is_no_folder(runtime: Path) -> None:
    """A link leads where somebody else decides."""
    (runtime / "elsewhere").mkdir(mode=0o700)
    (runtime / "chaostui").symlink_to(runtime / "elsewhere")

    with pytest.raises(CannotListen):
        unix.folder()


def test_a_runtime_folder_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says which folder cannot be made, and why."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))

    with pytest.raises(CannotListen, match="none/chaostui: No such file"):
        unix.folder()


def test_a_socket_is_bound_for_its_owner_alone(tmp_path: Path) -> None:
    """Its mode is 0600 before anybody can connect."""
    path = tmp_path / "s.sock"

    with unix.bind(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not unix.answers(path)


def test_a_dead_engine_s_socket_is_replaced(tmp_path: Path) -> None:
    """A socket on which nobody answers is only what kill -9 left."""
    path = tmp_path / "s.sock"
    with unix.bind(path) as dead:
        dead.listen()
    assert path.exists()

    with unix.bind(path) as alive:
        alive.listen()
        assert unix.answers(path)


def test_a_living_engine_s_socket_is_not(tmp_path: Path) -> None:
    """Where somebody answers, a second engine does not start."""
    path = tmp_path / "s.sock"
    with unix.bind(path) as alive:
        alive.listen()

        with pytest.raises(CannotListen, match="an engine answers there already"):
            unix.bind(path)
        assert path.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_of_ours_stays(tmp_path: Path, kind: str) -> None:
    """Files, folders and links are never removed."""
    path = tmp_path / "s.sock"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")

    with pytest.raises(CannotListen, match="not a socket of yours"):
        unix.bind(path)
    assert path.is_symlink() or path.exists()


def test_a_path_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A path too long, or in a folder that is not there, is one line."""
    for path in (tmp_path / ("x" * 200), tmp_path / "none" / "s.sock"):
        with pytest.raises(CannotListen, match="cannot listen on unix:"):
            unix.bind(path)


def test_running_engines_are_found_the_newest_first(runtime: Path) -> None:
    """Sockets on which somebody answers are listed; dead ones are cleaned away."""
    one, two, dead = (unix.path_for(number) for number in (1, 2, 3))
    unix.bind(dead).close()
    with unix.bind(one) as first, unix.bind(two) as second:
        first.listen()
        second.listen()
        os.utime(one, (1, 1))

        assert unix.running() == [two, one]
    assert not dead.exists()


def test_only_our_own_socket_is_removed(tmp_path: Path) -> None:
    """A socket that another engine put in the place of ours stays."""
    path = tmp_path / "s.sock"
    with unix.bind(path):
        ours = unix.inode(path)
        unix.remove(path, ours + 1)
        assert path.exists()
        unix.remove(path, ours)
        assert not path.exists()
        unix.remove(path, ours)


def test_a_full_backlog_is_an_answer(tmp_path: Path) -> None:
    """A socket that takes no more connections right now belongs to somebody."""
    path = tmp_path / "s.sock"
    with unix.bind(path) as sock:
        sock.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))

            assert unix.answers(path)
