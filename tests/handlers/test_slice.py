"""slice: what comes together leaves in pieces, in order, none missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from chaostui.actions import Send, Wait
from chaostui.handlers.slice import Slice
from chaostui.protocol import Frame
from tests.handlers.table import DATA, WHOLE, asked, made


def sizes(length: int, **options: Any) -> list[int]:
    """How long the pieces of ``length`` bytes are."""
    return [len(piece) for piece in made(Slice, **options).pieces(bytes(length))]


@pytest.mark.parametrize(
    ("length", "size", "pieces"),
    [
        (1024, 64, [64] * 16),
        (300, 64, [37, 38, 37, 38, 37, 38, 37, 38]),
        (64, 64, [64]),
        (5, 1, [1] * 5),
        (300, 0, [300]),
    ],
)
def test_a_chunk_is_halved_until_its_pieces_are_short(
    length: int, size: int, pieces: list[int]
) -> None:
    """The pieces are those that Toxiproxy's slicer makes; size 0 leaves chunks as they come."""
    assert sizes(length, size=size) == pieces


@given(
    data=st.binary(max_size=5000),
    size=st.integers(0, 100),
    variation=st.integers(0, 1000),
)
def test_no_byte_is_lost_whatever_the_sizes(data: bytes, size: int, variation: int) -> None:
    """Joined, the pieces are the chunk; none is over ``size + variation``, none empty."""
    pieces = list(made(Slice, size=size, variation=variation).pieces(data))

    assert b"".join(pieces) == data
    assert not data or all(pieces)
    assert not size or max(map(len, pieces)) <= size + variation


def test_a_variation_makes_pieces_uneven() -> None:
    """With a spread the pieces have different lengths."""
    assert len(set(sizes(10_000, size=100, variation=50))) > 10


def test_each_piece_is_followed_by_a_pause() -> None:
    """The pause, in milliseconds, comes after the last piece too."""
    made_slice = made(Slice, size=3, delay=20)

    assert asked(made_slice.on_data(WHOLE)) == [
        Send(DATA[:3]), Wait(0.02), Send(DATA[3:]), Wait(0.02),
    ]  # fmt: skip


def test_pieces_leave_by_themselves_without_a_pause_too() -> None:
    """A wait of no time lets each piece be written before the next."""
    assert asked(made(Slice, size=3).on_data(WHOLE))[1] == Wait(0)


def test_the_other_direction_is_left_alone() -> None:
    """``direction`` says which way is sliced."""
    assert asked(made(Slice, size=1, direction="downstream").on_data(Frame(DATA))) == [Send(DATA)]
