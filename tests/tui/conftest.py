"""What all tests of the console share."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from chaostui.tui import app


@pytest.fixture(scope="session", autouse=True)
def few_collections() -> None:
    """Look for garbage seldom, and not in what was imported: that took half of the time."""
    assert app
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A desktop whose clipboard is a file."""
    tool = tmp_path / "wl-copy"
    tool.write_text(f"#!/bin/sh\ncat > {tmp_path}/copied\n")
    tool.chmod(0o755)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "w")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return (tmp_path / "copied").read_text
