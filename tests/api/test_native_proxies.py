"""Proxies over the API: made with their faults, changed, removed."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

from tests.api.engine import Echo, Engine, proxy
from tests.certificates import client_context, terminating

PROXIES = "/api/v1/proxies"


def ping(engine: Engine, name: str) -> bytes:
    """Send ``ping`` through a proxy and return what comes back."""
    with socket.create_connection(engine.address(name), timeout=5) as sock:
        sock.sendall(b"ping")
        return sock.recv(10)


def test_a_proxy_is_made_shown_and_removed(engine: Engine, echo: Echo) -> None:
    """A new proxy serves at once, is listed, and is gone after its removal."""
    made = engine.ask("POST", PROXIES, proxy("echo", echo.address))

    assert made.status == 201
    assert made.json["name"] == "echo"
    assert ping(engine, "echo") == b"ping"
    assert [p["name"] for p in engine.ask("GET", PROXIES).json] == ["web", "echo"]
    assert engine.ask("GET", f"{PROXIES}/echo").json["stats"]["connections"] == 1
    assert engine.ask("DELETE", f"{PROXIES}/echo").status == 204
    assert engine.ask("GET", f"{PROXIES}/echo").status == 404


def test_a_proxy_is_made_with_a_certificate(engine: Engine, echo: Echo) -> None:
    """Clients get TLS at once; a change that cannot be leaves it so, another ends it."""
    given = terminating()
    assert engine.ask("POST", PROXIES, proxy("echo", echo.address, **given)).status == 201
    for _ in range(2):
        with (
            socket.create_connection(engine.address("echo"), timeout=5) as sock,
            client_context().wrap_socket(sock, server_hostname="localhost") as secured,
        ):
            secured.sendall(b"ping")
            assert secured.recv(10) == b"ping"
        assert (
            engine.ask("PATCH", f"{PROXIES}/echo", {"tls_key": given["tls_cert"] + "x"}).status
            == 400
        )
        view = engine.ask("GET", f"{PROXIES}/echo").json
        assert {name: view[name] for name in given} == given
        assert view["backend_tls"] == "off"
    assert (
        engine.ask("PATCH", f"{PROXIES}/echo", {"tls": "passthrough"}).json["tls"] == "passthrough"
    )
    assert ping(engine, "echo") == b"ping"


def test_a_proxy_is_made_with_its_faults_in_one_call(engine: Engine, echo: Echo) -> None:
    """Mix and chain of the body are in force before the first connection."""
    body = proxy(
        "echo",
        echo.address,
        behavior="100:blackout",
        chain=[{"handler": "delay", "direction": "upstream", "sleep": 0.5}],
    )

    view = engine.ask("POST", PROXIES, body).json

    assert view["behavior"] == "100:blackout"
    assert [(c["handler"], c["options"]["sleep"]) for c in view["chain"]] == [("delay", 0.5)]
    with socket.create_connection(engine.address("echo"), timeout=5) as sock:
        assert sock.recv(10) == b""


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "bad request body"),
        (b"[]", 400, "expected an object"),
        ({"listen": "127.0.0.1:0", "backend": "127.0.0.1:9"}, 400, "name"),
        (proxy(listne="x"), 400, "did you mean 'listen'"),
        (proxy("x", "127.0.0.1:99999"), 400, "65535"),
        (proxy("x", behavior="120:delay"), 400, "behavior"),
        (proxy("x", behavior="dellay"), 400, "dellay"),
        (proxy("x", protocol="htpp"), 400, "did you mean 'http'"),
        (proxy("x", chain=[{"handler": "delay", "slep": 1}]), 400, "slep"),
        (proxy("x", chain={"handler": "delay"}), 400, "chain"),
        (proxy("x", handler={"delay": {"callable": "os:system"}}), 400, "callable"),
        (proxy("x", chain=[{"handler": "delay", "callable": "os:system"}]), 400, "callable"),
        (proxy("x", tls="maybe"), 400, "tls: 'maybe' is none of passthrough, refuse, terminate"),
        (proxy("x", tls="terminate", tls_cert="/gone"), 400, "tls_cert: /gone: no such file"),
        (proxy("x", tls="refuse"), 400, "tls: tcp cannot refuse TLS"),
        (proxy("-"), 400, "name"),
        (proxy("//"), 400, "name"),
        (proxy("a\x1b[0m"), 400, "name"),
        (proxy("a" * 256), 400, "name"),
        (proxy("web"), 409, "web"),
        (proxy("x", "169.254.169.254:80"), 403, "--allow-upstream"),
        (proxy("x") | {"listen": "0.0.0.0:0"}, 403, "--allow-remote-listen"),
    ],
)
def test_a_proxy_that_cannot_be_is_refused_whole(
    engine: Engine, body: Any, status: int, said: str
) -> None:
    """Whatever is wrong is named in one line, and no proxy is made."""
    answer = engine.ask("POST", PROXIES, body)

    assert answer.status == status
    assert answer.json["status"] == status
    assert said in answer.json["error"]
    assert len(engine.ask("GET", PROXIES).json) == 1


def test_the_control_api_is_no_backend(engine: Engine) -> None:
    """A proxy to the API itself would let its callers in unseen."""
    answer = engine.ask("POST", PROXIES, proxy("x", f"localhost:{engine.port}"))

    assert (answer.status, "control API" in answer.json["error"]) == (403, True)


def test_a_change_touches_what_it_names_alone(engine: Engine) -> None:
    """PATCH changes the backend, and nothing else."""
    before = engine.ask("GET", f"{PROXIES}/web").json

    after = engine.ask("PATCH", f"{PROXIES}/web", {"backend": "127.0.0.1:10"}).json

    assert after == before | {"backend": "127.0.0.1:10"}


def test_a_disabled_proxy_refuses_until_it_is_enabled(engine: Engine, echo: Echo) -> None:
    """``enabled: false`` gives the port up and ends connections; ``true`` takes it back."""
    engine.ask("PATCH", f"{PROXIES}/web", {"backend": echo.address})
    address = engine.address("web")
    engine.ask("PATCH", f"{PROXIES}/web", {"listen": f"{address[0]}:{address[1]}"})
    with socket.create_connection(address, timeout=5) as sock:
        assert engine.ask("PATCH", f"{PROXIES}/web", {"enabled": False}).json["enabled"] is False
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
    assert engine.ask("PATCH", f"{PROXIES}/web", {"enabled": True}).json["enabled"] is True
    assert ping(engine, "web") == b"ping"


def test_a_busy_port_changes_nothing(engine: Engine, echo: Echo) -> None:
    """A bind that fails is 409, names the port, and the old listener serves on."""
    engine.ask("PATCH", f"{PROXIES}/web", {"backend": echo.address})
    before = engine.address("web")

    taken = f"127.0.0.1:{engine.port}"
    answer = engine.ask("PATCH", f"{PROXIES}/web", {"listen": taken})

    assert answer.status == 409
    assert f"cannot listen on {taken}: address already in use" in answer.json["error"]
    assert engine.address("web") == before
    assert ping(engine, "web") == b"ping"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "other"}, "keeps its name"),
        ({}, "nothing to change"),
        ({"nope": 1}, "nope"),
        ({"enabled": "yes"}, "enabled"),
        ({"chain": [{"handler": "nope"}]}, "nope"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    engine: Engine, body: dict[str, Any], said: str
) -> None:
    """An empty change, another name, and unknown keys are 400."""
    answer = engine.ask("PATCH", f"{PROXIES}/web", body)

    assert answer.status == 400
    assert said in answer.json["error"]


def test_names_may_hold_slashes_and_spaces(engine: Engine) -> None:
    """A name is one part of the path, however it has to be spelled there."""
    name = "10.0.0.1:90/ü @host"
    engine.ask("POST", PROXIES, proxy(name))

    path = f"{PROXIES}/10.0.0.1:90%2F%C3%BC%20@host"
    assert engine.ask("GET", path).json["name"] == name
    assert engine.ask("PUT", f"{path}/mix", {"behavior": "delay"}).status == 200
    assert engine.ask("DELETE", path).status == 204


def test_a_dash_stands_for_the_first_proxy(engine: Engine) -> None:
    """``-`` spares the look-up of a name where there is but one; it removes nothing."""
    assert engine.ask("GET", f"{PROXIES}/-").json["name"] == "web"
    assert engine.ask("PUT", f"{PROXIES}/-/mix", {"behavior": "delay"}).status == 200
    assert engine.ask("DELETE", f"{PROXIES}/-").status == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "OPTIONS", "TRACE"])
def test_other_methods_are_405_with_those_allowed(engine: Engine, method: str) -> None:
    """A path that exists says which methods it takes."""
    answer = engine.ask(method, f"{PROXIES}/web")

    assert answer.status == 405
    assert method == "OPTIONS" or answer.headers["allow"] == "DELETE, GET, PATCH"


def test_the_limit_of_proxies_is_named() -> None:
    """The proxy after the thousandth is 409 and says so."""
    many = [proxy(f"p{i}", enabled=False) for i in range(1000)]
    with Engine(*many) as engine:
        answer = engine.ask("POST", PROXIES, proxy("one too many", enabled=False))

        assert answer.status == 409
        assert "1000" in answer.json["error"]
