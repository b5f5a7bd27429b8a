"""Chain entries: typed ones, and the changes with their way back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chaostui.tui.model import chain, form
from chaostui.tui.model.changes import NOTHING, Change
from chaostui.tui.model.faults import Mistyped
from chaostui.tui.model.store import FrameStore
from chaostui.wire.views import ChainView
from tests.tui.catalogue import CATALOGUE
from tests.tui.fake import FakeEngine
from tests.tui.model.test_faults import proxy, requests

FIELDS = {entry["name"]: form.fields(entry["options"]) for entry in CATALOGUE}
ENTRIES = (
    FakeEngine().entry("delay", "lag", "downstream", 0.5, sleep=0.2),
    FakeEngine().entry("corrupt", "noise", "upstream"),
)
PROXY = msgspec.structs.replace(proxy(), chain=ENTRIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delay", ("delay", "downstream", 1.0, {})),
        ("del up 12.5%", ("delay", "upstream", 0.125, {})),
        ("delay 50% sleep=20ms both", ("delay", "both", 0.5, {"sleep": 0.02})),
    ],
)
def test_an_entry_is_typed(text: str, expected: tuple[Any, ...]) -> None:
    """The handler comes first, all else in any order; beginnings of names will do."""
    assert chain.read(text, FIELDS) == chain.Addition(*expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a handler is wanted first"),
        ("nope", "'nope' is no handler"),
        ("delay sideways", "'sideways' is no direction: downstream, upstream, both"),
        ("delay 101%", "not a percentage from 0 to 100"),
        ("delay slep=1", "delay has no option 'slep'"),
        ("delay sleep=-1", "sleep is 0 to 86400 s"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, problem: str) -> None:
    """A mistake says what is expected."""
    with pytest.raises(Mistyped, match=problem):
        chain.read(text, FIELDS)


def test_an_addition_goes_to_the_end_under_a_free_name() -> None:
    """Undo takes the entry out again."""
    taken = msgspec.structs.replace(PROXY, chain=(FakeEngine().entry("delay"),))
    change = chain.add([taken], chain.Addition("delay", "downstream", 0.5, {"sleep": 0.1}))

    assert requests(change.do) == [
        ("POST", "/proxies/redis/chain", {
            "handler": "delay", "name": "delay_downstream_2", "direction": "downstream",
            "probability": 0.5, "sleep": 0.1,
        }),
    ]  # fmt: skip
    gone = ("DELETE", "/proxies/redis/chain/delay_downstream_2", None)
    assert requests(change.undo) == [gone]
    assert change.label == "chain: delay downstream 50%"


def test_removing_is_undone_in_the_old_order() -> None:
    """The whole chain is put back, since an addition goes to the end."""
    change = chain.remove(PROXY, ENTRIES[0])

    assert requests(change.do) == [("DELETE", "/proxies/redis/chain/lag", None)]
    [back] = change.undo
    assert (back.method, back.path) == ("PATCH", "/proxies/redis")
    assert back.body is not None
    assert [entry["name"] for entry in back.body["chain"]] == ["lag", "noise"]


@pytest.mark.parametrize(("percent", "expected"), [(5, 0.55), (-5, 0.45), (80, 1.0), (-80, 0.0)])
def test_the_probability_is_stepped(percent: float, expected: float) -> None:
    """Steps end at 0 and 100 %."""
    change = chain.step(PROXY, ENTRIES[0], percent)
    path = "/proxies/redis/chain/lag"

    assert requests(change.do) == [("PATCH", path, {"probability": expected})]
    assert requests(change.undo) == [("PATCH", path, {"probability": 0.5})]


def test_an_option_is_put() -> None:
    """Undo gives the option its value back; the same value is no change."""
    change = chain.put(PROXY, ENTRIES[0], "sleep", 0.5)

    assert requests(change.do) == [("PATCH", "/proxies/redis/chain/lag", {"sleep": 0.5})]
    assert requests(change.undo) == [("PATCH", "/proxies/redis/chain/lag", {"sleep": 0.2})]
    assert chain.put(PROXY, ENTRIES[0], "sleep", 0.2) is NOTHING


def test_entries_are_moved_within_the_chain() -> None:
    """The first cannot go further up, the last not further down."""
    [request] = chain.move(PROXY, ENTRIES[0], 1).do

    assert request.body is not None
    assert [entry["name"] for entry in request.body["chain"]] == ["noise", "lag"]
    assert chain.move(PROXY, ENTRIES[0], -1) is NOTHING
    assert chain.move(PROXY, ENTRIES[1], 1) is NOTHING


def test_only_what_differs_from_the_defaults_is_told() -> None:
    """Options at their defaults would hide those that matter."""
    assert chain.told(ENTRIES[0], FIELDS["delay"]) == "sleep 0.2 s"
    assert chain.told(ENTRIES[1], FIELDS["corrupt"]) == ""


def test_an_answer_is_taken_over_ahead_of_the_next_frame() -> None:
    """Added, changed and removed entries stand in their proxy, and in no other."""
    new = FakeEngine().entry("hang", "stop")
    likelier = msgspec.structs.replace(ENTRIES[0], probability=0.9)
    addition = chain.Addition("hang", "both", 1.0, {})

    assert after(chain.add([PROXY], addition), new) == (*ENTRIES, new)
    assert after(chain.step(PROXY, ENTRIES[0], 40), likelier) == (likelier, ENTRIES[1])
    assert after(chain.remove(PROXY, ENTRIES[0]), None) == (ENTRIES[1],)


def after(change: Change, answer: object) -> tuple[ChainView, ...]:
    """The chain once a change was answered, on the one of two proxies that it is about."""
    store = FrameStore()
    other = msgspec.structs.replace(PROXY, name="other")
    frame = FakeEngine(proxies=()).frame()
    store.apply(msgspec.structs.replace(
        frame, engine=msgspec.structs.replace(frame.engine, proxies=(PROXY, other))
    ))  # fmt: skip
    change.do[0].answered(store, answer)
    first, second = store.proxies
    assert second.chain == ENTRIES
    return first.chain
