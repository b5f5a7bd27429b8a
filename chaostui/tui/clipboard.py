"""Copying text: by the desktop's own tool, over ssh by OSC 52, or into a file; and which it was."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

LIMIT = 74_000
"""Terminals refuse longer OSC 52 sequences; this much fits after base64."""

_TOOLS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("", ("pbcopy",)),
)


def tool(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The desktop's clipboard command, or nothing over ssh and where there is no desktop."""
    if environ.get("SSH_CONNECTION"):
        return ()
    for variable, command in _TOOLS:
        if (not variable or environ.get(variable)) and shutil.which(command[0]):
            return command
    return ()


def osc52(text: str, *, tmux: bool = False) -> str:
    """The sequence that makes a terminal copy ``text``; inside tmux it is passed through."""
    data = base64.b64encode(text.encode()).decode()
    sequence = f"\x1b]52;c;{data}\x07"
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\" if tmux else sequence


def copy(text: str, write: Callable[[str], object], environ: Mapping[str, str] = os.environ) -> str:
    """Copy ``text`` and say how: ``write`` sends a sequence to the terminal."""
    command = tool(environ)
    if command:
        try:
            subprocess.run(command, input=text.encode(), check=True, timeout=1)
        except (OSError, subprocess.SubprocessError):
            pass
        else:
            return f"copied with {command[0]}"
    if len(text.encode()) <= LIMIT:
        write(osc52(text, tmux=bool(environ.get("TMUX"))))
        return "sent to the terminal's clipboard (OSC 52)"
    with tempfile.NamedTemporaryFile("w", suffix=".txt", prefix="chaostui-", delete=False) as file:
        file.write(text)
    return f"too long for the terminal: written to {Path(file.name)}"
