"""Glyphs as ASCII, and where that is chosen by itself."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from chaostui import registry
from chaostui.tui.model import figures
from chaostui.tui.model.glyphs import OWN, glyph
from chaostui.tui.model.plain import ascii_of, wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("╭─ Events · following ▼ ─╮", "+- Events - following v -+"),
        ("█████·····", "#####-----"),
        ("20% → 25% …", "20% > 25% ~"),
        ("größe 漢", "gr??e ??"),
    ],
)
def test_text_keeps_its_width(text: str, expected: str) -> None:
    """Each glyph becomes what looks like it, and as wide; other characters become ``?``."""
    assert ascii_of(text) == expected
    assert cell_len(expected) == cell_len(text)


def test_each_handler_keeps_a_sign_of_its_own() -> None:
    """No two handlers look alike in ASCII."""
    names = [handler.name for handler in registry.HANDLERS]
    signs = {ascii_of(glyph(name)) for name in (*names, "own")}

    assert "?" not in signs
    assert len(signs) == len(names) + 1
    assert glyph("own") == OWN


def test_sparklines_keep_their_steps() -> None:
    """The eight heights are eight signs."""
    assert len(set(ascii_of(figures.BLOCKS))) == len(figures.BLOCKS)


@pytest.mark.parametrize(
    ("glyphs", "environ", "expected"),
    [
        ("ascii", {"LANG": "en_US.UTF-8"}, True),
        ("unicode", {"LC_ALL": "C", "TERM": "linux"}, False),
        ("auto", {"LANG": "de_DE.UTF-8", "TERM": "xterm"}, False),
        ("auto", {"LANG": "en_US.utf8"}, False),
        ("auto", {}, False),
        ("auto", {"LANG": "de_DE.ISO-8859-1"}, True),
        ("auto", {"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ("auto", {"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),
        ("auto", {"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
    ],
)
def test_ascii_is_chosen(glyphs: str, environ: dict[str, str], expected: bool) -> None:
    """Where it is asked for, the locale is not UTF-8, or the terminal is the Linux console."""
    assert wanted(glyphs, environ) is expected
