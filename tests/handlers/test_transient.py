"""transient: some calls fail, then one works."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui.actions import Reply, Send
from chaostui.handlers.transient import Transient
from chaostui.protocol import Frame
from tests.handlers.table import DATA, HEAD, TAIL, WHOLE, Chatty, asked, made

ERROR = Reply(b"busy request -")


@pytest.mark.parametrize(
    ("agitate", "calls"),
    [
        (0, [True, True, True, True]),
        (1, [False, True, False, True]),
        (2, [False, False, True, False, False, True]),
    ],
)
def test_failures_come_before_each_success(agitate: int, calls: list[bool]) -> None:
    """``agitate`` calls of the proxy fail, on whichever connection, and the next one works."""
    shared: dict[str, Any] = {}
    works = [Send(DATA)]
    found = [
        asked(made(Transient, speaks=Chatty(), shared=shared, agitate=agitate).on_data(WHOLE))
        == works
        for _ in calls
    ]

    assert found == calls


def test_a_call_of_several_frames_is_one_call() -> None:
    """What was decided at its first frame holds to its last."""
    shared: dict[str, Any] = {}

    def call(*frames: Frame) -> list[object]:
        handler = made(Transient, speaks=Chatty(), shared=shared)
        return [action for frame in frames for action in handler.on_data(frame)]

    assert call(HEAD, TAIL) == [ERROR]
    assert call(HEAD, TAIL) == [Send(HEAD.data), Send(TAIL.data)]


def test_the_connection_opens_and_replies_pass() -> None:
    """Only requests fail: a retry needs a connection and an answer."""
    assert asked(made(Transient, speaks=Chatty()).on_open()) == []
    assert asked(made(Transient, "downstream", speaks=Chatty()).on_data(WHOLE)) == [Send(DATA)]


def test_it_fails_with_the_kind_that_is_asked_for() -> None:
    """The options of ``errors`` hold here too."""
    transient = made(Transient, speaks=Chatty(), kind="no")

    assert asked(transient.on_data(WHOLE)) == [Reply(b"no request -")]
