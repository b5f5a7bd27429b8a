"""Server-sent events, however they are cut."""

from __future__ import annotations

import msgspec
import pytest

from chaostui.client import Dropped
from chaostui.client.sse import Reader
from chaostui.events import Changed, Opened

EVENTS = [
    Changed(seq=1, at=0.0, proxy="", actor="a", what="note", after="a\n\nb"),
    Dropped(7),
    Opened(seq=9, at=0.5, proxy="p", connection=3, client="c"),
]
STREAM = (
    b": chaostui events\n\n"
    + b"id: 1\nevent: change\ndata: %b\n\n" % msgspec.json.encode(EVENTS[0])
    + b'event: dropped\ndata: {"dropped":7}\n\n'
    + b": alive\n\n"
    + b"id: 9\nevent: open\ndata: %b\n\n" % msgspec.json.encode(EVENTS[2])
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 1000])
def test_pieces_of_any_size_make_the_same_events(size: int) -> None:
    """Comments are skipped, gaps are told, and nothing depends on how bytes arrive."""
    reader = Reader()
    pieces = [STREAM[i : i + size] for i in range(0, len(STREAM), size)]

    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


def test_half_an_event_is_none() -> None:
    """What is not complete waits."""
    reader = Reader()

    assert list(reader.feed(STREAM[:-1])) == EVENTS[:-1]
    assert list(reader.feed(STREAM[-1:])) == EVENTS[-1:]
