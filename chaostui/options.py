"""Describes the options of any handler, and reads them strictly, from their one declaration.

A handler declares its options once, as a msgspec struct whose annotations hold unit, bounds
and help. Profiles, the command line, the HTTP API and the console all read it here. The
settings model is declared the same way, so profiles are read with the same functions.
"""

from __future__ import annotations

import contextlib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from chaostui import quantity
from chaostui.errors import Problem, SettingsError
from chaostui.handler import Limits
from chaostui.match import Match, spelled
from chaostui.safe_text import safe_text
from chaostui.settings import NAMED, Text, decode, name_of

S = TypeVar("S", bound=Struct)

REST = {"rest": True}
"""``Meta(extra=REST)`` marks the one field that takes every key, declared or not."""

CALLABLE = "callable"
"""The key of a handler's table that names code; it is no option."""

_COMMON = frozenset(Limits.__struct_fields__)
_NAMES = {float: "number", int: "integer", bool: "boolean", str: "string"}
_WORDS = {"number": "a number", "integer": "a whole number", "boolean": "true or false"}


class Option(Struct, frozen=True, kw_only=True):
    """One option as people and forms see it."""

    name: str
    type: str
    """``number``, ``integer``, ``boolean``, ``string``, or ``array`` and ``object``."""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    help: str = ""


class Field(typing.NamedTuple):
    """An option with what it takes to read it."""

    option: Option
    annotation: Any
    """The type with all its bounds."""
    bare: Any
    """The type alone."""
    above: float | None
    """A bound that itself is not allowed (``gt``)."""
    lengths: tuple[int, int]
    """Fewest and most characters."""
    required: bool
    """Whether it has no default."""
    named: bool
    """Whether it is a name that people give."""


class Typed(str):
    """Text from a command line or an INI file, where ``2`` may be meant as a number."""

    __slots__ = ()


def meant(value: Any) -> Any:
    """What a person means by ``Typed`` text: a number, true or false, a list of lines, or text.

    ``nan`` and ``inf`` are text: no option takes them, and JSON has no word for them.
    """
    if not isinstance(value, Typed):
        return value
    text = str(value)
    if "\n" in text:
        return [meant(Typed(line)) for line in text.splitlines() if line]
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        return float(text) if math.isfinite(float(text)) else text
    return text


@cache
def describe(kind: type[Struct]) -> tuple[Option, ...]:
    """Say which options ``kind`` declares: its own first, then those that any handler has."""
    options = [field.option for field in fields(kind).values()]
    return tuple(sorted(options, key=lambda option: option.name in _COMMON))


@cache
def fields(kind: type[Struct]) -> dict[str, Field]:
    """The declared options of a struct by name, without the one that takes the rest."""
    hints = typing.get_type_hints(kind, include_extras=True)
    found = {}
    for info in msgspec.structs.fields(kind):
        annotation = hints[info.name]
        bare, metas = _unwrap(annotation)
        if any(meta.extra == REST for meta in metas):
            continue
        found[info.name] = _field(info, annotation, bare, metas)
    return found


def _unwrap(annotation: Any) -> tuple[Any, list[Meta]]:
    """Split a type into the bare type (``None`` left out) and what is said about it."""
    if get_origin(annotation) is Annotated:
        bare, *rest = get_args(annotation)
        inner, metas = _unwrap(bare)
        return inner, [*metas, *(meta for meta in rest if isinstance(meta, Meta))]
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        if len(kinds) == 1:
            return _unwrap(kinds[0])
    return annotation, []


def _field(info: FieldInfo, annotation: Any, bare: Any, metas: list[Meta]) -> Field:
    said: dict[str, Any] = {}
    unit = ""
    named = any(meta.extra == NAMED for meta in metas)
    for meta in metas:
        for key in ("gt", "ge", "lt", "le", "min_length", "max_length", "description"):
            if (value := getattr(meta, key)) is not None:
                said[key] = value
        unit = (meta.extra or {}).get("unit", unit)
    choices = tuple(map(str, get_args(bare))) if get_origin(bare) is Literal else ()
    option = Option(
        name=info.name,
        type=_type_name(bare),
        unit=unit,
        minimum=said.get("ge", said.get("gt")),
        maximum=said.get("le", said.get("lt")),
        choices=choices,
        default=default(info),
        help=said.get("description", ""),
    )
    lengths = (said.get("min_length", 0), said.get("max_length", 2**63))
    return Field(option, annotation, bare, said.get("gt"), lengths, info.required, named)


def default(info: FieldInfo) -> Any:
    """A field's default, None where it has none."""
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return None if info.default is msgspec.NODEFAULT else info.default


def _type_name(bare: Any) -> str:
    if get_origin(bare) is Literal:
        return "string"
    origin = get_origin(bare) or bare
    if origin in (list, tuple, set, frozenset):
        return "array"
    if isinstance(origin, type) and issubclass(origin, Text):
        return "string"
    return _NAMES.get(origin, "object")


def read(kind: type[S], raw: Mapping[str, Any], *, lax: bool = False) -> S:
    """Read options strictly: a key that is not declared or a value out of bounds is refused.

    ``lax`` takes strings for numbers and booleans, as it does with any ``Typed`` string.
    Raises SettingsError with every problem there is, each placed at its option's name.
    """
    values, problems = parse(kind, raw, lax=lax)
    problems += [
        Problem(name, "is missing")
        for name, field in fields(kind).items()
        if field.required and name not in raw
    ]
    if problems:
        raise SettingsError(*problems)
    return kind(**values)


def parse(
    kind: type[Struct], raw: Mapping[str, Any], *, lax: bool = False
) -> tuple[dict[str, Any], list[Problem]]:
    """Read what can be read, and say everything that is wrong with the rest."""
    known = fields(kind)
    if issubclass(kind, Limits):
        raw = {name: value for name, value in raw.items() if name != CALLABLE}
    rest = [name for name in kind.__struct_fields__ if name not in known]
    values: dict[str, Any] = {name: dict(raw) for name in rest}
    problems = []
    for name, value in raw.items():
        field = known.get(name)
        if field is None:
            if not rest:
                problems.append(Problem(name, unknown("option", name, known)))
            continue
        try:
            values[name] = convert(field, value, lax=lax)
        except SettingsError as error:
            problems += [Problem(f"{name}.{p.place}", p.what) for p in error.problems]
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    return values, problems


def convert(field: Field, value: Any, *, lax: bool = False) -> Any:
    """Read one value; raises ValueError in plain words, with bounds and unit.

    Raises SettingsError for what is wrong inside of a table.
    """
    if value is not None and field.bare is Match:
        return _match(value)
    given = value
    if isinstance(value, Typed):
        value, lax = _number(field, value), True
    if isinstance(field.bare, type) and issubclass(field.bare, Text) and isinstance(value, str):
        return decode(field.bare, value)
    try:
        result = msgspec.convert(value, field.annotation, strict=not lax, dec_hook=decode)
    except msgspec.ValidationError:
        raise ValueError(_refusal(field, given)) from None
    if isinstance(result, float) and not math.isfinite(result):
        raise ValueError(_refusal(field, given))
    return name_of(result) if field.named and result else result


def _match(value: Any) -> Match:
    """Read a match, as a table or as one line of text."""
    if isinstance(value, Match):
        return value
    table = spelled(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise ValueError(f"{show(value)} is not a table")  # noqa: TRY004
    return read(Match, table)


def _number(field: Field, value: Typed) -> Any:
    """The number that was typed, where one is wanted; Python reads more forms than JSON."""
    if field.bare in (int, float):
        with contextlib.suppress(ValueError):
            return field.bare(str(value))
        with contextlib.suppress(ValueError):
            amount = quantity.read(str(value), field.option.unit)
            return round(amount) if field.bare is int else amount
    return str(value)


def _refusal(field: Field, value: Any) -> str:
    option = field.option
    if option.choices:
        near = did_you_mean(str(value), option.choices)
        return f"{show(value)} is none of {', '.join(option.choices)}{near}"
    if option.type == "string":
        return _not_text(field, value)
    wanted = _WORDS.get(option.type, f"an {option.type}")
    return f"{show(value)} is not {wanted}{_bounds(field)}"


def _not_text(field: Field, value: Any) -> str:
    if isinstance(value, str):
        low, high = field.lengths
        return f"{show(value)} is not of {low} to {high} characters"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{show(value)} is not a string" + (f'; write "{value}"' if number else "")


def _bounds(field: Field) -> str:
    option = field.option
    unit = f" {option.unit}" if option.unit else ""
    low, high = option.minimum, option.maximum
    if field.above is not None:
        return f" over {low}" + ("" if high is None else f" up to {high}") + unit
    if low is not None and high is not None:
        return f" from {low} to {high}{unit}"
    if low is not None:
        return f" of at least {low}{unit}"
    return "" if high is None else f" of at most {high}{unit}"


def values(options: Struct) -> dict[str, Any]:
    """Every option by name with its value, as ``describe`` orders them."""
    found: dict[str, Any] = {}
    for name in options.__struct_fields__:
        if name not in fields(type(options)):
            found.update(getattr(options, name))
    for option in describe(type(options)):
        value = getattr(options, option.name)
        found[option.name] = _plain(value) if isinstance(value, Match) else value
    return found


def _plain(match: Match) -> dict[str, str]:
    """What a match says, as a table."""
    told = {name: getattr(match, name) for name in match.__struct_fields__}
    return {name: str(pattern) for name, pattern in told.items() if pattern is not None}


def show(value: Any) -> str:
    """A value as a profile would spell it, short and safe for a terminal."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case dict():
            return "a table"
        case list() | tuple():
            return "an array"
        case _:
            return safe_text(repr(value), 60)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """``no handler 'dely'; did you mean 'delay'?``, or all names where none is near."""
    known = list(known)
    near = did_you_mean(name, known)
    if not near and known:
        near = f" (there is {', '.join(known)})"
    return f"no {what} {show(name)}{near}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'delay'?`` where a known word is near, else nothing."""
    import difflib

    by_case = {name.casefold().replace("-", "_"): name for name in known}
    plain = word.casefold().replace("-", "_")
    near = difflib.get_close_matches(plain, by_case, 1)
    longer = [name for name in by_case if name.startswith(plain)]
    if not near and len(longer) == 1 and plain:
        near = longer
    return f"; did you mean {by_case[near[0]]!r}?" if near else ""
