"""loss: retransmissions take time; every byte arrives, in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from chaostui.actions import Send
from chaostui.handlers.loss import SEGMENT, Loss
from chaostui.protocol import Frame
from tests.handlers.table import DATA, WHOLE, asked, made

ROLLS = 20_000


@given(st.binary(max_size=20_000), st.floats(0, 100), st.floats(0, 100))
def test_no_byte_is_missing(data: bytes, rate: float, burst: float) -> None:
    """Joined, what is sent is what came; later pieces never overtake earlier ones."""
    sends = asked(made(Loss, rate=rate, burst=burst).on_data(Frame(data)))
    late = [send.after for send in sends if isinstance(send, Send)]

    assert b"".join(send.data for send in sends if isinstance(send, Send)) == data
    assert late == sorted(late)


def test_without_loss_nothing_waits() -> None:
    """At 0 % bytes pass as they are, whatever the burst."""
    assert asked(made(Loss, rate=0, burst=50).on_data(WHOLE)) == [Send(DATA)]


def test_delays_are_those_of_retransmissions() -> None:
    """200 ms, then 600, 1400, 3000: the timeout doubles each time (RFC 6298)."""
    loss = made(Loss, rate=50)
    seen = {round(loss.delay(), 6) for _ in range(ROLLS)}

    assert {0, 0.2, 0.6, 1.4, 3.0, 6.2} <= seen


def test_the_rate_is_the_share_of_late_segments() -> None:
    """At 10 % a tenth of the segments is late, a hundredth late twice."""
    loss = made(Loss, rate=10)
    delays = [loss.delay() for _ in range(ROLLS)]

    assert sum(d > 0 for d in delays) == pytest.approx(ROLLS / 10, rel=0.1)
    assert sum(d > 0.3 for d in delays) == pytest.approx(ROLLS / 100, rel=0.2)


def test_at_100_percent_a_segment_is_as_late_as_tcp_tries() -> None:
    """The 15th retransmission, Linux's last, gets through; RFC 6298's timeouts add up."""
    assert made(Loss, rate=100).delay() == pytest.approx(0.2 * (2**10 - 1) + 5 * 120)


def test_a_burst_makes_losses_follow_each_other() -> None:
    """With 80 % more behind a lost segment, most losses come in runs."""
    loss = made(Loss, rate=2, burst=80)
    lost = [loss.delay() > 0 for _ in range(ROLLS)]
    behind = [b for a, b in pairwise(lost) if a]

    assert sum(behind) / len(behind) == pytest.approx(0.82, abs=0.05)


def test_segments_before_the_lost_one_are_not_late() -> None:
    """Of many segments those ahead of the first loss pass at once."""
    loss = made(Loss, rate=3)
    first, *rest = asked(loss.on_data(Frame(bytes(SEGMENT * 200))))

    assert isinstance(first, Send)
    assert first.after == 0
    assert len(first.data) % SEGMENT == 0
    assert rest
