"""blackout: closed at once, the backend is never called."""

from __future__ import annotations

import pytest

from chaostui.actions import Close
from chaostui.handler import Direction
from chaostui.handlers.blackout import Blackout
from tests.handlers.table import WHOLE, asked, made


def test_the_client_is_closed_before_the_backend_is_dialled() -> None:
    """``on_open`` runs before the dial, and closes."""
    assert asked(made(Blackout).on_open()) == [Close()]


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_a_live_connection_is_closed_at_its_next_bytes(direction: Direction) -> None:
    """No byte of either direction passes any more."""
    assert asked(made(Blackout, direction).on_data(WHOLE)) == [Close()]
