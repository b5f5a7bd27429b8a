"""bounce: down for a while, then back, once or again and again."""

from __future__ import annotations

import pytest

from chaostui.handler import Door
from chaostui.handlers.bounce import Bounce
from chaostui.protocol import Protocol


@pytest.mark.parametrize(
    ("seconds", "door"),
    [
        (0, Door("refuse", 2, cut=True)),
        (1.5, Door("refuse", 0.5, cut=True)),
        (2, Door("accept", None)),
        (1000, Door("accept", None)),
    ],
)
def test_once_it_goes_down_and_comes_back(seconds: float, door: Door) -> None:
    """Connections are cut, clients refused for ``down`` seconds, then all is well for good."""
    assert Bounce.door(Bounce.Options(down=2), seconds) == door


@pytest.mark.parametrize(
    ("seconds", "door"),
    [
        (0, Door("refuse", 2, cut=True)),
        (3, Door("accept", 7)),
        (10, Door("refuse", 2, cut=True)),
        (25, Door("accept", 5)),
    ],
)
def test_with_a_period_it_goes_down_again(seconds: float, door: Door) -> None:
    """From one restart to the next are ``period`` seconds."""
    assert Bounce.door(Bounce.Options(down=2, period=10), seconds) == door


@pytest.mark.parametrize(("down", "period", "fine"), [(2, 0, True), (2, 3, True), (2, 2, False)])
def test_it_must_come_back_between(down: float, period: float, fine: bool) -> None:
    """A period that is not longer than ``down`` is refused."""
    assert (Bounce.check(Bounce.Options(down=down, period=period), Protocol) == "") is fine
