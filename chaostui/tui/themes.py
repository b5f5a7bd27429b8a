"""The console's own themes. Every text has a contrast of at least 4.5:1; tests hold that."""

from __future__ import annotations

from textual.theme import Theme

_DARK = {
    "chaos-dim": "#8FA0B2",
    "chaos-good": "#2FD6A3",
    "chaos-warn": "#F0C541",
    "chaos-bad": "#FF7A33",
    "chaos-up": "#5AA9FF",
    "chaos-down": "#E69F00",
    "chaos-cursor": "#243547",
    "chaos-0": "#2FD6A3",
    "chaos-1": "#5AA9FF",
    "chaos-2": "#FF7A33",
    "chaos-3": "#D58AB4",
    "chaos-4": "#F0E442",
    "chaos-5": "#56C8E9",
    "chaos-6": "#E69F00",
    "chaos-7": "#B8A6FF",
}
_LIGHT = {
    "chaos-dim": "#55606C",
    "chaos-good": "#006247",
    "chaos-warn": "#6B4E00",
    "chaos-bad": "#A23B00",
    "chaos-up": "#004F7C",
    "chaos-down": "#7A5200",
    "chaos-cursor": "#DCE8F5",
    "chaos-0": "#006247",
    "chaos-1": "#004F9C",
    "chaos-2": "#A23B00",
    "chaos-3": "#8A3A68",
    "chaos-4": "#6B4E00",
    "chaos-5": "#00596B",
    "chaos-6": "#7A4A00",
    "chaos-7": "#5B3FA0",
}
_MONO = dict.fromkeys(_DARK, "#E6E6E6") | {
    "chaos-dim": "#A0A0A0",
    "chaos-warn": "#FFFFFF",
    "chaos-bad": "#FFFFFF",
    "chaos-cursor": "#363636",
}
# Blue, orange, yellow and greys: pairs that keep apart for protan, deutan and tritan eyes,
# and differ in lightness too.
_BLIND = _DARK | {
    "chaos-good": "#6CB6FF",
    "chaos-warn": "#F0E442",
    "chaos-bad": "#FFA04D",
    "chaos-down": "#F0E442",
    "chaos-0": "#6CB6FF",
    "chaos-1": "#FFFFFF",
    "chaos-2": "#FFA04D",
    "chaos-3": "#A9B4C0",
    "chaos-4": "#F0E442",
    "chaos-5": "#A6D3FF",
    "chaos-6": "#D9B26F",
    "chaos-7": "#C9C9E8",
}
FALLBACK = _DARK
"""What a theme that is not ours uses for the console's own colours on a dark ground."""
FALLBACK_LIGHT = _LIGHT

THEMES = (
    Theme(
        "chaos", primary="#5AA9FF", secondary="#56C8E9", accent="#E69F00", warning="#F0C541",
        error="#FF7A33", success="#2FD6A3", foreground="#DDE3EA", background="#101418",
        surface="#101418", panel="#1A222B", dark=True, text_alpha=1.0, variables=_DARK,
    ),
    Theme(
        "chaos-light", primary="#004F9C", secondary="#00596B", accent="#7A4A00",
        warning="#6B4E00", error="#A23B00", success="#006247", foreground="#15191E",
        background="#FFFFFF", surface="#FFFFFF", panel="#EEF2F6", dark=False, text_alpha=1.0,
        variables=_LIGHT,
    ),
    Theme(
        "chaos-mono", primary="#E6E6E6", secondary="#C8C8C8", accent="#FFFFFF",
        warning="#FFFFFF", error="#FFFFFF", success="#E6E6E6", foreground="#E6E6E6",
        background="#101010", surface="#101010", panel="#222222", dark=True, text_alpha=1.0,
        variables=_MONO,
    ),
    Theme(
        "chaos-colorblind", primary="#6CB6FF", secondary="#A6D3FF", accent="#F0E442",
        warning="#F0E442", error="#FFA04D", success="#6CB6FF", foreground="#E4E9EF",
        background="#101418", surface="#101418", panel="#1A222B", dark=True, text_alpha=1.0,
        variables=_BLIND,
    ),
)  # fmt: skip
