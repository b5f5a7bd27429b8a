"""Payload as text and hex, bounded."""

from __future__ import annotations

from chaostui.tui.model.tap import Tap


def test_hex_has_offsets_and_text() -> None:
    """Sixteen bytes a line, eight where it is narrow."""
    tap = Tap(7)
    tap.add("upstream", 16, bytes(range(60, 80)))
    wide = tap.rows(as_hex=True, width=100)
    narrow = tap.rows(as_hex=True, width=60)

    assert [row.head for row in wide] == ["00000010", "00000020"]
    assert wide[0].text == "3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK"
    assert len(narrow) == 3


def test_text_has_one_row_a_line() -> None:
    """Lines are shown without their ends, and whatever could control a terminal written out."""
    tap = Tap(7)
    tap.add("upstream", 0, b"GET / HTTP/1.1\r\nHost: \x1b]0;x\x07\r\n")

    assert [row.text for row in tap.rows(as_hex=False, width=80)] == [
        "GET / HTTP/1.1",
        "Host: \\x1b]0;x\\x07",
    ]


def test_long_lines_are_folded() -> None:
    """A line longer than the pane goes on in the next row."""
    tap = Tap(7)
    tap.add("upstream", 0, b"x" * 100)

    assert [len(row.text) for row in tap.rows(as_hex=False, width=50)] == [40, 40, 20]


def test_faults_stand_between_the_bytes() -> None:
    """What was injected is told where it happened, whichever direction is shown."""
    tap = Tap(7)
    tap.add("upstream", 0, b"GET")
    tap.note("delay: held 1.63 s", 0.0)
    tap.add("downstream", 0, b"OK")

    assert [row.text for row in tap.rows(as_hex=False, width=80, direction="downstream")] == [
        "── delay: held 1.63 s ──",
        "OK",
    ]


def test_payload_is_bounded() -> None:
    """The newest bytes are kept; what is gone or was never told is counted."""
    tap = Tap(7, budget=10)
    tap.add("upstream", 0, b"12345678")
    tap.add("upstream", 8, b"12345678")
    tap.add("upstream", 20, b"1")

    assert len(tap) == 9
    assert tap.missing == 8 + 4
