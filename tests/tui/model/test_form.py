"""Forms made from declared options."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui import registry
from chaostui.options import describe
from chaostui.tui.model.form import Field, FieldError, fields

SLEEP = Field("sleep", "number", unit="s", minimum=0, maximum=86_400, default=1.0)
RATE = Field("rate", "number", minimum=0, maximum=1, default=0.01)
SIZE = Field("bytes", "integer", unit="B", minimum=0, default=1024)
SHAPE = Field("distribution", choices=("constant", "uniform", "normal"), default="constant")
FLAG = Field("inject", "boolean", default=False)
WORD = Field("kind", "string", default="")
LIMIT = Field("first", type="integer", minimum=0, default=0, help="only N (0: no limit)")
MATCH = Field("match", "object")


@pytest.mark.parametrize(
    ("field", "value", "direction", "large", "after"),
    [
        (SLEEP, 1.5, 1, False, 1.6),
        (SLEEP, 1.5, 1, True, 2.5),
        (SLEEP, 1.0, -1, False, 0.99),
        (SLEEP, 0.0, 1, False, 0.01),
        (SLEEP, 0.0, -1, False, 0.0),
        (SLEEP, 86_400, 1, True, 86_400),
        (RATE, 0.5, 1, False, 0.51),
        (RATE, 0.95, 1, True, 1.0),
        (SIZE, 1024, 1, False, 1124),
        (SIZE, 5, -1, False, 4),
        (SIZE, 0, -1, True, 0),
        (SHAPE, "constant", 1, False, "uniform"),
        (SHAPE, "constant", -1, False, "normal"),
        (FLAG, False, 1, False, True),
        (WORD, "MOVED", 1, False, "MOVED"),
    ],
)
def test_steps_fit_the_value(
    field: Field, value: Any, direction: int, large: bool, after: Any
) -> None:
    """A step is about a tenth of the value, a large one as much as it, within the bounds."""
    assert field.step(value, direction, large=large) == after


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (SLEEP, "1.5", 1.5),
        (SLEEP, "20ms", 0.02),
        (SLEEP, "1.5 s", 1.5),
        (SLEEP, "default", None),
        (SIZE, "64k", 64_000),
        (SIZE, "100 B", 100),
        (SHAPE, "uni", "uniform"),
        (FLAG, "yes", True),
        (FLAG, "off", False),
        (WORD, "MOVED 1", "MOVED 1"),
        (MATCH, '{ command = "GET" }', {"command": "GET"}),
        (MATCH, 'key = "user:*"', {"key": "user:*"}),
        (MATCH, "any", None),
    ],
)
def test_exact_values_are_read(field: Field, text: str, value: object) -> None:
    """Values are typed with or without their unit; words may be cut short."""
    assert field.read(text) == value


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        (SLEEP, "-1", "sleep is 0 to 86400 s"),
        (SLEEP, "soon", "is not a time"),
        (RATE, "2", "rate is 0 to 1"),
        (SIZE, "-5", "bytes is from 0 B"),
        (SHAPE, "flat", "one of constant, uniform, normal"),
        (FLAG, "maybe", "yes or no"),
        (MATCH, "GET", "a table such as"),
    ],
)
def test_values_out_of_bounds_are_refused(field: Field, text: str, reason: str) -> None:
    """A value that the field cannot take is refused with what it takes."""
    with pytest.raises(FieldError, match=reason):
        field.read(text)


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        (SLEEP, 1.5, "1.5 s"), (SIZE, 10, "10 B"), (FLAG, True, "yes"), (WORD, "", "–"),
        (LIMIT, 0, "–"), (LIMIT, 3, "3"),
        (SLEEP, None, "default"),
        (MATCH, None, "any"), (MATCH, {"key": "a"}, '{ key = "a" }'),
    ],
)  # fmt: skip
def test_values_are_shown_with_units(field: Field, value: object, shown: str) -> None:
    """A value is shown as it may be typed."""
    assert field.show(value) == shown


@pytest.mark.parametrize("handler", registry.HANDLERS, ids=lambda handler: handler.name)
def test_every_handler_has_a_form(handler: Any) -> None:
    """Whatever a handler declares becomes fields whose steps stay within their bounds."""
    catalogue = [
        {name: getattr(option, name) for name in option.__struct_fields__}
        for option in describe(handler.Options)
    ]
    made = fields(catalogue)

    assert [field.name for field in made[-5:]] == [
        "max_hits", "every", "first", "duration", "match",
    ]  # fmt: skip
    for field in made:
        value = field.default
        for direction in (1, 1, -1, -1, -1):
            value = field.step(value, direction)
            assert field.kind in ("text", "table") or field.read(field.show(value)) is not None
