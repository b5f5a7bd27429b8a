"""Where no kind is named, a server in trouble is what clients see."""

from __future__ import annotations

from contextlib import closing

import pytest

from chaostui.testing import engine, proxy
from tests.real import clients
from tests.real.clients import App
from tests.real.kinds import KINDS
from tests.real.telling import kinds, told
from tests.servers.server import Server

CLIENTS: dict[str, type[App]] = {
    "httpx": clients.Httpx,
    "redis-py": clients.RedisPy,
    "pymemcache": clients.PymemcacheClient,
    "PyMySQL": clients.PyMySQL,
    "psycopg": clients.Psycopg,
    "ldap3": clients.Ldap3,
}
CALLS = 10


def tells(app: type[App], server: Server, seed: int) -> list[str]:
    """What an application tells of some calls, all of which fail."""
    with (
        engine(proxy(server.address, app.protocol), seed=seed) as chaos,
        closing(app(chaos.host, chaos.port)) as client,
        chaos.fault("errors", must_hit=CALLS),
    ):
        return [told(client.ask) for _ in range(CALLS)]


@pytest.mark.parametrize("client", CLIENTS)
def test_unnamed_errors_are_those_of_a_server_in_trouble(
    client: str, request: pytest.FixtureRequest
) -> None:
    """Each is one that a restarting or overloaded server sends; the same seed, the same ones."""
    app = CLIENTS[client]
    server: Server = request.getfixturevalue(app.server)
    table = KINDS[app.protocol, client]
    likely = {table[kind.name].raises for kind in kinds(app.protocol) if kind.default}

    first = tells(app, server, seed=1)

    assert set(first) <= likely
    assert len(set(first)) > 1
    assert tells(app, server, seed=1) == first
    assert tells(app, server, seed=2) != first
