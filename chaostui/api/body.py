"""Request bodies: bytes to values, strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import structs
from starlette.exceptions import HTTPException

from chaostui import options
from chaostui.errors import Problem, SettingsError
from chaostui.registry import CALLABLE

MAX_BODY = 1_048_576
"""Bytes of a request body; the connection refuses more with 413."""

MAX_DEPTH = 32

MAX_CONTAINERS = 50_000
"""Arrays and objects of a body: as many as are made in a few milliseconds."""

S = TypeVar("S", bound=msgspec.Struct)


def refuse(why: str) -> HTTPException:
    """The error for a body that cannot be used."""
    return HTTPException(400, f"bad request body: {why}")


def parse(raw: bytes) -> Any:
    """Read one JSON value (RFC 8259): UTF-8 without a mark, no NaN, at most 32 levels deep."""
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS:
        raise refuse(f"over {MAX_CONTAINERS} arrays and objects")
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        raise refuse(f"deeper than {MAX_DEPTH} levels") from None
    except UnicodeDecodeError:
        raise refuse("not UTF-8") from None
    except msgspec.DecodeError as error:
        raise refuse(_reason(raw, str(error))) from None
    if _deep(value):
        raise refuse(f"deeper than {MAX_DEPTH} levels")
    return value


def _reason(raw: bytes, said: str) -> str:
    if not raw.strip():
        return "it is empty; JSON is wanted"
    if raw.startswith(b"\xef\xbb\xbf"):
        return "it begins with a byte order mark"
    return said


def _deep(value: Any) -> bool:
    """Whether values lie in each other more than ``MAX_DEPTH`` levels deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def mapping(value: Any) -> dict[str, Any]:
    """Take ``value`` as a JSON object."""
    if not isinstance(value, dict):
        raise refuse(f"expected an object, got {options.show(value)}")
    return value


def read(kind: type[S], raw: bytes) -> S:
    """Read a JSON object into ``kind``; an empty body is an empty object.

    Raises HTTPException 400 for what is no JSON object, SettingsError for keys and values.
    """
    return take(kind, mapping(parse(raw)) if raw.strip() else {})


def take(kind: type[S], given: dict[str, Any]) -> S:
    """Read an object into ``kind``. Raises SettingsError with every problem there is."""
    values, problems = options.parse(kind, given)
    for field in structs.fields(kind):
        if field.required and field.name not in given:
            problems.append(Problem(field.name, "is missing"))
    if problems:
        raise SettingsError(*problems)
    return kind(**values)


def refuse_code(place: str, table: Mapping[str, Any]) -> None:
    """Refuse settings of a handler that name Python code: HTTP never may."""
    if CALLABLE in table:
        what = "only a profile file or the command line can name code, not the HTTP API"
        raise SettingsError(Problem(f"{place}.{CALLABLE}", what))
