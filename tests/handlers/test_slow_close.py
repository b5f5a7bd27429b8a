"""slow_close: bytes pass, the end comes late."""

from __future__ import annotations

from chaostui.actions import Send, Wait
from chaostui.handlers.slow_close import SlowClose
from tests.handlers.table import DATA, WHOLE, asked, made


def test_the_end_waits() -> None:
    """A FIN is passed on after ``delay`` seconds."""
    assert asked(made(SlowClose, delay=0.3).on_eof()) == [Wait(0.3)]


def test_bytes_do_not_wait() -> None:
    """What comes before the end is untouched."""
    assert asked(made(SlowClose).on_data(WHOLE)) == [Send(DATA)]
