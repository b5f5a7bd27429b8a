"""Names of statements: short, telling, and without what stands in strings."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.protocols.sql import HEAD, NAME, summary

MYSQL = b"'\""


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (b"SELECT 1", "SELECT 1"),
        (b"select 'it''s', $1  from\n\t t", "select ?, $1 from t"),
        (b'select "name" from t', 'select "name" from t'),
        (b"insert into t values ('a', 'b')", "insert into t values (?, ?)"),
        (b"alter role bob password 'hunter2' login", "alter role bob password ? login"),
        (b"/* from: billing */ select 1", "select 1"),
        (b"/*!40101 SET NAMES 'utf8' */", "SET NAMES ?"),
        (b"-- the total\nselect 2", "select 2"),
        (b"select $$hunter2$$", "select…"),
        (b"do $x$begin hunter2 end$x$", "do…"),
        (b"select 'a\\' , hunter2", "select…"),
        (b"select 'hunter2", "select…"),
        (b"select 1 # it's\n, 'hunter2'", "select 1…"),
        (b"select 1 /* it's", "select 1…"),
        (b"select 5--'a\n, hunter2'", "select 5…"),
        (b"select \xe4", "select \ufffd"),
        (b"", ""),
    ],
)
def test_a_name_shows_no_strings(statement: bytes, name: str) -> None:
    """Strings become question marks; where one has no plain end the name stops before it."""
    assert summary(statement)[0] == name


def test_mysqls_strings_may_stand_in_double_quotes() -> None:
    """What is an identifier elsewhere is a string for MySQL, and backquotes are for names."""
    statement = b"select \"hunter2\", 'hunter2', `it's` from t"

    assert summary(statement, MYSQL)[0] == "select ?, ?, `it's` from t"


def test_a_long_statement_is_cut() -> None:
    """A name has at most 60 characters and says that there is more."""
    name, command, _ = summary(b"select " + b"a, " * 100)

    assert len(name) <= NAME
    assert name.endswith("…")
    assert command == "SELECT"


@pytest.mark.parametrize(
    ("statement", "command"),
    [
        (b"commit", "COMMIT"),
        (b" ( select 1 )", "SELECT"),
        (b"-- hi\nWith x as (select 1) select 2", "WITH"),
        (b"???", ""),
        (b"x" * HEAD, "X" * 20),
    ],
)
def test_the_command_is_the_first_word(statement: bytes, command: str) -> None:
    """The command is what faults match on, in capitals."""
    assert summary(statement)[1] == command


@given(st.binary(max_size=HEAD), st.sampled_from([b"'", MYSQL]))
def test_any_bytes_get_a_name(head: bytes, quotes: bytes) -> None:
    """Whatever a client sends as a statement has a name of bounded length."""
    name, command, _ = summary(head, quotes)

    assert len(name) <= NAME
    assert len(command) <= 20


@given(st.text(st.characters(codec="utf-8", exclude_characters="'\\\0")))
def test_no_string_shows_in_any_place(secret: str) -> None:
    """What stands between quotes shows in no name, wherever they stand."""
    hidden = f"<{secret}>"
    statement = f"select 1, '{hidden}' from t".encode()[:HEAD]

    assert hidden not in summary(statement)[0]
