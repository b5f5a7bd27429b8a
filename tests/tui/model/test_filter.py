"""The filter language, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from chaostui.tui.model.filter import EVENT_FIELDS, Filter, FilterError, parse

ROWS: dict[str, list[object]] = {
    "id": [1, 2, 3, 4],
    "client": ["10.0.0.1:4001", "10.0.0.2:4002", "[::1]:4003", "192.168.1.9:4004"],
    "backend": ["db:1", "db:1", "db:2", "db:2"],
    "proxy": ["redis", "redis", "mysql", "mysql"],
    "handler": ["delay", "normal", "delay", "hang"],
    "state": ["open", "open", "closed", "half-closed"],
    "request": ["GET", "SET", "SELECT 1", ""],
    "pinned": ["", "", "delay", ""],
    "opaque": ["", "", "", ""],
    "up": [10, 2_000_000, 30, 40],
    "down": [1, 2, 3, 4],
    "bytes": [11, 2_000_002, 33, 44],
    "rate": [0, 500, 20_000, 0],
    "held": [0, 0, 64, 0],
    "exchanges": [1, 2, 3, 4],
    "hits": [0, 0, 9, 1],
    "age": [0.5, 61, 3600, 5],
    "idle": [0.1, 0.2, 30, 5],
}


class Table:
    """Rows as columns."""

    def numbers(self, field: str) -> Sequence[float]:
        """A column of numbers."""
        return [float(str(value)) for value in ROWS[field]]

    def texts(self, field: str) -> Sequence[str]:
        """A column of texts."""
        return [str(value) for value in ROWS[field]]


def ids(text: str) -> list[int]:
    """The ids that a filter lets pass."""
    return [index + 1 for index in parse(text).apply(Table(), range(4))]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [1, 2, 3, 4]),
        ("   ", [1, 2, 3, 4]),
        ("handler:delay", [1, 3]),
        ("HANDLER:DELAY", [1, 3]),
        ("handler:de", [1, 3]),
        ("handler=de", []),
        ("handler:hang OR handler:normal", [2, 4]),
        ("handler:delay proxy:mysql or id=2", [2, 3]),
        ("handler:delay and proxy:mysql", [3]),
        ('"or"', [2]),
        ("handler=delay", [1, 3]),
        ("handler!=delay", [2, 4]),
        ("client:10.", [1, 2]),
        ("client:[::1]", [3]),
        ("client:10. handler:delay", [1]),
        ("bytes>1M", [2]),
        ("bytes>=2000002", [2]),
        ("up<20", [1]),
        ("id=3", [3]),
        ("id:3", [3]),
        ("id!=3", [1, 2, 4]),
        ("age>1m", [2, 3]),
        ("idle<500ms", [1, 2]),
        ("rate>=20k", [3]),
        ("/10\\.0\\.0\\.[12]:/", [1, 2]),
        ("client:/^192/", [4]),
        ("/select \\d/", [3]),
        ('"select 1"', [3]),
        ('request:"SELECT 1"', [3]),
        ("-closed", [1, 2]),
        ("!state=closed", [1, 2, 4]),
        ("-handler:delay -hang", [2]),
        ("redis get", [1]),
        ("pinned:delay", [3]),
        ("mysql -state:half", [3]),
    ],
)
def test_terms_are_joined_by_and(text: str, kept: list[int]) -> None:
    """Each term narrows down what the ones before let pass."""
    assert ids(text) == kept


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("colour:red", "no field named 'colour' .there are client"),
        ("bytes>x", "is not a size"),
        ("age>5parsecs", "is not a time"),
        ("bytes>", "a value is missing after bytes>"),
        ("-", "a term is missing"),
        ("/[/", "not a regular expression"),
        ("/open", "ends with /"),
        ('"open', 'a quoted text ends with "'),
        ("client>10", "client is a text"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, problem: str) -> None:
    """A filter that cannot be read says why, and what is known."""
    with pytest.raises(FilterError, match=problem):
        parse(text)


def test_an_empty_filter_is_false() -> None:
    """An empty filter is no filter."""
    assert not parse(" ")
    assert parse("delay")
    assert Filter() == parse("")


def test_events_have_fields_of_their_own() -> None:
    """The same language filters events by kind, connection and text."""
    assert parse("kind:fault connection=7 /held/", EVENT_FIELDS)
    with pytest.raises(FilterError, match="no field named 'bytes'"):
        parse("bytes>1", EVENT_FIELDS)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is typed, the parser answers: a filter that works, or a reason."""
    with suppress(FilterError):
        assert set(parse(text).apply(Table(), range(4))) <= {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("OR delay", "a term is missing beside OR"),
        ("delay OR", "a term is missing beside OR"),
        ("delay OR OR hang", "a term is missing beside OR"),
        ("NOT delay", "NOT is not understood"),
        ("delay || hang", "|| is not understood"),
        ("(delay OR hang) id=2", "(delay is not understood"),
    ],
)
def test_what_other_languages_write_is_refused_in_words(text: str, reason: str) -> None:
    """A filter that meant something else never looks for the word itself instead."""
    with pytest.raises(FilterError) as raised:
        parse(text)

    assert str(raised.value).startswith(reason)
