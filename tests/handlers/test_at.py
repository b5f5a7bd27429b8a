"""``at``: between messages, or inside of them."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui import registry
from chaostui.actions import Action, Close, Reset, Send, Stall, Wait
from chaostui.handler import Direction
from chaostui.handlers.abort import Abort
from chaostui.handlers.delay import Delay
from chaostui.handlers.hang import Hang
from chaostui.handlers.slice import Slice
from chaostui.handlers.truncate import Truncate
from chaostui.options import describe
from chaostui.protocol import Frame
from tests.handlers.table import DATA, HEAD, TAIL, WHOLE, asked, made

GREETING = Frame(b"hello\r\n", first=False, last=False)
HALF = len(DATA) // 2
FIRST, REST = Send(DATA[:HALF]), DATA[HALF:]
PASSES = [Send(DATA)]

ACTS: dict[Any, tuple[dict[str, Any], list[Action], list[Action]]] = {
    Delay: ({"sleep": 2}, [Send(DATA, after=2.0)], [FIRST, Send(REST, after=2.0)]),
    Hang: ({}, [Stall()], [FIRST, Stall()]),
    Abort: ({}, [Reset()], [FIRST, Reset()]),
    Truncate: ({"bytes": 2}, [Send(DATA[:2]), Close()], [FIRST, Send(REST[:2]), Close()]),
    Slice: (
        {"size": 3},
        [Send(DATA[:3]), Wait(0.0), Send(DATA[3:]), Wait(0.0)],
        [FIRST, Send(REST), Wait(0.0)],
    ),
}
"""What each does with a whole message: where it acts, and where it acts from the middle on."""


@pytest.mark.parametrize("kind", ACTS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(("at", "direction"), [("request", "upstream"), ("reply", "downstream")])
def test_a_message_is_met_where_at_says(kind: Any, at: str, direction: Direction) -> None:
    """A request on its way up, or a reply on its way down; the other one passes."""
    options, acts, _ = ACTS[kind]
    other: Direction = "downstream" if direction == "upstream" else "upstream"

    assert asked(made(kind, direction, at=at, **options).on_data(WHOLE)) == acts
    assert asked(made(kind, other, at=at, **options).on_data(WHOLE)) == PASSES


@pytest.mark.parametrize("kind", ACTS, ids=lambda kind: kind.name)
def test_half_of_a_reply_passes(kind: Any) -> None:
    """Of what comes first of a reply half passes untouched; requests pass."""
    options, _, acts = ACTS[kind]

    assert asked(made(kind, "downstream", at="mid-reply", **options).on_data(WHOLE)) == acts
    assert asked(made(kind, "upstream", at="mid-reply", **options).on_data(WHOLE)) == PASSES


@pytest.mark.parametrize("kind", ACTS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("at", ["reply", "mid-reply"])
def test_a_greeting_is_no_reply(kind: Any, at: str) -> None:
    """What answers nothing passes; only an abort before the reply takes it for one."""
    options, _, _ = ACTS[kind]
    expected: list[Action] = [Send(GREETING.data)]
    if (kind, at) == (Abort, "reply"):
        expected = [Reset()]

    assert asked(made(kind, "downstream", at=at, **options).on_data(GREETING)) == expected


def test_what_follows_the_half_is_met_whole() -> None:
    """Later frames of the same reply are past the middle."""
    delay = made(Delay, "downstream", at="mid-reply", sleep=2)

    assert asked(delay.on_data(HEAD)) == [Send(b"P"), Send(b"I", after=2.0)]
    assert asked(delay.on_data(TAIL)) == [Send(TAIL.data, after=2.0)]


def test_a_single_byte_is_its_own_half() -> None:
    """It passes; what comes after it does not."""
    hang = made(Hang, "downstream", at="mid-reply")

    assert asked(hang.on_data(Frame(b"+", last=False))) == [Send(b"+")]
    assert asked(hang.on_data(TAIL)) == [Stall()]


def test_a_hang_within_an_exchange_lets_clients_connect() -> None:
    """Only a hang anywhere begins when the client connects."""
    assert asked(made(Hang, at="request").on_open()) == []


def test_a_truncation_counts_each_message() -> None:
    """Where it is for replies, the count begins anew with each."""
    truncate = made(Truncate, "downstream", at="reply", bytes=len(DATA) + 1)

    assert asked(truncate.on_data(WHOLE)) == PASSES
    assert asked(truncate.on_data(WHOLE)) == PASSES
    assert asked(truncate.on_data(TAIL)) == [Send(TAIL.data[:1]), Close()]


def test_at_goes_before_direction() -> None:
    """``at`` says the direction too, whatever ``direction`` says."""
    delay = made(Delay, "downstream", at="reply", direction="upstream", sleep=2)

    assert asked(delay.on_data(WHOLE)) == [Send(DATA, after=2.0)]


def test_all_that_have_it_declare_the_same_places() -> None:
    """One word each, for every handler that can be told where."""
    found = {
        kind: next(option.choices for option in describe(kind.Options) if option.name == "at")
        for kind in registry.HANDLERS
        if "at" in kind.Options.__struct_fields__
    }

    assert set(found) == set(ACTS)
    assert all({"request", "reply", "mid-reply"} <= set(places) for places in found.values())
