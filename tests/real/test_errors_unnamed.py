"""Where no kind is named, a server in trouble is what clients see."""

from __future__ import annotations

import smtplib
from contextlib import closing

import pytest

from chaostui.testing import engine, proxy
from tests.real import clients
from tests.real.clients import App
from tests.real.kinds import KINDS, Row
from tests.real.telling import kinds, told
from tests.servers.server import Server


class Mailing(clients.Smtplib):
    """smtplib on its way to send a mail, without a new connection where the old one goes on."""

    def connect(self) -> None:
        super().connect()
        self.client.ehlo()

    def ask(self) -> object:
        if self.client.sock is None:
            self._check(*self.client.connect(self.host, self.port))
            self._check(*self.client.ehlo())
        code, text = self.client.mail("a@example.org")
        if code >= 400 and code != 421:
            raise smtplib.SMTPResponseException(code, text)
        return self._check(code, text)


CLIENTS: dict[str, type[App]] = {
    "httpx": clients.Httpx,
    "redis-py": clients.RedisPy,
    "pymemcache": clients.PymemcacheClient,
    "PyMySQL": clients.PyMySQL,
    "psycopg": clients.Psycopg,
    "asyncpg": clients.AsyncpgPool,
    "ldap3": clients.Ldap3,
    "smtplib": Mailing,
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


def raised(client: str, row: Row) -> str:
    """What an application sees of a kind: of smtplib a code, which it makes an exception of."""
    words = row.raises.split()
    return f"SMTPResponseException {words[1]}" if client == "smtplib" else row.raises


@pytest.mark.parametrize("client", CLIENTS)
def test_unnamed_errors_are_those_of_a_server_in_trouble(
    client: str, request: pytest.FixtureRequest
) -> None:
    """Each is one that a restarting or overloaded server sends; the same seed, the same ones."""
    app = CLIENTS[client]
    server: Server = request.getfixturevalue(app.server)
    table = KINDS[app.protocol, client]
    likely = {raised(client, table[kind.name]) for kind in kinds(app.protocol) if kind.default}

    first = tells(app, server, seed=1)

    assert set(first) <= likely
    assert len(set(first)) > 1
    assert tells(app, server, seed=1) == first
    assert any(tells(app, server, seed=seed) != first for seed in (2, 3, 4))
