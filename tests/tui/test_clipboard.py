"""Copying, on the desktop, over ssh, and into a file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from chaostui.tui import clipboard


def test_over_ssh_the_terminal_copies() -> None:
    """Without a desktop's tool, an OSC 52 sequence carries the text."""
    sent: list[str] = []
    how = clipboard.copy("ä", sent.append, {"SSH_CONNECTION": "x", "DISPLAY": ":0"})

    assert "OSC 52" in how
    assert sent == [f"\x1b]52;c;{base64.b64encode('ä'.encode()).decode()}\x07"]


def test_tmux_passes_the_sequence_on() -> None:
    """Inside tmux the sequence is wrapped for the terminal outside."""
    sent: list[str] = []
    clipboard.copy("x", sent.append, {"TMUX": "/tmp/tmux"})

    assert sent[0].startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert sent[0].endswith("\x07\x1b\\")


def test_a_desktop_tool_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the desktop has a clipboard command, it gets the text."""
    tool = tmp_path / "wl-copy"
    tool.write_text(f"#!/bin/sh\ncat > {tmp_path}/copied\n")
    tool.chmod(0o755)
    sent: list[str] = []
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    how = clipboard.copy("text", sent.append, {"WAYLAND_DISPLAY": "w"})

    assert how == "copied with wl-copy"
    assert (tmp_path / "copied").read_text() == "text"


def test_long_texts_go_into_a_file() -> None:
    """What no terminal would take is written to a file, and the operator told which."""
    sent: list[str] = []
    text = "x" * (clipboard.LIMIT + 1)
    how = clipboard.copy(text, sent.append, {})
    path = Path(how.rpartition(" ")[2])

    assert path.read_text() == text
    path.unlink()
