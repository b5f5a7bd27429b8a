"""What the top bar says."""

from __future__ import annotations

import msgspec
import pytest

from chaostui.engine.views import ChainView, EngineView, FaultView, HaltView, HandlerView
from chaostui.tui.model.status import status
from tests.tui.model.test_faults import proxy

ENGINE = EngineView(version="1", pid=1, seed=1, uptime=1, revision=1)
CHAIN = (ChainView(name="lag", handler="delay", direction="both", probability=1, options={}),)


@pytest.mark.parametrize(
    ("proxies", "word", "role"),
    [
        ((), "NO PROXY YET", "warn"),
        ((proxy(behavior=""),), "ALL NORMAL", "good"),
        ((proxy(behavior="20:delay,25:errors"),), "FAULTS ON 45%", "bad"),
        ((proxy("a", "20:delay"), proxy("b", "")), "FAULTS ON 0-20%", "bad"),
        ((msgspec.structs.replace(proxy(), bypass=True),), "BYPASS: everything passes", "warn"),
        ((msgspec.structs.replace(proxy(), enabled=False),), "ALL NORMAL", "good"),
        ((msgspec.structs.replace(proxy(behavior=""), chain=CHAIN),), "FAULTS ON chain 1", "bad"),
        ((msgspec.structs.replace(proxy(), chain=CHAIN),), "FAULTS ON 30% + chain 1", "bad"),
    ],
)
def test_the_state_is_said_in_words(proxies: tuple, word: str, role: str) -> None:  # type: ignore[type-arg]
    """Whether faults are on, and how much of the traffic they get."""
    found = status(ENGINE, proxies)

    assert (found.word, found.role) == (word, role)
    assert found.faults == word.startswith("FAULTS")


def test_a_halt_is_said_first() -> None:
    """A halt says who halted; hostile names are written out."""
    halted = msgspec.structs.replace(ENGINE, halt=HaltView(halted=True, by="ci\x1b"))

    assert status(halted, (proxy(),)).word == "HALTED by ci\\x1b"
    assert status(None, ()).word == "WAITING FOR THE ENGINE"


def test_what_ends_first_is_counted_down() -> None:
    """Of handlers and sessions' faults that end by themselves, the next one is named."""
    view = HandlerView(name="delay", weight=20, options={}, ends_in=9.0)
    fault = FaultView(id="1", session="s", behavior="100:blackout", ends_in=3.2)
    timed = msgspec.structs.replace(proxy(), mix=(view,), faults=(fault,))

    assert status(ENGINE, (timed,)).ending == "blackout ends 0:04"
    assert status(ENGINE, (proxy(),)).ending == ""
