"""The table of actions: what key bindings, footer, palette, help and README are made from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaostui.tui.actions import (
    ACTIONS,
    BY_ID,
    EVERYWHERE,
    FOOTERS,
    Action,
    clashes,
    key_table,
    shown,
)

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_an_action_is_complete(action: Action) -> None:
    """Each action has a name of the form ``area: verb``, help, and a documented request."""
    assert re.fullmatch(r"[a-z]+: \S.*", action.palette)
    assert action.help
    if action.request and "/tap" not in action.request:
        method, path = action.request.split(" ", 1)
        assert f"`{method} {path.partition('?')[0]}" in API


def test_ids_are_unique() -> None:
    """No two actions have the same id or the same name in the palette."""
    assert len(BY_ID) == len(ACTIONS)
    assert len({action.palette for action in ACTIONS}) == len(ACTIONS)


def test_no_key_means_two_things() -> None:
    """No two actions of a context share a key, nor one of a pane with one of everywhere."""
    assert clashes() == []
    everywhere = {key: a.id for a in ACTIONS if a.context in EVERYWHERE for key in a.keys}
    shadowed = {
        (a.id, everywhere[key])
        for a in ACTIONS
        if a.context not in EVERYWHERE
        for key in a.keys
        if key in everywhere
    }

    # These panes have a filter or an export of their own under the same key.
    assert shadowed == {
        ("events.filter", "connections.filter"),
        ("options.filter", "connections.filter"),
        ("journal.export", "export.write"),
    }


def test_a_clash_is_found() -> None:
    """Two actions on one key of one context are told."""
    one, two = (Action(name, ("x",), "mix", "mix: x", "x") for name in ("a", "b"))

    assert clashes([one, two]) == ["x in mix: a and b"]


def test_footers_name_actions_that_have_words() -> None:
    """Everything in a footer exists and has a short word."""
    for identities in FOOTERS.values():
        for identity in identities:
            assert BY_ID[identity].short or BY_ID[identity].keys


def test_the_key_table_lists_every_key() -> None:
    """The README's table has each key of each action."""
    table = key_table()

    for action in ACTIONS:
        if action.keys and action.id != "fault.toggle":
            assert action.help in table
            assert all(f"`{shown(key)}`" in table.replace("\\|", "|") for key in action.keys)
    assert "`1` … `9`" in table


def test_percentages_are_written_in_one_way() -> None:
    """A number and its percent sign stand together, in every label and help."""
    texts = [text for action in ACTIONS for text in (action.help, action.palette, action.short)]

    assert [text for text in texts if re.search(r"\d %", text)] == []
