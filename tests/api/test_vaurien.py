"""Vaurien's routes, as its users' scripts call them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.engine import Engine, proxy


def wrong(location: str, name: str, description: str) -> dict[str, Any]:
    """Spell an error as cornice does."""
    error = {"location": location, "name": name, "description": description}
    return {"status": "error", "errors": [error]}


def test_the_first_generation_reads_and_sets_a_handler_as_text(engine: Engine) -> None:
    """``/handler`` speaks in plain names of the seed, and ``ok`` is the whole answer."""
    before = engine.ask("GET", "/handler")
    done = engine.ask("POST", "/handler", b"errors")
    after = engine.ask("GET", "/handler")

    assert (before.status, before.body) == (200, b"normal")
    assert before.headers["content-type"].startswith("text/plain")
    assert (done.status, done.body) == (200, b"ok")
    assert after.body == b"errors"


def test_the_second_generation_reads_and_sets_a_behavior_as_json(engine: Engine) -> None:
    """``/behavior`` speaks JSON, and calls normal ``dummy``."""
    before = engine.ask("GET", "/behavior")
    done = engine.ask("PUT", "/behavior", {"name": "delay", "sleep": 2})
    after = engine.ask("GET", "/behavior")

    assert before.json == {"behavior": "dummy"}
    assert done.json == {"status": "ok"}
    assert after.json == {"behavior": "delay"}
    view = engine.look(lambda supervisor: supervisor.handler(None, "delay"))
    assert (view.weight, view.options["sleep"]) == (100, 2.0)


@pytest.mark.parametrize(
    ("given", "first", "second"),
    [
        ("normal", "normal", "dummy"),
        ("dummy", "normal", "dummy"),
        ("errors", "errors", "error"),
        ("error", "errors", "error"),
        ("delay", "delay", "delay"),
        ("20:delay,5:error", "20:delay,5:errors", "20:delay,5:error"),
        ("20:delay", "20:delay", "20:delay"),
    ],
)
def test_both_generations_take_both_names(
    engine: Engine, given: str, first: str, second: str
) -> None:
    """Each route answers in its own generation's words, whichever were used to set it."""
    assert engine.ask("POST", "/handler", given.encode()).status == 200
    assert engine.ask("GET", "/handler").body.decode() == first
    assert engine.ask("GET", "/behavior").json == {"behavior": second}
    assert engine.ask("POST", "/handler", b"hang").status == 200
    assert engine.ask("PUT", "/behavior", {"name": given}).status == 200
    assert engine.ask("GET", "/handler").body.decode() == first


def test_lists_speak_in_their_generations_names(engine: Engine) -> None:
    """``/handlers`` has the seed's five, ``/behaviors`` the seven of Vaurien 2."""
    handlers = engine.ask("GET", "/handlers").json["handlers"]
    behaviors = engine.ask("GET", "/behaviors").json["behaviors"]

    assert set(handlers) >= {"normal", "delay", "errors", "hang", "blackout"}
    second = {"dummy", "delay", "error", "hang", "blackout", "transient", "abort"}
    assert set(behaviors) >= second
    assert len(handlers) == len(set(handlers)) == len(behaviors)


NO_JSON = wrong("body", "", "the value is not a valid json object")


@pytest.mark.parametrize(
    ("method", "path", "body", "errors"),
    [
        (
            "POST",
            "/handler",
            b"nope",
            wrong("headers", "handler", "the 'nope' handler does not exist"),
        ),
        ("POST", "/handler", b"", wrong("headers", "handler", "the '' handler does not exist")),
        (
            "PUT",
            "/behavior",
            {"name": "nope"},
            wrong("body", "name", "the 'nope' behavior does not exist"),
        ),
        ("PUT", "/behavior", b"{", NO_JSON),
        ("PUT", "/behavior", b"", NO_JSON),
        ("PUT", "/behavior", b"[]", NO_JSON),
        ("PUT", "/behavior", b"\xff", NO_JSON),
        (
            "PUT",
            "/behavior",
            {},
            wrong("body", "name", 'the value should contain a "name" key'),
        ),
        (
            "PUT",
            "/backend",
            {},
            wrong("body", "backend", 'the value should contain a "backend" key'),
        ),
        (
            "GET",
            "/behavior?proxy=x",
            None,
            wrong("querystring", "proxy", "the 'x' proxy does not exist"),
        ),
    ],
)
def test_errors_have_the_shape_of_cornice(
    engine: Engine, method: str, path: str, body: Any, errors: dict[str, Any]
) -> None:
    """A wrong call answers 400 in Vaurien's shape and changes nothing."""
    answer = engine.ask(method, path, body)

    assert (answer.status, answer.json) == (400, errors)
    assert answer.headers["chaos-revision"] == "0"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "delay", "sleeep": 2},
        {"name": "delay", "sleep": "long"},
        {"name": "delay", "callable": "os:system"},
        {"name": "20:delay,5:errors", "sleep": 2},
        {"name": "150:delay"},
    ],
)
def test_options_that_make_no_sense_change_nothing(engine: Engine, body: dict[str, Any]) -> None:
    """An unknown or mistyped option is refused by name, and the behavior stays."""
    answer = engine.ask("PUT", "/behavior", body)

    assert answer.status == 400
    assert answer.json["status"] == "error"
    assert engine.ask("GET", "/behavior").json == {"behavior": "dummy"}


def test_options_hold_until_the_next_set(engine: Engine) -> None:
    """Options belong to the call that gave them: the next one has its defaults again."""
    engine.ask("PUT", "/behavior", {"name": "delay", "sleep": 2})
    engine.ask("PUT", "/behavior", {"name": "delay"})

    view = engine.look(lambda supervisor: supervisor.handler(None, "delay"))
    assert view.options["sleep"] == 1.0


@pytest.mark.parametrize(("before", "direction"), [(True, "upstream"), (False, "downstream")])
def test_delay_before_or_after_the_backend(engine: Engine, before: bool, direction: str) -> None:
    """Vaurien 2's ``before`` says which way is delayed."""
    engine.ask("PUT", "/behavior", {"name": "delay", "before": before})

    view = engine.look(lambda supervisor: supervisor.handler(None, "delay"))
    assert view.options["direction"] == direction


def test_a_put_without_a_json_content_type_works(engine: Engine) -> None:
    """Vaurien's client sends its JSON as a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = engine.ask("PUT", "/behavior", {"name": "hang"}, headers)

    assert answer.json == {"status": "ok"}


def test_the_backend_is_read_and_changed(engine: Engine) -> None:
    """``/backend`` says where the proxy connects, and takes another address."""
    assert engine.ask("GET", "/backend").json == {"backend": "127.0.0.1:9"}
    assert engine.ask("PUT", "/backend", {"backend": "127.0.0.1:10"}).json == {"status": "ok"}
    assert engine.ask("GET", "/backend").json == {"backend": "127.0.0.1:10"}
    refused = engine.ask("PUT", "/backend", {"backend": "169.254.169.254:80"})
    assert refused.status == 403
    assert "--allow-upstream" in refused.json["errors"][0]["description"]
    assert engine.ask("PUT", "/backend", {"backend": "nowhere"}).status == 400


def test_the_first_proxy_is_meant_unless_one_is_named() -> None:
    """``?proxy=`` chooses among several proxies."""
    with Engine(proxy("one"), proxy("two")) as engine:
        engine.ask("POST", "/handler?proxy=two", b"hang")
        engine.ask("PUT", "/behavior", {"name": "delay"})

        assert engine.ask("GET", "/handler?proxy=two").body == b"hang"
        assert engine.ask("GET", "/handler?proxy=one").body == b"delay"


def test_a_fault_while_halted_is_refused_in_vaurien_s_shape(engine: Engine) -> None:
    """While everything is halted a new fault answers 423, and normal is still taken."""
    engine.ask("POST", "/api/v1/halt")

    refused = engine.ask("POST", "/handler", b"hang")

    assert refused.status == 423
    assert refused.json["errors"][0]["description"].startswith("halted by")
    assert engine.ask("POST", "/handler", b"normal").body == b"ok"
