"""Every word that stands on the screen is explained."""

from __future__ import annotations

from chaostui.tui.model import words
from chaostui.tui.model.columns import COLUMNS
from chaostui.tui.widgets.kpis import _CARDS


def test_every_column_and_figure_is_explained() -> None:
    """f1 on the table tells what each heading and each figure above means."""
    told = dict(words.of("connections"))

    assert {column.title for column in COLUMNS} <= set(told)
    assert {title for title, *_ in _CARDS} <= set(told)
    for title, short, *_ in _CARDS:
        assert title in ("UP ↑", "DOWN ↓") or f"({short})" in told[title]


def test_every_pane_tells_the_words_of_the_top_bar() -> None:
    """Wherever f1 is pressed, live, lost and the state of faults are explained."""
    for context in (*words.PANES, "journal"):
        assert {"live", "lost", "FAULTS ON", "ALL NORMAL"} <= set(dict(words.of(context)))
