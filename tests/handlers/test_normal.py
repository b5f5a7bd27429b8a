"""normal: nothing happens."""

from __future__ import annotations

import pytest

from chaostui.actions import Send
from chaostui.handler import Direction
from chaostui.handlers.normal import Normal
from chaostui.protocol import Frame
from tests.handlers.table import HEAD, TAIL, WHOLE, asked, made


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("frame", [WHOLE, HEAD, TAIL])
def test_every_byte_passes_as_it_came(direction: Direction, frame: Frame) -> None:
    """Both directions are passed on untouched and at once."""
    normal = made(Normal, direction)

    assert asked(normal.on_data(frame)) == [Send(frame.data)]


def test_nothing_happens_at_open_end_and_wake() -> None:
    """The connect phase, the end and timers ask for nothing."""
    normal = made(Normal)

    assert [*normal.on_open(), *normal.on_eof(), *normal.on_wake()] == []


def test_it_also_goes_by_vaurien_2s_name() -> None:
    """``dummy`` is the same handler."""
    assert Normal.aliases == ("dummy",)
