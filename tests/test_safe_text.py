"""Untrusted text: nothing that controls a terminal or hides itself comes out of it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from chaostui.safe_text import safe_text

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /a?b=1", "GET /a?b=1"),
        ("grüße, 世界 🐒", "grüße, 世界 🐒"),
        ("a\u00a0b", "a\u00a0b"),
        ("", ""),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b6n", "\\x9b6n"),
        ("line\r\nnext\tcell\x00", "line\\x0d\\x0anext\\x09cell\\x00"),
        ("\x7f", "\\x7f"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
        ("\ue000", "\\ue000"),
        ("\U000e0041", "\\U000e0041"),
        (b"PING\r\n", "PING\\x0d\\x0a"),
        ("grün".encode(), "grün"),
        (b"\xff\xfe\x1b", "\\xff\\xfe\\x1b"),
    ],
)
def test_what_is_shown(text: str | bytes, shown: str) -> None:
    """Printable text stays; controls, bidi, invisible and undecodable bytes are written out."""
    assert safe_text(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        (b"abcdefg", 6, "abcde…"),
        ("ab\x1b", 6, "ab\\x1b"),
        ("abc\x1b", 6, "abc…"),
        ("ab\x1b\x1b", 6, "ab…"),
        ("\x1b" * 5, 9, "\\x1b\\x1b…"),
        ("🐒🐒🐒".encode(), 2, "🐒…"),
        ("a", 1, "a"),
        ("ab", 1, "…"),
    ],
)
def test_length_is_capped_and_no_escape_is_cut_in_two(
    text: str | bytes, limit: int, shown: str
) -> None:
    """At most ``limit`` characters come out, the last an ellipsis where something is missing."""
    assert safe_text(text, limit) == shown


@given(text=st.text() | st.binary(max_size=400), limit=st.integers(1, 300))
def test_nothing_hidden_ever_comes_out(text: str | bytes, limit: int) -> None:
    """For any text or bytes the result is one visible line within the limit."""
    shown = safe_text(text, limit)

    assert len(shown) <= limit
    assert not any(unicodedata.category(c) in HIDDEN for c in shown)


def test_a_megabyte_costs_no_more_than_what_is_shown() -> None:
    """Only the beginning of long input is looked at."""
    assert safe_text(b"\x1b" * 1_000_000, 13) == "\\x1b" * 3 + "…"
