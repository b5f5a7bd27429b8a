"""Mix, bypass, handlers and chain of a proxy."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.api.engine import Echo, Engine, proxy
from tests.wait import until

WEB = "/api/v1/proxies/web"


def test_a_mix_is_put_in_force_with_options(engine: Engine) -> None:
    """The answer is the proxy as it is now; the mix reads back."""
    body = {"behavior": "20:delay,5:errors", "options": {"delay": {"sleep": 2}}}

    view = engine.ask("PUT", f"{WEB}/mix", body).json

    assert view["behavior"] == "20:delay,5:errors"
    shown = engine.ask("GET", f"{WEB}/mix").json
    assert shown["behavior"] == "20:delay,5:errors"
    assert [(h["name"], h["weight"]) for h in shown["mix"]] == [("delay", 20), ("errors", 5)]
    assert shown["mix"][0]["options"]["sleep"] == 2


def test_a_mix_for_a_time_gives_way_to_the_one_before(engine: Engine) -> None:
    """With ``duration`` the mix before returns by itself."""
    engine.ask("PUT", f"{WEB}/mix", {"behavior": "hang"})
    engine.ask("PUT", f"{WEB}/mix", {"behavior": "delay", "duration": 0.1})

    assert engine.ask("GET", f"{WEB}/mix").json["behavior"] == "100:delay"
    until(lambda: engine.ask("GET", f"{WEB}/mix").json["behavior"] == "100:hang", within=2)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"behaviour": "delay"},
        {"behavior": 5},
        {"behavior": "150:delay"},
        {"behavior": "nope"},
        {"behavior": "delay", "options": {"delay": {"slep": 1}}},
        {"behavior": "delay", "options": {"delay": 1}},
        {"behavior": "delay", "options": {"delay": {"callable": "os:system"}}},
        {"behavior": "delay", "duration": 0},
        {"behavior": "delay", "duration": -1},
        {"behavior": "delay", "duration": "1"},
    ],
)
def test_a_mix_that_makes_no_sense_changes_nothing(engine: Engine, body: dict[str, Any]) -> None:
    """Unknown keys, handlers and options, and weights over 100, are 400."""
    engine.ask("PUT", f"{WEB}/mix", {"behavior": "hang"})

    answer = engine.ask("PUT", f"{WEB}/mix", body)

    assert answer.status == 400
    assert engine.ask("GET", f"{WEB}/mix").json["behavior"] == "100:hang"


def test_single_weights_change(engine: Engine) -> None:
    """PATCH raises one weight, adds another, and 0 takes one away."""
    engine.ask("PUT", f"{WEB}/mix", {"behavior": "20:delay,5:errors"})

    engine.ask("PATCH", f"{WEB}/mix", {"delay": 25, "hang": 0.5, "error": 0})

    mix = {h["name"]: h["weight"] for h in engine.ask("GET", f"{WEB}/mix").json["mix"]}
    assert (mix["delay"], mix["hang"], mix.get("errors", 0)) == (25, 0.5, 0)


@pytest.mark.parametrize(
    "body", [{"delay": 101}, {"delay": -1}, {"delay": "5"}, {"delay": True}, {"nope": 5},
             {"delay": 60, "hang": 60}, []],
)  # fmt: skip
def test_weights_out_of_bounds_change_nothing(engine: Engine, body: Any) -> None:
    """A weight is a percentage, and all of them are one whole."""
    answer = engine.ask("PATCH", f"{WEB}/mix", body)

    assert answer.status == 400
    assert engine.ask("GET", f"{WEB}/mix").json["behavior"] == ""


def test_a_bypass_keeps_the_mix_without_applying_it(engine: Engine, echo: Echo) -> None:
    """Traffic passes while the mix still stands there."""
    engine.ask("PATCH", WEB, {"backend": echo.address, "behavior": "blackout"})

    view = engine.ask("PUT", f"{WEB}/bypass", {"bypass": True}).json

    assert (view["bypass"], view["behavior"]) == (True, "100:blackout")
    with socket.create_connection(engine.address(), timeout=5) as sock:
        sock.sendall(b"ping")
        assert sock.recv(4) == b"ping"
    assert engine.ask("PUT", f"{WEB}/bypass", {"bypass": False}).json["bypass"] is False
    assert engine.ask("PUT", f"{WEB}/bypass", {"bypass": 1}).status == 400


def test_options_are_merged_and_null_gives_the_default_back(engine: Engine) -> None:
    """PATCH of a handler changes the options it names."""
    path = f"{WEB}/handlers/delay"

    engine.ask("PATCH", path, {"sleep": 2, "jitter": 0.5})
    view = engine.ask("PATCH", path, {"sleep": None}).json

    assert (view["options"]["sleep"], view["options"]["jitter"]) == (1.0, 0.5)
    assert engine.ask("GET", path).json == view
    assert (view["name"], view["weight"], view["hits"]) == ("delay", 0, 0)


@pytest.mark.parametrize(
    ("handler", "body", "status"),
    [
        ("delay", {"sleep": "x"}, 400),
        ("delay", {"sleep": -1}, 400),
        ("delay", {"slep": 1}, 400),
        ("delay", {"callable": "os:system"}, 400),
        ("delay", [], 400),
        ("dellay", {"sleep": 1}, 404),
    ],
)
def test_options_that_make_no_sense_change_nothing(
    engine: Engine, handler: str, body: Any, status: int
) -> None:
    """Wrong names, types and bounds are refused; a handler that is not there is 404."""
    answer = engine.ask("PATCH", f"{WEB}/handlers/{handler}", body)

    assert answer.status == status
    assert engine.ask("GET", f"{WEB}/handlers/{handler}").status == (404 if status == 404 else 200)
    assert engine.ask("GET", f"{WEB}/handlers/delay").json["options"]["sleep"] == 1.0


def test_a_chain_is_built_changed_and_taken_apart(engine: Engine) -> None:
    """Entries are named, keep their order, and take options beside their own keys."""
    chain = f"{WEB}/chain"
    first = engine.ask(
        "POST",
        chain,
        {"handler": "delay", "direction": "downstream", "probability": 0.5, "sleep": 0.2},
    )
    second = engine.ask("POST", chain, {"handler": "delay", "direction": "upstream", "name": "lag"})

    assert (first.status, second.status) == (201, 201)
    assert (first.json["probability"], first.json["options"]["sleep"]) == (0.5, 0.2)
    assert [entry["name"] for entry in engine.ask("GET", chain).json] == [
        "delay_downstream",
        "lag",
    ]
    changed = engine.ask("PATCH", f"{chain}/lag", {"probability": 0, "sleep": 3}).json
    assert (changed["probability"], changed["options"]["sleep"]) == (0, 3)
    assert engine.ask("PATCH", f"{chain}/lag", {"sleep": None}).json["options"]["sleep"] == 1.0
    assert engine.ask("DELETE", f"{chain}/delay_downstream").status == 204
    assert [entry["name"] for entry in engine.ask("GET", chain).json] == ["lag"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", {"handler": "delay", "name": "lag"}, 409),
        ("POST", "", {"handler": "nope"}, 400),
        ("POST", "", {}, 400),
        ("POST", "", {"handler": "delay", "probability": 2}, 400),
        ("POST", "", {"handler": "delay", "direction": "sideways"}, 400),
        ("POST", "", {"handler": "delay", "callable": "os:system"}, 400),
        ("PATCH", "/nope", {"sleep": 1}, 404),
        ("PATCH", "/lag", {"direction": "upstream"}, 400),
        ("PATCH", "/lag", {"probability": "1"}, 400),
        ("PATCH", "/lag", {"probability": 1.5}, 400),
        ("PATCH", "/lag", {"callable": "os:system"}, 400),
        ("DELETE", "/nope", None, 404),
    ],
)
def test_a_chain_refuses_what_makes_no_sense(
    engine: Engine, method: str, path: str, body: Any, status: int
) -> None:
    """Taken names, unknown handlers and bad values leave the chain as it is."""
    engine.ask("POST", f"{WEB}/chain", {"handler": "delay", "name": "lag"})
    before = engine.ask("GET", f"{WEB}/chain").json

    assert engine.ask(method, f"{WEB}/chain{path}", body).status == status
    assert engine.ask("GET", f"{WEB}/chain").json == before


def test_the_limit_of_chain_entries_is_named() -> None:
    """The entry after the hundredth is 409 and says so."""
    chain = [{"handler": "delay", "name": f"c{i}"} for i in range(100)]
    with Engine(proxy(chain=chain)) as engine:
        answer = engine.ask("POST", f"{WEB}/chain", {"handler": "delay", "name": "more"})

        assert answer.status == 409
        assert "100" in answer.json["error"]


def test_a_proxy_is_frozen_and_thawed(engine: Engine) -> None:
    """Nothing passes in between, and nothing is lost; while halted it is refused."""
    view = engine.ask("POST", f"{WEB}/freeze").json

    with socket.create_connection(engine.address("web"), timeout=0.3) as client:
        with pytest.raises(TimeoutError):
            client.recv(100)  # its backend would refuse, were it called
        assert view["frozen"]
        assert engine.ask("GET", WEB).json["frozen"]
        assert not engine.ask("DELETE", f"{WEB}/freeze").json["frozen"]
        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    engine.ask("POST", "/api/v1/halt")
    assert engine.ask("POST", f"{WEB}/freeze").status == 423
    assert engine.ask("DELETE", f"{WEB}/freeze").status == 200
    assert engine.ask("POST", "/api/v1/proxies/none/freeze").status == 404
