"""What the top bar says."""

from __future__ import annotations

import msgspec
import pytest

from chaostui.tui.model.status import status
from chaostui.wire.views import ChainView, EngineView, FaultView, HaltView, HandlerView, ProxyView
from tests.tui.model.test_faults import proxy

ENGINE = EngineView(version="1", pid=1, seed=1, uptime=1, revision=1)


def bypassed(name: str) -> ProxyView:
    """A proxy with a mix that is not applied."""
    return msgspec.structs.replace(proxy(name), bypass=True)


def closed(name: str) -> ProxyView:
    """A proxy that is switched off."""
    return msgspec.structs.replace(proxy(name), enabled=False)


def pinned(**pins: int) -> ProxyView:
    """A proxy without faults but on pinned connections."""
    return msgspec.structs.replace(proxy(behavior=""), pins=pins)


def owned(name: str) -> ProxyView:
    """A proxy with a fault of a test's."""
    fault = FaultView(id="1", session="s", owner="test_checkout", behavior="30:delay")
    return msgspec.structs.replace(proxy(name), faults=(fault,))


CHAIN = (ChainView(name="lag", handler="delay", direction="both", probability=1, options={}),)


@pytest.mark.parametrize(
    ("proxies", "word", "role"),
    [
        ((), "NO PROXY YET", "warn"),
        ((proxy(behavior=""),), "ALL NORMAL", "good"),
        ((proxy(behavior="20:delay,25:errors"),), "FAULTS ON 45%", "bad"),
        ((proxy("a", "20:delay"), proxy("b", "")), "FAULTS ON a 20%", "bad"),
        ((proxy("a"), proxy("b", "5:hang")), "FAULTS ON a 30%, b 5%", "bad"),
        ((proxy("a"), closed("b"), bypassed("c")), "FAULTS ON a 30% · CLOSED b · BYPASS c", "bad"),
        ((bypassed("a"), bypassed("b")), "BYPASS: everything passes", "warn"),
        ((bypassed("a"), proxy("b", "")), "BYPASS a", "warn"),
        ((closed("a"), proxy("b", "")), "CLOSED a", "bad"),
        ((msgspec.structs.replace(proxy(), bypass=True),), "BYPASS: everything passes", "warn"),
        ((msgspec.structs.replace(proxy(), enabled=False),), "CLOSED", "bad"),
        ((msgspec.structs.replace(proxy(behavior=""), chain=CHAIN),), "FAULTS ON chain 1", "bad"),
        ((msgspec.structs.replace(proxy(), chain=CHAIN),), "FAULTS ON 30% + chain 1", "bad"),
        ((pinned(delay=2),), "FAULTS ON 2 pinned", "bad"),
        ((pinned(delay=2, hang=1, normal=1),), "FAULTS ON 3 pinned", "bad"),
        ((pinned(normal=1),), "ALL NORMAL · 1 pinned", "good"),
        (
            (msgspec.structs.replace(pinned(delay=2), bypass=True),),
            "BYPASS: everything passes",
            "warn",
        ),
        (
            (msgspec.structs.replace(proxy(behavior="100:refuse"), door="refuse"),),
            "FAULTS ON 100% + refuses clients",
            "bad",
        ),
        ((owned("a"), proxy("b", "5:hang")), "FAULTS ON a 30% by test_checkout, b 5%", "bad"),
    ],
)
def test_the_state_is_said_in_words(proxies: tuple, word: str, role: str) -> None:  # type: ignore[type-arg]
    """Whether faults are on, and how much of the traffic they get."""
    found = status(ENGINE, proxies)

    assert (found.word, found.role) == (word, role)
    assert found.faults == (role == "bad")


def test_a_halt_is_said_first() -> None:
    """A halt says who halted; hostile names are written out."""
    halted = msgspec.structs.replace(ENGINE, halt=HaltView(halted=True, by="ci\x1b"))

    assert status(halted, (proxy(),)).word == "HALTED by ci\\x1b"
    assert status(halted, (closed("a"), proxy("b"))).word == "HALTED by ci\\x1b · CLOSED a"
    assert status(None, ()).word == "WAITING FOR THE ENGINE"


def test_what_ends_first_is_counted_down() -> None:
    """Of handlers and sessions' faults that end by themselves, the next one is named."""
    view = HandlerView(name="delay", weight=20, options={}, ends_in=9.0)
    fault = FaultView(id="1", session="s", behavior="100:blackout", ends_in=3.2)
    timed = msgspec.structs.replace(proxy(), mix=(view,), faults=(fault,))

    assert status(ENGINE, (timed,)).ending == "blackout ends 0:04"
    assert status(ENGINE, (proxy(),)).ending == ""


def test_the_whole_engine_is_told_whatever_is_in_view() -> None:
    """A look at a calm proxy says that faults are on elsewhere, and where."""
    proxies = (proxy("redis", ""), proxy("mysql", "100:blackout"))

    assert status(ENGINE, proxies, ["redis"]).word == "redis normal · FAULTS ON mysql 100%"
    assert status(ENGINE, proxies, ["mysql"]).word == "FAULTS ON mysql 100%"
    assert status(ENGINE, proxies, ["redis", "mysql"]).word == "FAULTS ON mysql 100%"


@pytest.mark.parametrize(
    ("room", "word"),
    [
        (99, "redis normal · FAULTS ON mysql 30% by test_checkout · CLOSED web"),
        (60, "FAULTS ON mysql 30% · CLOSED web"),
        (31, "FAULTS ON 1/3 · CLOSED 1/3"),
        (20, "FAULTS ON 1/3"),
        (5, "FAULTS ON 1/3"),
    ],
)
def test_less_room_has_shorter_words(room: int, word: str) -> None:
    """However narrow the terminal, it is said that faults are on."""
    found = status(ENGINE, (proxy("redis", ""), owned("mysql"), closed("web")), ["redis"])

    assert found.fit(room) == word
