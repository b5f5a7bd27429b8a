"""The exchanges whose replies are due: shared by what came together, told apart when it counts."""

from __future__ import annotations

from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.relay.exchanges.due import Due, count
from chaostui.protocol import Frame, Request


def test_replies_are_taken_off_the_oldest_first() -> None:
    """Four replies to three and two requests: the first exchange is over, one reply is due."""
    due = Due([Exchange(3, 0.0, due=3), Exchange(5, 0.0, due=2)])

    assert [(each.number, n) for each, n in due.count_down(4, ends=True)] == [(3, 3), (5, 1)]
    assert [(each.number, each.due) for each in due] == [(5, 1)]


def test_the_beginning_of_a_reply_ends_nothing() -> None:
    """It is answered, and due until its end has come."""
    due = Due([Exchange(1, 0.0)])

    list(due.count_down(1, ends=False))
    assert [(each.answered, each.due) for each in due] == [(True, 1)]
    list(due.count_down(1, ends=True))
    assert not due


def test_those_that_share_an_exchange_are_told_apart() -> None:
    """Each gets its number; a reply that has begun is the oldest's."""
    due = Due([Exchange(4, 1.5, due=3, answered=True)])

    due.tell_apart()

    assert [(each.number, each.due, each.answered) for each in due] == [
        (2, 1, True),
        (3, 1, False),
        (4, 1, False),
    ]


def test_requests_are_counted_with_the_replies_they_get() -> None:
    """A request without a reply begins, and nothing is due; the rest of one begins nothing."""
    get, quiet = Request("GET"), Request("QUIET")
    frames = [
        Frame(b"a", request=get),
        Frame(b"b", first=False, request=get),
        Frame(b"c", request=quiet, reply=False),
    ]

    assert count(frames) == (2, 1, quiet)
