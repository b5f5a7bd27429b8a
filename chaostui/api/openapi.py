"""The route table as an OpenAPI 3.1 document. Imported when it is first asked for."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any, get_args

import msgspec

from chaostui import __version__
from chaostui.api.routes import Query, Route
from chaostui.options import Field, fields
from chaostui.settings import Address, Mix

JSON = "application/json"

_REF = "#/components/schemas/{name}"
PART = "Changes"
"""How the schema is called that is any part of a table."""

_TYPES = {int: "integer", float: "number", str: "string"}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong."""

    error: str
    status: int


class VaurienProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a request to one of Vaurien's routes."""

    location: str
    name: str
    description: str


class VaurienFailure(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, as Vaurien says it."""

    status: str
    errors: list[VaurienProblem]


@functools.cache
def document(routes: tuple[Route, ...]) -> bytes:
    """The document of a route table as JSON."""
    return msgspec.json.encode(build(routes))


def build(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The document of a route table."""
    kinds = _kinds(routes)
    schemas, components = msgspec.json.schema_components(
        kinds, schema_hook=_schema, ref_template=_REF
    )
    for kind in {route.shape for route in routes if route.shape is not None}:
        components.update(_tables(kind))
    by_kind = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for route in routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "chaostui",
            "version": __version__,
            "description": "Drives a chaos TCP proxy. Weights are percent, times seconds.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _kinds(routes: tuple[Route, ...]) -> list[Any]:
    given: list[Any] = [Failure, VaurienFailure]
    for route in routes:
        given += [kind for kind in (route.body, route.answer) if kind is not None]
    return list({repr(kind): kind for kind in given}.values())


def _schema(kind: type) -> dict[str, Any]:
    if kind in (Address, Mix):
        return {"type": "string"}
    raise NotImplementedError(kind)


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    vaurien = not route.path.startswith("/api/")
    wrong = schemas[repr(VaurienFailure if vaurien else Failure)]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.endpoint.__module__.rpartition('.')[2]}_{route.endpoint.__name__}",
        "tags": ["vaurien" if vaurien else "native"],
        "responses": {
            **_answers(route, schemas),
            "4XX": {"description": "Refused", "content": {JSON: {"schema": wrong}}},
        },
    }
    parameters = [*_path_parameters(route.path), *map(_query, route.queries)]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        body = {JSON: {"schema": schemas[repr(route.body)]}}
        required = any(field.required for field in msgspec.structs.fields(route.body))
        operation["requestBody"] = {"content": body, "required": required}
    elif route.takes:
        operation["requestBody"] = {"content": _free(route), "description": route.takes}
    return operation


def _answers(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if route.media != JSON:
        content: dict[str, Any] = {route.media: {"schema": {"type": "string"}}}
    elif route.answer is None:
        return {"204": {"description": "Done"}}
    else:
        content = {JSON: {"schema": schemas[repr(route.answer)]}}
    return {str(route.status): {"description": route.summary, "content": content}}


def _free(route: Route) -> dict[str, Any]:
    if route.shape is not None:
        name = route.shape.__name__ + (PART if route.method == "PATCH" else "")
        return {JSON: {"schema": {"$ref": _REF.format(name=name)}}}
    if route.media != JSON:
        return {route.media: {"schema": {"type": "string"}}}
    return {JSON: {"schema": {"type": "object"}}}


def _tables(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schemas of a table of settings and of those within it, from their declarations."""
    known = fields(kind)
    properties = {name: _setting(field) for name, field in known.items()}
    whole: dict[str, Any] = {
        "title": kind.__name__,
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": [name for name, field in known.items() if field.required],
        "additionalProperties": not kind.__struct_config__.forbid_unknown_fields,
    }
    part = {n: of for n, of in properties.items() if n != "name"}
    found = {
        kind.__name__: whole,
        kind.__name__ + PART: {**whole, "properties": part, "required": []},
    }
    for field in known.values():
        inner = _inner(field)
        if inner is not None:
            found.update(_tables(inner))
    return found


def _inner(field: Field) -> type[msgspec.Struct] | None:
    """The kind of table that a setting is, or holds."""
    kinds = (field.bare, *get_args(field.bare))
    found = (k for k in kinds if isinstance(k, type) and issubclass(k, msgspec.Struct))
    return next(found, None)


def _setting(field: Field) -> dict[str, Any]:
    option, inner = field.option, _inner(field)
    told = {
        "description": option.help,
        "x-unit": option.unit,
        "enum": list(option.choices),
        "exclusiveMinimum": field.above,
        "minimum": None if field.above is not None else option.minimum,
        "maximum": option.maximum,
        "default": _encoded(option.default),
    }
    said = {name: value for name, value in told.items() if value not in (None, "", [], {})}
    reference = {"$ref": _REF.format(name=inner.__name__)} if inner else {}
    if option.type == "array":
        return {"type": "array", "items": reference or {"type": "string"}, **said}
    return {**(reference or {"type": option.type}), **said}


def _encoded(value: Any) -> Any:
    """A default in JSON's types; what is a table or an array is empty by default."""
    return value if isinstance(value, bool | int | float | str) else None


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind == "int" else "string"},
        }
        for name, kind in re.findall(r"\{(\w+):?(\w*)\}", path)
    ]


def _query(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "in": "query",
        "description": query.help,
        "schema": {"type": _TYPES[query.kind]},
    }
