"""slow_accept: the backend is called late."""

from __future__ import annotations

from chaostui.actions import Send, Wait
from chaostui.handlers.slow_accept import SlowAccept
from tests.handlers.table import DATA, WHOLE, asked, made


def test_the_backend_is_called_late() -> None:
    """Nothing is dialled for ``delay`` seconds."""
    assert asked(made(SlowAccept, delay=0.3).on_open()) == [Wait(0.3)]


def test_an_open_connection_is_not_slow() -> None:
    """Bytes pass untouched."""
    assert asked(made(SlowAccept).on_data(WHOLE)) == [Send(DATA)]
