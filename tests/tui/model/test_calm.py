"""What making everything normal ends, in words and as calls."""

from __future__ import annotations

import msgspec
import pytest

from chaostui.tui.model import calm
from chaostui.wire.views import FaultView, ProxyView
from tests.tui.fake import FakeEngine
from tests.tui.model.test_faults import proxy, requests


def changed(**values: object) -> ProxyView:
    """A normal proxy with some values of its own."""
    return msgspec.structs.replace(proxy(behavior=""), **values)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (changed(), ""),
        (changed(base="0:delay"), ""),
        (changed(base="20:delay", behavior="20:delay"), "20:delay"),
        (changed(chain=(FakeEngine().entry("delay"),)), "chain 1"),
        (changed(pins={"hang": 2, "normal": 1}), "3 pinned"),
        (changed(bypass=True, enabled=False), "bypass + closed"),
        (changed(frozen=True), "frozen"),
        (
            changed(faults=(
                FaultView(id="1", session="s", owner="a_test", behavior="5:hang"),
                FaultView(id="2", session="", owner="ctl", behavior="", ends_in=3.0),
            )),
            "normal + 5:hang of a_test",
        ),
    ],
)  # fmt: skip
def test_it_is_told_what_ends(view: ProxyView, words: str) -> None:
    """Faults that lie over the mix first, with their owner; then the proxy's own."""
    assert calm.ends(view) == words


def test_what_is_normal_needs_no_call() -> None:
    """Nothing is sent, and it is said that all is normal already."""
    assert not calm.everything([changed(), proxy("b", "")], {})
    assert calm.everything([changed()], {}).label == "all is normal already"


def test_the_way_back_puts_layers_in_their_order() -> None:
    """The proxy's own mix with its options, the chain, faults as they lay, pins, bypass, closed."""
    faults = (
        FaultView(id="1", session="s", behavior="5:hang", options={"hang": {"first": 2}}),
        FaultView(id="2", session="", behavior="7:loss", ends_in=3.0),
    )
    lag = (FakeEngine().entry("delay", "lag"),)
    own = {"base": "20:delay", "base_options": {"delay": {"sleep": 2.0}}, "chain": lag}
    view = changed(**own, faults=faults, bypass=True, enabled=False)
    change = calm.everything([view, proxy("b", "")], {"redis": {7: "hang"}})

    assert requests(change.do) == [("POST", "/reset", None)]
    assert [(method, path) for method, path, _ in requests(change.undo)] == [
        ("PUT", "/proxies/redis/mix"),
        ("PATCH", "/proxies/redis"),
        ("POST", "/sessions/s/faults"),
        ("PUT", "/proxies/redis/mix"),
        ("PUT", "/connections/7/pin"),
        ("PUT", "/proxies/redis/bypass"),
        ("PATCH", "/proxies/redis"),
    ]
    bodies = [body for _, _, body in requests(change.undo)]
    assert bodies[0] == {"behavior": "20:delay", "options": {"delay": {"sleep": 2.0}}}
    assert bodies[3] == {"behavior": "7:loss", "duration": 3.0}


def test_only_those_in_view_are_made_normal() -> None:
    """Each of them by a call of its own."""
    change = calm.some([proxy("a"), proxy("b", ""), proxy("c")], {})

    assert [call.path for call in change.do] == ["/reset?proxy=a", "/reset?proxy=c"]
    assert change.label == (
        "a normal · ended 20:delay,10:errors, c normal · ended 20:delay,10:errors"
    )
