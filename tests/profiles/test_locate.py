"""Finding lines and columns of keys and values in TOML."""

from __future__ import annotations

from typing import Any

import pytest
import tomlkit
from hypothesis import given, strategies as st

from chaostui.profiles.locate import Locator
from chaostui.profiles.mistakes import Part, Path

TEXT = """\
# comment = "not a key"
seed = 42
"quoted key" = 'x'   # [not a header]
a.b . "c" = { d = [1, { e = "}" }], f = '#' }

[control]
listen = "127.0.0.1:8080"

[[proxy]]
name = \"\"\"two
lines = "still text\" \"\"\"\"
[proxy.handler.delay]
sleep = 2
  [[proxy.chain]]
  handler = 'hang'
[[proxy]]
since = 1979-05-27 07:32:00
chain = [
    { handler = "delay", sleep = 0.2 },  # the first
    { handler = "hang" },
]
[handler]
delay.sleep = 3
"""


@pytest.mark.parametrize(
    ("path", "part", "place"),
    [
        (("seed",), "key", (2, 1)),
        (("seed",), "value", (2, 8)),
        (("quoted key",), "value", (3, 16)),
        (("a", "b"), "key", (4, 1)),
        (("a", "b", "c"), "value", (4, 13)),
        (("a", "b", "c", "d"), "key", (4, 15)),
        (("a", "b", "c", "d", 0), "value", (4, 20)),
        (("a", "b", "c", "d", 1, "e"), "value", (4, 29)),
        (("a", "b", "c", "f"), "value", (4, 41)),
        (("control",), "key", (6, 1)),
        (("control", "listen"), "value", (7, 10)),
        (("proxy",), "key", (9, 1)),
        (("proxy", 0), "key", (9, 1)),
        (("proxy", 0, "name"), "value", (10, 8)),
        (("proxy", 0, "handler", "delay"), "key", (12, 1)),
        (("proxy", 0, "handler", "delay", "sleep"), "value", (13, 9)),
        (("proxy", 0, "chain", 0), "key", (14, 3)),
        (("proxy", 0, "chain", 0, "handler"), "value", (15, 13)),
        (("proxy", 1), "key", (16, 1)),
        (("proxy", 1, "since"), "value", (17, 9)),
        (("proxy", 1, "chain"), "value", (18, 9)),
        (("proxy", 1, "chain", 0, "sleep"), "key", (19, 26)),
        (("proxy", 1, "chain", 1, "handler"), "value", (20, 17)),
        (("handler", "delay", "sleep"), "value", (23, 15)),
    ],
)
def test_keys_and_values_are_found(path: Path, part: Part, place: tuple[int, int]) -> None:
    """Lines and columns count from 1, in tables, arrays, dotted keys and strings of all sorts."""
    assert Locator(TEXT).find(path, part) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("proxy", 1, "listen"), (16, 1)),
        (("handler", "hang", "max_hits"), (22, 1)),
        (("nothing", "at", "all"), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_what_is_missing_is_placed_at_its_table(path: Path, place: tuple[int, int]) -> None:
    """A key that is not there is missed where its table begins, else at the file's beginning."""
    assert Locator(TEXT).find(path) == place


def test_windows_line_ends_and_tabs_count_as_people_count() -> None:
    """A carriage return is no column of the next line."""
    assert Locator("a = 1\r\n\tb = 2\r\n").find(("b",), "value") == (2, 6)


VALUES = st.recursive(
    st.integers(-9, 9)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab-. \"'#=é", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("xyz-. \"'[]", min_size=1, max_size=4), VALUES, max_size=4))
def test_any_valid_text_is_scanned_whole(tables: dict[str, Any]) -> None:
    """Every path of any document is found, and nothing that is not there."""
    text = tomlkit.dumps(tables)

    assert Locator(text).paths() == paths(tables)


def paths(value: Any, path: Path = ()) -> set[Path]:
    """Every way into nested tables and arrays."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return set().union(*({(*path, key), *paths(item, (*path, key))} for key, item in inner))
