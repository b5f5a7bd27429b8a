"""What an action does, in the few words of an event."""

from __future__ import annotations

import pytest

from chaostui.actions import Action, Close, Reply, Reset, Send, Stall, Wait
from chaostui.engine.faults.describe import describe
from chaostui.protocol import Frame


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Send(b"ping", after=0.25), "held 0.250 s, 4 B"),
        (Send(b"pi"), "4 B became 2 B"),
        (Wait(1.5), "waits 1.500 s"),
        (Reply(b"-ERR\r\n"), "answered with 6 B"),
        (Reply(b"-ERR\r\n", what="loading"), "answered with loading"),
        (Stall(), "stalled, 4 B wait"),
        (Close(), "closed"),
        (Reset(), "reset"),
    ],
)
def test_an_action_is_told_in_a_few_words(action: Action, words: str) -> None:
    """Sizes in bytes, times in seconds, and the protocol's own word for its errors."""
    assert describe(action, Frame(b"ping")) == words
