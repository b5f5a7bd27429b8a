"""JSON as Go's encoding/json reads and writes it, which Toxiproxy's clients rely on.

Keys match whatever their case, ``null`` is the same as no key, what follows the first value
is ignored, and mistakes are told in Go's words.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any

INT64 = range(-(2**63), 2**63)
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_SPECIAL = re.compile(f"[{''.join(_ESCAPES)}]")
_QUOTE = json.JSONEncoder(ensure_ascii=False).encode
_WHERE = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name": "looking for beginning of object key string",
    "Expecting ':'": "after object key",
    "Expecting ','": "after object key:value pair",
    "Invalid control": "in string literal",
    "Invalid \\": "in string escape code",
    "Illegal trailing comma": "looking for beginning of value",
}


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class Float32(float):
    """A number of 32 bits: Go's shortest text for it has fewer digits."""

    __slots__ = ()

    def __new__(cls, value: float) -> Float32:
        """Round to 32 bits; OverflowError where it does not fit."""
        return super().__new__(cls, struct.unpack("<f", struct.pack("<f", value))[0])

    def __str__(self) -> str:
        texts = (f"{float(self):.{digits}g}" for digits in range(1, 10))
        return _plain(next(text for text in texts if self._is(text)))

    def _is(self, text: str) -> bool:
        try:
            return Float32(float(text)) == self
        except OverflowError:
            return False  # the greatest numbers, rounded up


def _plain(text: str) -> str:
    """Write a number without an exponent where Go does: from 1e-6 to below 1e21."""
    value = float(text)
    mantissa, e, exponent = text.partition("e")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        digits = len(mantissa.partition(".")[2])
        return f"{value:.{max(digits - int(exponent or 0), 0)}f}" if e else text
    return f"{mantissa}e{'-' if exponent[0] == '-' else '+'}{abs(int(exponent)):02d}" if e else text


def first_value(raw: bytes) -> Any:
    """Read the first JSON value; its numbers are ``Number``. ValueError in Go's words."""
    text = raw.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise ValueError("EOF")
    try:
        value, _ = _decoder.raw_decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(_complaint(text, error)) from None
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character {name[:1]!r} looking for beginning of value")


_decoder = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_constant)


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    where = next((w for start, w in _WHERE.items() if error.msg.startswith(start)), error.msg)
    return f"invalid character {text[error.pos]!r} {where}"


def fields(value: Any, kinds: Mapping[str, type], owner: str) -> dict[str, Any]:
    """The fields of an object that ``kinds`` names, by that name; null counts as absent.

    A kind is ``str``, ``bool``, ``int`` (64 bits), ``float``, ``Float32``, or ``object`` for
    what is looked at elsewhere. ``owner`` is the name of Go's struct. ValueError in Go's words.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        what = f"json: cannot unmarshal {_kind(value)} into Go value of type {owner}"
        raise ValueError(what)  # noqa: TRY004 - all that is wrong with JSON is one error here
    names = {name.casefold(): name for name in kinds}
    struct_name = owner if owner.startswith(".") else owner.rpartition(".")[2]
    found = {}
    for key, given in value.items():
        name = names.get(key.casefold())
        if name is not None and given is not None:
            found[name] = _read(given, kinds[name], f"{struct_name}.{name}")
    return found


def _read(value: Any, kind: type, place: str) -> Any:
    if kind is object:
        return value
    try:
        if kind is str and isinstance(value, str) and not isinstance(value, Number):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if kind is bool and isinstance(value, bool):
            return value
        if kind is int and isinstance(value, Number) and int(value) in INT64:
            return int(value)
        if kind in (float, Float32) and isinstance(value, Number) and math.isfinite(float(value)):
            return kind(value) if kind is float else Float32(float(value))
    except (ValueError, OverflowError):
        pass
    names = {str: "string", bool: "bool", int: "int64", float: "float64", Float32: "float32"}
    shown = _kind(value) + (f" {value}" if isinstance(value, Number) and kind is not str else "")
    raise ValueError(
        f"json: cannot unmarshal {shown} into Go struct field {place} of type {names[kind]}"
    )


def _kind(value: Any) -> str:
    match value:
        case Number():
            return "number"
        case str():
            return "string"
        case bool():
            return "bool"
        case list():
            return "array"
        case _:
            return "object"


def dumps(value: Any) -> bytes:
    """Write a value as compact as Go does, with its escapes for HTML."""
    return _dump(value).encode("utf-8", "replace")


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]


def _dump(value: Any) -> str:
    match value:
        case Float32():
            return str(value)
        case float():
            return _plain(f"{value:.17g}" if float(f"{value:.15g}") != value else f"{value:.15g}")
        case str():
            return _SPECIAL.sub(_escape, _QUOTE(value))
        case dict() | Mapping():
            members = [f"{_dump(key)}:{_dump(item)}" for key, item in value.items()]
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_dump, value)) + "]"
        case _:
            return json.dumps(value)
