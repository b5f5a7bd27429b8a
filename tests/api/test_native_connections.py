"""Connections: seen, reset, pinned."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.api.engine import Echo, Engine, proxy
from tests.wait import until

CONNECTIONS = "/api/v1/connections"


def connected(engine: Engine, proxy: str | None = None) -> socket.socket:
    """Open a connection that has carried an exchange."""
    sock = socket.create_connection(engine.address(proxy), timeout=5)
    sock.sendall(b"ping")
    assert sock.recv(4) == b"ping"
    return sock


def test_connections_are_listed_the_newest_last(echo: Echo) -> None:
    """The list can be cut to one proxy and to the newest few."""
    with (
        Engine(proxy("one", echo.address), proxy("two", echo.address)) as engine,
        connected(engine, "one") as first,
        connected(engine, "two"),
        connected(engine, "one"),
    ):
        everything = engine.ask("GET", CONNECTIONS).json
        assert [c["proxy"] for c in everything] == ["one", "two", "one"]
        assert everything[0]["client"] == "{}:{}".format(*first.getsockname())
        assert (everything[0]["upstream"], everything[0]["downstream"]) == (4, 4)
        assert [c["id"] for c in engine.ask("GET", f"{CONNECTIONS}?limit=2").json] == [2, 3]
        assert [c["id"] for c in engine.ask("GET", f"{CONNECTIONS}?proxy=two").json] == [2]
        assert engine.ask("GET", f"{CONNECTIONS}/1").json["proxy"] == "one"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/99", None, 404),
        ("GET", "/x", None, 404),
        ("GET", "/-1", None, 404),
        ("GET", f"/{10**30}", None, 404),
        ("GET", "?limit=0", None, 400),
        ("GET", "?limit=x", None, 400),
        ("GET", "?limit=-1", None, 400),
        ("GET", "?proxy=no", None, 404),
        ("DELETE", "/99", None, 404),
        ("PUT", "/99/pin", {"handler": "delay"}, 404),
        ("PUT", "/99/pin", {}, 400),
    ],
)
def test_what_is_not_there_is_said(
    engine: Engine, method: str, path: str, body: Any, status: int
) -> None:
    """Unknown connections and proxies are 404, senseless numbers 400."""
    assert engine.ask(method, CONNECTIONS + path, body).status == status


def test_a_connection_is_reset_on_both_sides(echo: Echo) -> None:
    """DELETE cuts exactly one connection."""
    with Engine(proxy("web", echo.address)) as engine:
        with connected(engine) as cut, connected(engine) as spared:
            assert engine.ask("DELETE", f"{CONNECTIONS}/1").status == 204
            with pytest.raises(ConnectionResetError):
                cut.recv(1)
            spared.sendall(b"ping")
            assert spared.recv(4) == b"ping"
        events = engine.ask("GET", "/api/v1/events", headers={"Accept": "application/json"}).json
        closed = [e["reason"] for e in events if e["event"] == "close" and e["connection"] == 1]
        assert closed == ["reset by operator"]


def test_a_connection_is_pinned_to_a_handler_and_unpinned(echo: Echo) -> None:
    """A pinned connection gets its handler from the next bytes on, the others stay normal."""
    with (
        Engine(proxy("web", echo.address)) as engine,
        connected(engine) as pinned,
        connected(engine) as spared,
    ):
        view = engine.ask("PUT", f"{CONNECTIONS}/1/pin", {"handler": "errors"}).json
        assert view["pinned"] == "errors"
        assert engine.ask("PUT", f"{CONNECTIONS}/2/pin", {"handler": None}).json["pinned"] == ""
        assert engine.ask("PUT", f"{CONNECTIONS}/2/pin", {"handler": "nope"}).status == 400
        pinned.sendall(b"ping")
        with pytest.raises(ConnectionResetError):
            pinned.recv(4)
        spared.sendall(b"ping")
        assert spared.recv(4) == b"ping"
        until(lambda: engine.ask("GET", f"{CONNECTIONS}/1").status == 404)
