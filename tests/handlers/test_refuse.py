"""refuse: it meets those who connect, for as long as it is on."""

from __future__ import annotations

import pytest

from chaostui.handler import Door
from chaostui.handlers.refuse import Refuse
from tests.handlers.table import WHOLE, asked, made


@pytest.mark.parametrize("seconds", [0.0, 1.0, 1e6])
def test_nobody_gets_in(seconds: float) -> None:
    """It holds from the first moment and has no end of its own; live connections stay."""
    assert Refuse.scope == "listener"
    assert Refuse.door(Refuse.Options(), seconds) == Door("refuse", None, cut=False)


def test_bytes_pass() -> None:
    """A connection that stands is not touched."""
    assert len(asked(made(Refuse).on_data(WHOLE))) == 1
