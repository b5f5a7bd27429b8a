"""The OpenAPI document: valid, and the same table as the routes."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from chaostui.api.openapi import document
from chaostui.api.server import ROUTES
from tests.api.engine import Engine


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Read the document once."""
    found: dict[str, Any] = msgspec.json.decode(document(ROUTES))
    return found


def test_the_document_is_valid(described: dict[str, Any]) -> None:
    """It is an OpenAPI 3.1 document by its own specification."""
    assert described["openapi"] == "3.1.0"
    validate(described)


def test_every_route_stands_in_it_once(described: dict[str, Any]) -> None:
    """Paths and methods are those of the table, each with an id of its own."""
    told = {(method.upper(), path) for path, item in described["paths"].items() for method in item}

    assert told == {(r.method, re.sub(r":\w+\}", "}", r.path)) for r in ROUTES}
    operations = [op["operationId"] for item in described["paths"].values() for op in item.values()]
    assert len(operations) == len(set(operations)) == len(ROUTES)


def test_types_are_told_by_their_names(described: dict[str, Any]) -> None:
    """Bodies and answers point to shared schemas; mixes and addresses are strings."""
    put = described["paths"]["/api/v1/proxies/{proxy}/mix"]["put"]

    assert put["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/MixAsk")
    answer = put["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["$ref"].endswith("/ProxyView")
    schemas = described["components"]["schemas"]
    assert schemas["MixAsk"]["properties"]["behavior"]["type"] == "string"
    assert {"EngineView", "ProxyView", "ConnectionView", "Failure"} <= set(schemas)


def test_vaurien_s_routes_have_vaurien_s_errors(described: dict[str, Any]) -> None:
    """The shape of an error depends on whose route it is."""

    def wrong(path: str, method: str) -> str:
        answers = described["paths"][path][method]["responses"]["4XX"]["content"]
        found: str = answers["application/json"]["schema"]["$ref"]
        return found.rpartition("/")[2]

    assert wrong("/behavior", "put") == "VaurienFailure"
    assert wrong("/api/v1/halt", "post") == "Failure"


def test_it_is_served(engine: Engine, described: dict[str, Any]) -> None:
    """The engine answers the same document."""
    assert engine.ask("GET", "/api/v1/openapi.json").json == described
