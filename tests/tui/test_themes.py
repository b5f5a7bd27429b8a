"""Colours can be read, and glyphs are one column wide."""

from __future__ import annotations

from itertools import product

import pytest
from textual.color import Color
from textual.theme import Theme
from wcwidth import wcwidth

from chaostui import registry
from chaostui.tui.model import figures, glyphs
from chaostui.tui.model.tap import ARROWS
from chaostui.tui.themes import FALLBACK, THEMES


def contrast(one: Color, two: Color) -> float:
    """The contrast of two colours, as WCAG 2 defines it."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: Color) -> float:
    """The relative luminance of a colour, as WCAG 2 defines it."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_text_can_be_read(theme: Theme) -> None:
    """Every colour of text has at least 4.5:1 on every ground it stands on."""
    grounds = [theme.background, theme.surface, theme.panel, theme.variables["chaos-cursor"]]
    texts = [theme.foreground, theme.primary]
    texts += [value for name, value in theme.variables.items() if name != "chaos-cursor"]

    poor = [
        (text, ground, round(contrast(Color.parse(text), Color.parse(ground)), 2))
        for text, ground in product(texts, grounds)
        if text and ground and contrast(Color.parse(text), Color.parse(ground)) < 4.5
    ]
    assert poor == []


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_themes_define_the_same_colours(theme: Theme) -> None:
    """Each theme has all of the console's own colours."""
    assert set(theme.variables) == set(FALLBACK)


def test_glyphs_are_one_column_wide() -> None:
    """No glyph shifts what stands behind it."""
    names = [handler.name for handler in registry.HANDLERS] + ["own"]
    shown = "".join(glyphs.glyph(name) for name in names) + "".join(ARROWS.values())
    shown += figures.BLOCKS + "█·●○▲▼▶‹›…─×✕✓‖"

    assert [glyph for glyph in shown if wcwidth(glyph) != 1] == []


def test_handlers_are_told_apart_without_colour() -> None:
    """Each built-in handler has a glyph of its own."""
    names = list(glyphs._KNOWN)

    assert len({glyphs.glyph(name) for name in names}) == len(names)


def test_own_handlers_keep_their_hue() -> None:
    """A user's handler has one hue, the same in every session, and not that of normal."""
    assert glyphs.hue("ldap_storm") == glyphs.hue("ldap_storm") > 0
    assert glyphs.glyph("ldap_storm") == glyphs.OWN
