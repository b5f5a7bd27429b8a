"""The route table: complete, consistent, and the one in the documentation."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from chaostui.api.native import PREFIX
from chaostui.api.native_engine import health
from chaostui.api.routes import Control, Resource, Route
from chaostui.api.server import ROUTES
from tests.api.engine import Engine

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


def title(route: Route) -> str:
    """Name a route as people do."""
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=title)
def test_an_endpoint_takes_the_body_its_route_declares(route: Route) -> None:
    """The table's body is the annotation of the endpoint's second parameter."""
    hints = get_type_hints(route.endpoint)
    names = list(inspect.signature(route.endpoint).parameters)

    assert len(names) == (1 if route.body is None else 2)
    assert route.body is None or hints[names[1]] is route.body
    assert route.summary
    assert not (route.body and route.takes)


def test_no_two_routes_are_the_same() -> None:
    """A method of a path stands in the table once."""
    keys = [(route.method, route.path) for route in ROUTES]

    assert len(keys) == len(set(keys))


def test_the_documentation_lists_exactly_the_native_routes() -> None:
    """Every native route is a row of docs/api.md, and every row is a route."""
    rows = re.findall(r"^\| `([A-Z]+) (/[^`? ]*)[^`]*` \|", DOCUMENT.read_text(), re.MULTILINE)
    table = {
        (route.method, re.sub(r":\w+\}", "}", route.path.removeprefix(PREFIX)))
        for route in ROUTES
        if route.path.startswith(PREFIX)
    }

    assert set(rows) == table


def test_an_unknown_path_says_where_the_known_ones_are(engine: Engine) -> None:
    """404 is JSON and points to the list of all paths."""
    for path in ("/", "/api/v1", "/api/v1/", "/handler/", "//handler", "/api/v1/../v1/health"):
        answer = engine.ask("GET", path)
        assert (answer.status, answer.json["status"]) == (404, 404)
        assert "openapi.json" in answer.json["error"]


def test_head_is_answered_where_an_answer_ends(engine: Engine) -> None:
    """HEAD is GET without a body; an endless answer has no head alone."""
    head = engine.ask("HEAD", "/api/v1/engine")

    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 100
    assert engine.ask("HEAD", "/api/v1/events").status == 405
    assert engine.ask("HEAD", "/api/v1/live").status == 405


def test_a_resource_has_all_methods_of_its_path(engine: Engine) -> None:
    """405 lists them."""
    answer = engine.ask("PATCH", "/api/v1/halt")

    assert answer.headers["allow"] == "DELETE, GET, POST"
    control = Control(engine.supervisor, engine.control)
    route = Route(method="GET", path="/x", endpoint=health, summary="x")
    assert list(Resource(control, [route]).routes) == ["GET"]


def test_control_characters_do_not_come_back(engine: Engine) -> None:
    """Whatever a request holds, an answer's headers and body are well-formed."""
    answer = engine.ask("GET", "/api/v1/proxies/a%0d%0ab%1b%5b0m")

    assert answer.status == 404
    assert not any(byte < 32 for byte in answer.body)
