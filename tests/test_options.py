"""Options are declared once; this reads, refuses and describes them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, strategies as st
from msgspec import Meta, Struct

from chaostui import options, registry
from chaostui.errors import SettingsError
from chaostui.handler import Limits
from chaostui.handlers.delay import Delay
from chaostui.handlers.errors import Errors
from chaostui.options import Option, Typed
from chaostui.settings import Address, Mix, ProxySettings

ORDINARY = {
    "after", "at", "bits", "burst", "bytes", "code", "delay", "direction", "down", "kind", "rate",
    "shared", "size", "timeout",
}  # fmt: skip
"""Names of options that are also words for other things."""

LIMITS = ("max_hits", "every", "first", "duration", "match")


class Odd(Limits, frozen=True, kw_only=True):
    """Options of every type there is."""

    ratio: Annotated[float, Meta(gt=0, le=1, description="a share")]
    size: Annotated[int, Meta(le=9, extra={"unit": "B"})] = 3
    short: Annotated[str, Meta(min_length=1, max_length=3)] = "a"
    side: Literal["left", "right"] = "left"
    maybe: Annotated[float, Meta(ge=0, extra={"unit": "s"})] | None = None
    names: tuple[str, ...] = ()
    on: bool = False


class Open(Limits, frozen=True, kw_only=True):
    """Options that take every key."""

    everything: Annotated[Mapping[str, Any], Meta(extra=options.REST)] = {}


def refused(kind: type[Struct], raw: dict[str, Any], *, lax: bool = False) -> list[str]:
    """Everything that is wrong with ``raw``, as lines."""
    with pytest.raises(SettingsError) as caught:
        options.read(kind, raw, lax=lax)
    return [str(problem) for problem in caught.value.problems]


# -- describing -----------------------------------------------------------------------------


def test_an_option_is_described_by_its_declaration() -> None:
    """Name, type, unit, bounds, choices, default and help come from the annotation."""
    sleep, _, distribution, *_ = options.describe(Delay.Options)

    assert sleep == Option(
        name="sleep",
        type="number",
        unit="s",
        minimum=0,
        maximum=86_400,
        default=1.0,
        help="how long to hold back",
    )
    assert distribution.choices == ("constant", "uniform", "normal", "lognormal", "pareto")
    assert distribution.type == "string"


def test_a_handlers_own_options_come_before_its_limits() -> None:
    """Every handler has the limits, and they come last."""
    names = [option.name for option in options.describe(Errors.Options)]

    assert names == ["kind", "inject", "warmup", *LIMITS]
    assert [option.name for option in options.describe(Limits)] == list(LIMITS)


def test_every_type_has_a_name() -> None:
    """Forms and the API tell types by JSON Schema's names."""
    types = {option.name: option.type for option in options.describe(Odd)}

    assert types["ratio"] == types["maybe"] == "number"
    assert types["size"] == "integer"
    assert types["short"] == types["side"] == "string"
    assert (types["names"], types["on"]) == ("array", "boolean")


@pytest.mark.parametrize("kind", registry.HANDLERS, ids=lambda kind: kind.name)
def test_every_option_of_every_handler_says_what_it_is(kind: Any) -> None:
    """Help stands with each option, units with each time, and the default passes its bounds."""
    for option in options.describe(kind.Options):
        assert option.help
        field = options.fields(kind.Options)[option.name]
        if not field.required:
            assert options.convert(field, option.default) == option.default


def test_an_option_is_spelled_where_it_is_declared_and_nowhere_else() -> None:
    """``jitter`` stands in one file: no other names it, so no other can disagree with it."""
    root = Path(registry.__file__).parent
    homes: dict[str, set[Path]] = {}
    for kind in registry.HANDLERS:
        for option in set(vars(kind.Options).get("__annotations__", ())) - ORDINARY - set(LIMITS):
            homes.setdefault(option, set()).add(root / f"handlers/{kind.name}.py")

    assert {"sleep", "jitter", "distribution", "inject", "agitate"} <= set(homes)
    # The demo's profile sets options, and Toxiproxy's API translates them.
    users = {path for path in root.rglob("*.py") if "demo" in path.parts or "toxi" in path.stem}
    for path in set(root.rglob("*.py")) - users:
        spelled = {n.value for n in ast.walk(ast.parse(path.read_text())) if _is_text(n)}  # type: ignore[attr-defined]
        strange = [name for name in spelled & set(homes) if path not in homes[name]]
        assert strange == [], path


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


# -- reading --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "lax", "expected"),
    [
        ({}, False, {}),
        ({"sleep": 2}, False, {"sleep": 2.0}),
        ({"sleep": 0.5, "direction": "both"}, False, {"sleep": 0.5, "direction": "both"}),
        ({"sleep": "2", "max_hits": "3"}, True, {"sleep": 2.0, "max_hits": 3}),
        ({"sleep": Typed(".5")}, False, {"sleep": 0.5}),
        ({"sleep": Typed("1e3"), "direction": Typed("both")}, False, {"sleep": 1e3}),
    ],
)
def test_sound_options_are_read(raw: dict[str, Any], lax: bool, expected: dict[str, Any]) -> None:
    """Numbers are taken as they are; text is one where it was typed by a person."""
    found = options.read(Delay.Options, raw, lax=lax)

    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"sleep": -1}, "sleep: -1 is not a number from 0 to 86400 s"),
        ({"sleep": "2"}, "sleep: '2' is not a number from 0 to 86400 s"),
        ({"sleep": True}, "sleep: true is not a number from 0 to 86400 s"),
        ({"sleep": None}, "sleep: null is not a number from 0 to 86400 s"),
        ({"sleep": float("nan")}, "sleep: nan is not a number from 0 to 86400 s"),
        ({"sleep": float("inf")}, "sleep: inf is not a number from 0 to 86400 s"),
        ({"sleep": [1]}, "sleep: an array is not a number from 0 to 86400 s"),
        ({"sleep": {}}, "sleep: a table is not a number from 0 to 86400 s"),
        ({"max_hits": 1.5}, "max_hits: 1.5 is not a whole number of at least 0"),
        ({"every": 0}, "every: 0 is not a whole number of at least 1"),
        ({"slep": 1}, "slep: no option 'slep'; did you mean 'sleep'?"),
        ({"Sleep": 1}, "Sleep: no option 'Sleep'; did you mean 'sleep'?"),
        (
            {"bandwidth": 1},
            "bandwidth: no option 'bandwidth' "
            "(there is max_hits, every, first, duration, match, "
            "sleep, jitter, distribution, direction, at)",
        ),
        (
            {"distribution": "unifrm"},
            "distribution: 'unifrm' is none of constant, uniform, normal, lognormal, pareto; "
            "did you mean 'uniform'?",
        ),
        ({"direction": 3}, "direction: 3 is none of upstream, downstream, both"),
    ],
)
def test_what_cannot_be_used_is_refused_in_plain_words(raw: dict[str, Any], line: str) -> None:
    """One line says the option, the value, and what is wanted, with bounds and unit."""
    assert refused(Delay.Options, raw) == [line]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({}, "ratio: is missing"),
        ({"ratio": 0}, "ratio: 0 is not a number over 0 up to 1"),
        ({"ratio": 1, "size": 10}, "size: 10 is not a whole number of at most 9 B"),
        ({"ratio": 1, "short": ""}, "short: '' is not of 1 to 3 characters"),
        ({"ratio": 1, "short": 5}, 'short: 5 is not a string; write "5"'),
        ({"ratio": 1, "short": True}, "short: true is not a string"),
        ({"ratio": 1, "on": 1}, "on: 1 is not true or false"),
        ({"ratio": 1, "names": "a"}, "names: 'a' is not an array"),
        ({"ratio": 1, "maybe": -1}, "maybe: -1 is not a number of at least 0 s"),
    ],
)
def test_every_type_has_its_words(raw: dict[str, Any], line: str) -> None:
    """Bounds that exclude themselves, lengths, units and types are all spoken."""
    assert refused(Odd, raw) == [line]


def test_all_problems_are_told_at_once() -> None:
    """Nobody has to start five times to see five mistakes."""
    raw = {"slep": 1, "sleep": -1, "jitter": "a", "every": 0}

    assert [line.partition(":")[0] for line in refused(Delay.Options, raw)] == list(raw)


def test_hostile_text_is_told_safely() -> None:
    """A name or value with controls in it cannot reach the terminal."""
    [line] = refused(Delay.Options, {"\x1b[2J": 1})

    assert "\x1b" not in line.partition(": ")[2]
    assert "\x1b" not in refused(Delay.Options, {"sleep": "\x1b[2J"})[0]


def test_lax_reading_still_has_bounds() -> None:
    """Text is taken for numbers, not for any number."""
    assert refused(Delay.Options, {"sleep": "-1"}, lax=True) == [
        "sleep: '-1' is not a number from 0 to 86400 s"
    ]
    assert refused(Delay.Options, {"sleep": "nan"}, lax=True)
    assert refused(Delay.Options, {"sleep": Typed("soon")})


@given(
    st.dictionaries(
        st.sampled_from(["sleep", "jitter", "every", "x", "direction"]),
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text()
        | st.lists(st.integers()),
    )
)
def test_anything_is_read_or_refused(raw: dict[str, Any]) -> None:
    """Whatever comes, the answer is options or a SettingsError."""
    values, problems = options.parse(Delay.Options, raw)

    assert values.keys() | {problem.place for problem in problems} == raw.keys()
    assert 0 <= values.get("sleep", 0) <= 86_400


def test_the_key_that_names_code_is_no_option() -> None:
    """A handler's table may hold ``callable``; its options do not."""
    assert options.read(Delay.Options, {"callable": "a:b"}) == Delay.Options()
    assert options.read(Open, {"callable": "a:b", "x": 1}).everything == {"x": 1}


def test_open_options_take_every_key() -> None:
    """A user's function gets all its settings, the limits among them."""
    found = options.read(Open, {"speed": 3, "every": 2})

    assert (found.everything, found.every) == ({"speed": 3, "every": 2}, 2)
    assert options.values(found) == {
        "speed": 3, "every": 2, "max_hits": 0, "first": 0, "duration": 0.0, "match": None,
    }  # fmt: skip
    assert [option.name for option in options.describe(Open)] == list(LIMITS)


def test_values_are_all_options_in_order() -> None:
    """What the console and the API show of live options."""
    assert list(options.values(Delay.Options(sleep=2))) == [
        "sleep", "jitter", "distribution", "direction", "at", *LIMITS,
    ]  # fmt: skip
    assert options.values(Delay.Options(sleep=2))["sleep"] == 2


def test_settings_are_read_the_same_way() -> None:
    """Addresses and mixes explain themselves in their own words."""
    raw = {"name": "a", "listen": "x", "backend": "b:70000", "behavior": "120:delay"}
    values, problems = options.parse(ProxySettings, raw)

    assert values == {"name": "a"}
    assert [problem.place for problem in problems] == ["listen", "backend", "behavior"]
    assert problems[1].what == "port 70000 is over 65535"
    sound, _ = options.parse(ProxySettings, {"listen": ":80", "behavior": "5:hang"})
    assert sound == {"listen": Address("127.0.0.1", 80), "behavior": Mix((("hang", 5.0),))}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("-2.5", -2.5),
        ("true", True),
        ("False", False),
        ("2 s", "2 s"),
        ("a\nb\n3", ["a", "b", 3]),
    ],
)
def test_typed_text_means_what_a_person_means(text: str, value: object) -> None:
    """Numbers, true and false, and lists of lines are recognised."""
    assert options.meant(Typed(text)) == value
    assert options.meant(text) == text


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("dely", "; did you mean 'delay'?"),
        ("DELAY", "; did you mean 'delay'?"),
        ("slow-close", "; did you mean 'slow_close'?"),
        ("ha", "; did you mean 'hang'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested(word: str, hint: str) -> None:
    """Case, dashes and slips are forgiven; nonsense gets no hint."""
    assert options.did_you_mean(word, ["delay", "hang", "slow_close"]) == hint
