"""Whatever a body holds, the API answers 2xx or 4xx as JSON, and the engine lives on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from chaostui.api.server import ROUTES
from tests.api.engine import Engine, proxy

CHANGING = [r for r in ROUTES if r.method in ("POST", "PUT", "PATCH") and not r.endless]

KEYS = st.sampled_from(
    ["name", "listen", "backend", "behavior", "options", "duration", "handler", "chain", "enabled",
     "probability", "direction", "sleep", "delay", "errors", "lease", "owner", "proxy", "note",
     "reason", "bypass", "protocol", "draw", "max_held", "control", "seed", "callable", "every"]
) | st.text(max_size=5)  # fmt: skip
WORDS = st.sampled_from(
    ["delay", "errors", "20:delay", "150:delay", "127.0.0.1:0", "localhost:99999", "unix:/x",
     "tcp", "http", "upstream", "both", "web", "-", "0.0.0.0:0", "os:system", "nan", "\0", "\ud7ff"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=10)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=6) | VALUES


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    """Run one engine for all examples."""
    with Engine(proxy(enabled=False)) as engine:
        yield engine


def path(template: str, engine: Engine) -> str:
    """Fill a path in with things that exist."""
    sessions = engine.look(lambda supervisor: supervisor.sessions())
    known = {
        "proxy": "web",
        "handler": "delay",
        "name": "lag",
        "id": "1",
        "fault": "x",
        "session": sessions[0].id if sessions else "x",
    }
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda match: known[match[1]], template)


def answered(engine: Engine, method: str, template: str, body: bytes) -> None:
    """Ask, and hold the answer against what every answer must be."""
    answer = engine.ask(method, path(template, engine), body)

    assert answer.status < 500, answer
    if answer.status >= 400:
        told = answer.json
        assert told.get("status") == answer.status or told.get("errors"), answer
        assert b"Traceback" not in answer.body
        assert "\n" not in str(told.get("error"))


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: f"{route.method} {route.path}")
def test_no_json_breaks_the_engine(shared: Engine, route: Any) -> None:
    """Objects with familiar keys and strange values are taken or refused, never a 500."""

    @settings(max_examples=60, deadline=None)
    @given(body=BODIES)
    def ask(body: Any) -> None:
        answered(shared, route.method, route.path, json.dumps(body).encode())

    shared.ask("DELETE", "/api/v1/halt")
    shared.ask("PUT", "/api/v1/profile", {"proxy": [proxy(enabled=False)]})
    shared.ask("POST", "/api/v1/sessions", {})
    shared.ask("POST", "/api/v1/proxies/web/chain", {"handler": "delay", "name": "lag"})
    ask()
    assert shared.ask("GET", "/api/v1/health").status == 200


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_no_bytes_break_the_engine(shared: Engine, body: bytes) -> None:
    """What is no JSON at all is refused wherever a body is read."""
    for route in CHANGING:
        answered(shared, route.method, route.path, body)
