"""hang: the request is accepted, nothing comes back."""

from __future__ import annotations

import pytest

from chaostui.actions import Stall
from chaostui.handler import Direction
from chaostui.handlers.hang import Hang
from tests.handlers.table import WHOLE, asked, made


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_both_directions_stall(direction: Direction) -> None:
    """Bytes are read and kept, in both directions."""
    assert asked(made(Hang, direction).on_data(WHOLE)) == [Stall()]


def test_a_connection_that_opens_meanwhile_stalls_too() -> None:
    """The client is accepted; the backend is not called before the hang is over."""
    assert asked(made(Hang).on_open()) == [Stall()]
