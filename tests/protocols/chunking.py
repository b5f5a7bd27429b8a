"""Shared by the tests of all framers: dialogues cut anywhere, and what their frames add up to.

A dialogue is a list of turns, ``("client", b"…")`` or ``("backend", b"…")``. A framer is right
when it finds the same messages in it however the bytes of each turn are cut::

    @thorough
    @given(cuts(DIALOGUE))
    def test_finds_the_same_messages_in_any_chunks(turns: list[Turn]) -> None:
        assert talk(Redis(), turns) == talk(Redis(), DIALOGUE)

``CHAOSTUI_EXAMPLES=2000`` makes every such test try so many cuts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, groupby
from typing import Literal, NamedTuple

from hypothesis import HealthCheck, settings, strategies as st

from chaostui.protocol import Frame, Protocol, Request
from chaostui.protocols.framing import Framed

Side = Literal["client", "backend"]
Turn = tuple[Side, bytes]

thorough = settings(
    max_examples=int(os.environ.get("CHAOSTUI_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Message(NamedTuple):
    """A message, put together again from its frames.

    ``aside`` are bytes that answer nothing (a greeting, a push); ``last`` is False where the
    end never came. ``request`` is what a request asks, or what a reply that says so answers.
    """

    data: bytes
    last: bool = True
    aside: bool = False
    request: Request | None = None
    reply: bool = True


class Transcript(NamedTuple):
    """All that a protocol made of a dialogue; no messages where the frame was lost."""

    requests: list[Message]
    replies: list[Message]
    opaque: str = ""
    """Why the frame was lost."""


def mixed_messages(frames: Iterable[Frame]) -> list[Message]:
    """Put replies together whose frames alternate and name their requests.

    The end of a reply that never began, as of an abandoned request, is empty and no aside.
    """
    found: list[Message] = []
    places: dict[int, int] = {}
    for frame in frames:
        at = places.get(id(frame.request))
        if frame.request is None:
            assert not frame.last, "an end of a reply to nothing"
            at = len(found) - 1 if found and found[-1].aside else None
        if at is None:
            assert frame.request is None or frame.first or frame == (b"", False, True, *frame[3:])
            places[id(frame.request)] = len(found)
            found.append(Message(frame.data, frame.last, frame.request is None, frame.request))
        else:
            assert not frame.first, "a message began twice"
            found[at] = found[at]._replace(data=found[at].data + frame.data, last=frame.last)
    return found


def messages(frames: Iterable[Frame]) -> list[Message]:
    """Put messages together from their frames; asides in a row count as one."""
    found: list[Message] = []
    inside = False
    for frame in frames:
        aside = not inside and not frame.first
        old = found[-1] if found else None
        if old is not None and (inside or (aside and old.aside)):
            assert not (inside and frame.first), "a message began inside another"
            assert frame.request is old.request, "the frames of a request differ in what it asks"
            assert frame.reply == old.reply
            found[-1] = old._replace(data=old.data + frame.data, last=frame.last)
        else:
            assert not (aside and frame.last), "an end of something that never began"
            found.append(Message(frame.data, frame.last, aside, frame.request, frame.reply))
        inside = not aside and not frame.last
    return found


def talk(protocol: Protocol, turns: Iterable[Turn]) -> Transcript:
    """Give ``turns`` to ``protocol`` one by one, then both ends; no byte may be lost."""
    client: list[Frame] = []
    backend: list[Frame] = []
    given = {"client": b"", "backend": b""}
    for side, data in turns:
        given[side] += data
        if side == "client":
            client += protocol.request(data)
        else:
            backend += protocol.reply(data)
    client += protocol.request_end()
    backend += protocol.reply_end()
    assert joined(client) == given["client"]
    assert joined(backend) == given["backend"]
    if protocol.opaque:
        return Transcript([], [], protocol.opaque)
    together = messages if protocol.ordered else mixed_messages
    return Transcript(messages(client), together(backend))


def alike_in_runs(kind: Callable[[], Framed], turns: Sequence[Turn], runs: Sequence[bool]) -> None:
    """Give ``turns`` to two of a kind, of which one may make runs in those turns where ``runs``
    says so: after each turn both have passed the same bytes, and as many messages.
    """
    one_by_one, in_runs = kind(), kind()
    for (side, data), may in zip(turns, cycle(runs or [True]), strict=False):
        in_runs.runs = may
        told = []
        for protocol in (one_by_one, in_runs):
            frames = protocol.request(data) if side == "client" else protocol.reply(data)
            assert may or all(frame.messages <= 1 for frame in frames)
            assert all(frame.first and frame.last for frame in frames if frame.messages > 1)
            begun = sum(frame.messages for frame in frames if frame.first)
            ended = sum(frame.messages for frame in frames if frame.last)
            names = [frame.request for frame in frames if frame.first and side == "client"][-1:]
            held = (protocol.upstream.held, protocol.downstream.held)
            known = (len(protocol.waiting), protocol.opaque, held)
            told.append((joined(frames), begun, ended, names, known))
        for plain, run in zip(*told, strict=True):
            assert plain == run


def joined(frames: Iterable[Frame]) -> bytes:
    """All bytes of ``frames``."""
    return b"".join(frame.data for frame in frames)


def pieces(data: bytes, size: int) -> list[bytes]:
    """Cut ``data`` into pieces of ``size`` bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def cuts(turns: Sequence[Turn]) -> st.SearchStrategy[list[Turn]]:
    """Cut each turn anywhere; turns of one side in a row are one stream."""
    whole: list[Turn] = [
        (side, b"".join(data for _, data in group))
        for side, group in groupby(turns, key=lambda turn: turn[0])
    ]
    parts = [_cut(side, data) for side, data in whole]
    return st.tuples(*parts).map(lambda cut: [turn for part in cut for turn in part])


def _cut(side: Side, data: bytes) -> st.SearchStrategy[list[Turn]]:
    even = st.integers(1, 8).map(lambda size: pieces(data, size))
    places = st.lists(st.integers(0, len(data)), max_size=12, unique=True).map(sorted)
    uneven = places.map(
        lambda at: [data[i:j] for i, j in zip([0, *at], [*at, len(data)], strict=True) if i < j]
    )
    return st.one_of(uneven, even).map(lambda parts: [(side, part) for part in parts])


def mutations(data: bytes) -> st.SearchStrategy[bytes]:
    """``data`` with some places overwritten, cut out, doubled or filled with noise."""
    place = st.integers(0, len(data))
    noise = st.one_of(
        st.binary(max_size=6),
        st.sampled_from([b"", b"\r\n", b"\n", b"\0", b"-1", b"9" * 20, b"2147483648", b" "]),
    )
    edits = st.lists(st.tuples(place, place, noise), min_size=1, max_size=4)

    def edited(changes: list[tuple[int, int, bytes]]) -> bytes:
        spoilt = data
        for start, end, filling in changes:
            spoilt = spoilt[:start] + filling + spoilt[min(end, start + 8) :]
        return spoilt

    return edits.map(edited)


def garbled(turns: Sequence[Turn]) -> st.SearchStrategy[list[Turn]]:
    """The dialogue with one of its turns mutated, or replaced by random bytes; cut anywhere."""

    def spoil(at: int) -> st.SearchStrategy[list[Turn]]:
        side, data = turns[at]
        bad = st.one_of(mutations(data), st.binary(min_size=1, max_size=200))
        return bad.map(lambda new: [*turns[:at], (side, new), *turns[at + 1 :]])

    return st.integers(0, len(turns) - 1).flatmap(spoil).flatmap(cuts)


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of CPU that ``work`` takes, the best of some ``times``."""
    best = float("inf")
    for _ in range(times):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best
