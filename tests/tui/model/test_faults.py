"""What each fault key does, as requests."""

from __future__ import annotations

import msgspec
import pytest

from chaostui.engine.views import ChainView, ProxyView
from chaostui.tui.actions import ACTIONS
from chaostui.tui.model.changes import Request
from chaostui.tui.model.faults import FAULTS, Mistyped, Situation

NAMES = ("normal", "delay", "errors", "hang", "blackout")


def proxy(name: str = "redis", behavior: str = "20:delay,10:errors") -> ProxyView:
    """A proxy with a mix."""
    return ProxyView(
        name=name, listen="a:1", backend="b:2", protocol="tcp", enabled=True, draw="request",
        behavior=behavior, base=behavior,
    )  # fmt: skip


def situation(*proxies: ProxyView, selected: str = "delay") -> Situation:
    """What the operator sees."""
    return Situation(proxies=proxies or (proxy(),), names=NAMES, selected=selected)


MIX = "/proxies/redis/mix"


@pytest.mark.parametrize(
    ("identity", "argument", "request_", "undo"),
    [
        ("fault.toggle", "2", ("PATCH", {"delay": 0}), {"delay": 20}),
        ("fault.toggle", "4", ("PATCH", {"hang": 20}), {"hang": 0}),
        ("fault.toggle", "hang", ("PATCH", {"hang": 20}), {"hang": 0}),
        ("fault.toggle", "", ("PATCH", {"delay": 0}), {"delay": 20}),
        ("fault.more", "", ("PATCH", {"delay": 25}), {"delay": 20}),
        ("fault.less", "", ("PATCH", {"delay": 15}), {"delay": 20}),
        ("fault.more-1", "", ("PATCH", {"delay": 21}), {"delay": 20}),
        ("fault.less-1", "", ("PATCH", {"delay": 19}), {"delay": 20}),
        ("fault.weight", "delay 40", ("PATCH", {"delay": 40}), {"delay": 20}),
        ("fault.weight", "err 12.5%", ("PATCH", {"errors": 12.5}), {"errors": 10}),
        ("fault.normal", "", ("PUT", {"behavior": ""}), {"behavior": "20:delay,10:errors"}),
        ("fault.solo", "", ("PUT", {"behavior": "100:delay"}), {"behavior": "20:delay,10:errors"}),
        (
            "fault.timed",
            "blackout 30",
            ("PUT", {"behavior": "100:blackout", "duration": 30}),
            {"behavior": "20:delay,10:errors"},
        ),
    ],
)
def test_a_key_is_a_request_and_its_undo(
    identity: str, argument: str, request_: tuple[str, object], undo: object
) -> None:
    """Each fault key makes one request, and knows the one that takes it back."""
    change = FAULTS[identity](situation(), argument)

    assert [(r.method, r.path, r.body) for r in change.do] == [(request_[0], MIX, request_[1])]
    assert [r.body for r in change.undo] == [undo]
    assert all(name == "redis" for name, _ in change.touches)


def test_equal_changes_all_that_is_on() -> None:
    """Spread equally counts normal as one of those that are on."""
    change = FAULTS["fault.equal"](situation(), "")

    assert change.do == (Request("PATCH", MIX, {"delay": 33.3, "errors": 33.3}),)


def test_bypass_turns_all_the_same_way() -> None:
    """Bypass goes on where it is off, and off only when all are on."""
    two = (msgspec.structs.replace(proxy("a"), bypass=True), proxy("b"))
    on = FAULTS["fault.bypass"](situation(*two), "")
    both = tuple(msgspec.structs.replace(p, bypass=True) for p in two)
    off = FAULTS["fault.bypass"](situation(*both), "")

    assert on.do == (Request("PUT", "/proxies/b/bypass", {"bypass": True}),)
    assert [r.body for r in off.do] == [{"bypass": False}, {"bypass": False}]


def test_all_proxies_in_view_are_changed() -> None:
    """With several proxies in view, a key acts on each of them, from its own weights."""
    change = FAULTS["fault.more"](situation(proxy("a", "5:delay"), proxy("b", "")), "")

    assert [(r.path, r.body) for r in change.do] == [
        ("/proxies/a/mix", {"delay": 10}),
        ("/proxies/b/mix", {"delay": 5}),
    ]


def test_solo_again_goes_back() -> None:
    """A second solo gives the mix back that was there before the first."""
    now = situation()
    FAULTS["fault.solo"](now, "")
    now.proxies = (proxy(behavior="100:delay"),)
    back = FAULTS["fault.solo"](now, "")

    assert [r.body for r in back.do] == [{"behavior": "20:delay,10:errors"}]


def test_toggling_on_again_gives_the_weight_it_had() -> None:
    """Weights are remembered as long as the session lasts."""
    now = situation()
    now.remember()
    now.proxies = (proxy(behavior="10:errors"),)

    assert FAULTS["fault.toggle"](now, "2").do == (Request("PATCH", MIX, {"delay": 20}),)


def test_all_normal_empties_chains_and_can_be_undone() -> None:
    """Chain entries are removed too, and come back with their options on undo."""
    entry = ChainView(
        name="lag 1", handler="delay", direction="both", probability=0.5, options={"sleep": 2}
    )
    chained = msgspec.structs.replace(proxy(behavior=""), chain=(entry,))
    change = FAULTS["fault.normal"](situation(chained), "")

    assert change.do == (Request("DELETE", "/proxies/redis/chain/lag%201"),)
    body = {"sleep": 2, "handler": "delay", "name": "lag 1", "direction": "both"}
    assert change.undo == (Request("POST", "/proxies/redis/chain", body | {"probability": 0.5}),)


@pytest.mark.parametrize(
    ("identity", "argument", "reason"),
    [
        ("fault.toggle", "9", "there is no handler 9"),
        ("fault.toggle", "nope", "no handler is named"),
        ("fault.weight", "delay x", "not a percentage"),
        ("fault.weight", "delay 101", "not a percentage"),
        ("fault.timed", "hang soon", "is not a time"),
        ("fault.timed", "hang 0", "more than 0"),
        ("fault.timed", "normal 5", "select a fault first"),
    ],
)
def test_what_was_mistyped_is_said(identity: str, argument: str, reason: str) -> None:
    """An argument that cannot be used is refused in words."""
    with pytest.raises(Mistyped, match=reason):
        FAULTS[identity](situation(), argument)


@pytest.mark.parametrize(
    ("identity", "behavior", "reason"),
    [
        ("fault.more", "100:errors", "no weight is left for delay"),
        ("fault.less", "10:errors", "at its lowest"),
        ("fault.normal", "", "nothing to change"),
    ],
)
def test_a_key_that_changes_nothing_says_why(identity: str, behavior: str, reason: str) -> None:
    """Nothing is sent where nothing would change."""
    change = FAULTS[identity](situation(proxy(behavior=behavior)), "")

    assert not change
    assert reason in change.label


def test_every_fault_is_an_action() -> None:
    """The table of actions and the table of faults name the same."""
    known = {action.id for action in ACTIONS}

    assert set(FAULTS) <= known
