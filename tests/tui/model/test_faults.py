"""What each fault key does, as requests."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from chaostui.tui.actions import ACTIONS
from chaostui.tui.model.changes import Call
from chaostui.tui.model.faults import FAULTS, Mistyped, Situation, sweeps
from chaostui.wire.views import ProxyView

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


def requests(made: Iterable[Call]) -> list[tuple[str, str, object]]:
    """Calls as what the engine is asked."""
    return [(call.method, call.path, call.body) for call in made]


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

    assert requests(change.do) == [("PATCH", MIX, {"delay": 33.3, "errors": 33.3})]


def test_bypass_turns_all_the_same_way() -> None:
    """Bypass goes on where it is off, and off only when all are on."""
    two = (msgspec.structs.replace(proxy("a"), bypass=True), proxy("b"))
    on = FAULTS["fault.bypass"](situation(*two), "")
    both = tuple(msgspec.structs.replace(p, bypass=True) for p in two)
    off = FAULTS["fault.bypass"](situation(*both), "")

    assert requests(on.do) == [("PUT", "/proxies/b/bypass", {"bypass": True})]
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

    assert requests(FAULTS["fault.toggle"](now, "2").do) == [("PATCH", MIX, {"delay": 20})]


@pytest.mark.parametrize(
    ("mixes", "after"),
    [
        (("5:delay", "", ""), [{"delay": 0}]),
        (("5:delay", "7:delay,1:hang", ""), [{"delay": 0}, {"delay": 0}]),
        (("", "", ""), [{"delay": 20}, {"delay": 20}, {"delay": 20}]),
    ],
)
def test_a_toggle_has_one_direction_for_all(mixes: tuple[str, ...], after: list[object]) -> None:
    """Where a handler is on for some of the proxies in view, it goes off, and on for none."""
    places = [proxy(name, mixed) for name, mixed in zip("abc", mixes, strict=True)]
    change = FAULTS["fault.toggle"](situation(*places), "2")

    assert [call.body for call in change.do] == after


def test_the_label_names_each_proxy() -> None:
    """With several proxies in view it is said where what changes."""
    change = FAULTS["fault.toggle"](situation(proxy("a", "5:delay"), proxy("b", "7:delay")), "2")

    assert change.label == "delay a 5% → 0%, b 7% → 0%"


@pytest.mark.parametrize("identity", ["fault.toggle", "fault.solo", "fault.weight", "fault.timed"])
def test_the_handler_touched_last_is_the_selected_one(identity: str) -> None:
    """Number keys and names select; what comes next acts on the same handler."""
    now = situation()
    FAULTS[identity](now, {"fault.weight": "hang 5", "fault.timed": "hang 5"}.get(identity, "4"))

    assert now.selected == "hang"


def test_handlers_of_the_whole_server_toggle_at_100() -> None:
    """A server that is down is down for all, as far as there is room in the mix."""
    now = situation(proxy(behavior=""), proxy("b", "30:errors"))
    now.names, now.doors = (*NAMES, "refuse"), frozenset({"refuse"})

    assert [c.body for c in FAULTS["fault.toggle"](now, "refuse").do] == [
        {"refuse": 100}, {"refuse": 70},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "argument", "mixes", "asks"),
    [
        ("fault.toggle", "2", ("",), False),
        ("fault.toggle", "2", ("", ""), True),
        ("fault.toggle", "2", ("5:delay", ""), False),
        ("fault.solo", "2", ("",), True),
        ("fault.solo", "2", ("100:hang",), False),
        ("fault.more", "", ("98:delay",), False),
        ("fault.more", "", ("5:delay", "5:delay"), True),
        ("fault.less", "", ("5:delay", "5:delay"), False),
        ("fault.normal", "", ("5:delay", "5:delay"), False),
        ("fault.toggle", "1", ("5:delay",), True),
    ],
)
def test_what_a_stray_key_must_not_do(
    identity: str, argument: str, mixes: tuple[str, ...], asks: bool
) -> None:
    """Faults for several proxies, or for everything at a stroke, are asked for twice."""
    places = [proxy(name, mixed) for name, mixed in zip("ab", mixes, strict=False)]

    assert sweeps(FAULTS[identity](situation(*places), argument).do, places) is asks


def test_bypass_off_is_asked_for_twice_where_it_brings_faults_back_to_several() -> None:
    """Faults that come back are as bad as new ones."""
    places = [msgspec.structs.replace(proxy(name), bypass=True) for name in "ab"]

    assert sweeps(FAULTS["fault.bypass"](situation(*places), "").do, places)
    assert not sweeps(FAULTS["fault.bypass"](situation(proxy("a"), proxy("b")), "").do, places)


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
        ("fault.normal", "", "all is normal already"),
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
