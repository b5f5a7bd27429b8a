"""corrupt: some bits differ, the length does not."""

from __future__ import annotations

import pytest

from chaostui.actions import Send
from chaostui.handlers.corrupt import Corrupt
from chaostui.protocol import Frame
from tests.handlers.table import DATA, WHOLE, asked, made


def flipped(before: bytes, after: bytes) -> int:
    """Count the bits in which two texts of one length differ."""
    assert len(before) == len(after)
    return (int.from_bytes(before) ^ int.from_bytes(after)).bit_count()


@pytest.mark.parametrize(("bits", "wrong"), [(1, 1), (5, 5), (1000, len(DATA) * 8)])
def test_so_many_bits_are_flipped(bits: int, wrong: int) -> None:
    """Exactly ``bits`` differ, or all of a chunk that has fewer."""
    (sent,) = asked(made(Corrupt, "downstream", bits=bits).on_data(WHOLE))

    assert isinstance(sent, Send)
    assert flipped(DATA, sent.data) == wrong


def test_the_rate_is_a_share_of_the_chunks() -> None:
    """At 20 % a fifth of many chunks is hit; at 0 % none."""
    corrupt = made(Corrupt, "downstream", rate=20)
    hit = sum(asked(corrupt.on_data(WHOLE)) != [Send(DATA)] for _ in range(5000))

    assert 900 < hit < 1100
    assert asked(made(Corrupt, "downstream", rate=0).on_data(WHOLE)) == [Send(DATA)]


def test_requests_pass_by_default() -> None:
    """The reply is what is spoilt, unless ``direction`` says otherwise."""
    assert asked(made(Corrupt, "upstream").on_data(WHOLE)) == [Send(DATA)]
    assert asked(made(Corrupt, "upstream", direction="both").on_data(WHOLE)) != [Send(DATA)]


def test_an_empty_chunk_stays_empty() -> None:
    """There is nothing to flip."""
    assert asked(made(Corrupt, "downstream").on_data(Frame(b""))) == [Send(b"")]
