"""What all tests of the console share."""

from __future__ import annotations

import gc

import pytest

from chaostui.tui import app


@pytest.fixture(scope="session", autouse=True)
def few_collections() -> None:
    """Look for garbage seldom, and not in what was imported: that took half of the time."""
    assert app
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
