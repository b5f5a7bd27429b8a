"""The control API's Unix sockets: where they are, and how one is taken safely."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from chaostui.errors import CannotListen

SUFFIX = ".sock"


def folder() -> Path:
    """The folder of this user's sockets, mode 0700: made where it is missing.

    ``$XDG_RUNTIME_DIR/chaostui``, else ``chaostui-UID`` in the folder for temporary files.
    Raises CannotListen where somebody else owns it or can write to it.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        path = Path(runtime) / "chaostui"
    else:
        path = Path(tempfile.gettempdir()) / f"chaostui-{os.geteuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise CannotListen(f"cannot make {path}: {error.strerror}") from None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise CannotListen(f"{path} is not a folder that only you can use (mode 0700)")
    return path


def path_for(pid: int) -> Path:
    """The socket of the engine with this process number."""
    return folder() / f"{pid}{SUFFIX}"


def running() -> list[Path]:
    """Sockets on which an engine answers, the newest first; those of dead engines are removed."""
    alive = []
    for path in folder().glob(f"*{SUFFIX}"):
        if answers(path):
            alive.append(path)
        else:
            path.unlink(missing_ok=True)
    return sorted(alive, key=lambda path: path.stat().st_mtime, reverse=True)


def answers(path: Path) -> bool:
    """Whether somebody takes connections on this socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            # Its backlog is full, or it is not ours to use: somebody is there.
            return True
    return True


def bind(path: Path) -> socket.socket:
    """A bound socket, mode 0600, not yet listening.

    A dead engine's socket is replaced, once a connect to it was refused. Raises CannotListen
    for anything else that is in the way.
    """
    _make_way(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(os.fspath(path))
        # Nobody gets in before the socket listens, so the mode is never too wide.
        path.chmod(0o600)
    except OSError as error:
        sock.close()
        raise CannotListen(f"cannot listen on unix:{path}: {error.strerror or error}") from None
    return sock


def inode(path: Path) -> int:
    """What tells this socket from one that another engine puts in its place."""
    return path.lstat().st_ino


def remove(path: Path, ours: int) -> None:
    """Remove a socket that is still ours."""
    with suppress(FileNotFoundError):
        if inode(path) == ours:
            path.unlink()


def _make_way(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotListen(f"cannot listen on unix:{path}: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        raise CannotListen(f"cannot listen on unix:{path}: it is not a socket of yours")
    if answers(path):
        raise CannotListen(f"cannot listen on unix:{path}: an engine answers there already")
    path.unlink(missing_ok=True)
