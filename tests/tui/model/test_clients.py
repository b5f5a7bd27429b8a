"""Every protocol's own client is named."""

from __future__ import annotations

import shlex

import pytest

from chaostui import registry
from chaostui.tui.model.clients import example, guess
from chaostui.tui.screens.proxyform import NEW, named, problem
from chaostui.wire.shapes import ProtocolHelp

PROTOCOLS = {
    kind.name: ProtocolHelp(
        name=kind.name, help="", kinds=(), ports=kind.ports, example=kind.example
    )
    for kind in registry.builtin().protocols.values()
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_protocol_has_a_client_of_its_own(protocol: str) -> None:
    """Only where bytes are not read it is ``nc``."""
    command = shlex.split(example(PROTOCOLS, protocol, "127.0.0.1:16379"))

    assert "16379" in command[-1]
    assert (command[0] == "nc") == (protocol == "tcp")


def test_a_protocol_of_a_newer_engine_has_plain_tcps_client() -> None:
    """A command is text from the network: it is made harmless, and braces stand for nothing."""
    hostile = ProtocolHelp(name="x", help="", kinds=(), example="x\x1b[31m {0} {listen}")

    assert example({}, "new", "[::1]:7") == "nc ::1 7"
    assert "\x1b" not in example({"x": hostile}, "x", ":7")
    assert example({"x": hostile}, "x", ":7").endswith("{0} 127.0.0.1:7")


@pytest.mark.parametrize(
    ("backend", "protocol"),
    [("a:6379", "redis"), ("a:5432", "postgres"), ("a:11211", "memcached"), ("a:389", "ldap"),
     ("[::1]:3306", "mysql"), ("a:1", "tcp"), ("a", "tcp"), ("a:x", "tcp"), ("", "tcp")],
)  # fmt: skip
def test_the_protocol_is_guessed_by_the_backends_port(backend: str, protocol: str) -> None:
    """Well-known ports speak what they are known for."""
    assert guess(backend, PROTOCOLS) == protocol


def test_a_name_is_found_where_none_was_typed() -> None:
    """It is what is spoken, with a number where that is taken."""
    assert named(NEW) == "proxy"
    assert named(NEW | {"protocol": "redis"}, ["redis"]) == "redis-2"
    assert named(NEW | {"protocol": "redis"}, ["redis", "redis-2"]) == "redis-3"
    assert "already" in problem(NEW | {"name": "web"}, PROTOCOLS, ["web"])
    assert problem(NEW, PROTOCOLS, ["proxy"]) == ""
