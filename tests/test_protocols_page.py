"""docs/protocols.md: what its tables say is what the protocols do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chaostui import registry
from chaostui.actions import Reply, Send
from chaostui.api.metrics import COUNTERS
from chaostui.protocol import Protocol
from chaostui.protocols.ldap import LDAP
from tests.protocols.test_ldap import message, search
from tests.protocols.test_mysql import opened, packets
from tests.protocols.test_postgres import logged_in, query

PAGE = (Path(__file__).parent.parent / "docs" / "protocols.md").read_text()


def ports() -> str:
    """The protocols with the ports and the clients that their declarations name."""
    lines = ["| protocol | usual ports | a first connection |", "|---|---|---|"]
    for kind in dict.fromkeys(registry.builtin().protocols.values()):
        command = kind.example.format(host="localhost", port="PORT", listen="localhost:PORT")
        shown = ", ".join(map(str, kind.ports)) or "any"
        lines.append(f"| {kind.name} | {shown} | `{command}` |")
    return "\n".join(lines)


def test_each_protocol_names_its_ports_and_a_client() -> None:
    """The page and the console's form have both from the protocol itself."""
    assert PAGE.split("<!-- ports -->\n")[1].split("\n<!-- /ports -->")[0] == ports()
    taken = [port for kind in set(registry.builtin().protocols.values()) for port in kind.ports]
    assert len(taken) == len(set(taken))


REQUESTS = {
    "memcached": {
        **{word: f"{word} k 0 0 1\r\nx\r\n" for word in ("set", "add", "replace", "append")},
        "prepend": "prepend k 0 0 1\r\nx\r\n",
        "cas": "cas k 0 0 1 7\r\nx\r\n",
        **{word: f"{word} k\r\n" for word in ("get", "delete")},
        **{word: f"{word} k 1\r\n" for word in ("incr", "decr", "touch")},
        **{word: f"{word}\r\n" for word in ("version", "stats", "flush_all")},
    },
    "redis": {
        **{word: f"{word} k 1\r\n" for word in ("GET", "HGETALL", "ZRANGE", "DEL", "EXPIRE")},
        **{word: f"{word}\r\n" for word in ("PING", "INFO")},
        **{word: f"{word} 1\r\n" for word in ("SUBSCRIBE", "SELECT")},
    },
    "mysql": {
        word: packets(0, b"\3" + word.encode() + b" a").decode()
        for word in ("SHOW", "SET", "BEGIN", "SAVEPOINT", "USE")
    },
    "postgres": {
        word: query(word.encode() + b" a").decode()
        for word in (
            "BEGIN",
            "SET",
            "SHOW",
            "SAVEPOINT",
            "LISTEN",
            "INSERT",
            "UPDATE",
            "DELETE",
            "SELECT",
        )
    },
    "smtp": {
        **{word: f"{word} FROM:<a@x>\r\n" for word in ("MAIL", "RCPT")},
        "DATA": "DATA\r\n",
        "BDAT": "BDAT 1\r\nx",
        "AUTH": "AUTH PLAIN x\r\n",
        "STARTTLS": "STARTTLS\r\n",
    },
    "http": {
        "HEAD": "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT": "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    },
}

READY: dict[str, Callable[[], Protocol]] = {"mysql": opened, "postgres": logged_in}
"""Protocols on which nothing is asked before a login."""


def rows() -> list[tuple[str, str, str, str]]:
    """Protocol, request, kind and what is said, of each request in the table."""
    table = PAGE.split("<!-- nearest -->")[1].split("<!-- /nearest -->")[0].strip().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    return [
        (protocol, request, kind.strip("`"), said.strip("`"))
        for protocol, requests, kind, said in cells
        for request in re.findall(r"`([^`]+)`", requests)
    ]


@pytest.mark.parametrize(("protocol", "request_", "kind", "said"), rows())
def test_a_kind_becomes_the_one_that_the_page_names(
    protocol: str, request_: str, kind: str, said: str
) -> None:
    """And the event tells both."""
    speaker = READY.get(protocol, registry.builtin().protocols[protocol])()
    [frame] = speaker.request(REQUESTS[protocol][request_].encode())
    action = speaker.error(kind, request=frame.request)[0]

    assert isinstance(action, (Reply, Send))
    assert action.what == f"{said} for {kind}"


@pytest.mark.parametrize("kind", ["time_limit", "size_limit"])
def test_limits_are_for_searches(kind: str) -> None:
    """As the page says below its table."""
    for asked, what in ((search(1), kind), (message(2, 0x4A, b"a"), f"admin_limit for {kind}")):
        ldap = LDAP()
        [frame] = ldap.request(asked)
        [reply] = ldap.error(kind, request=frame.request)
        assert isinstance(reply, Reply)
        assert reply.what == what


def test_the_counters_have_the_names_that_the_page_gives() -> None:
    """Of the API and of Prometheus."""
    for name, field, _ in COUNTERS:
        if field in ("opaque", "desyncs"):
            assert f"`{field}`, `chaostui_{name}_total`" in PAGE
