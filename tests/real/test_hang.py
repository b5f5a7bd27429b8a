"""Real clients whose server accepts them, lets them in, and never answers what they ask."""

from __future__ import annotations

import time

import pytest

from chaostui.pytest_plugin import Proxies
from tests.real.clients import App, AsyncpgPool, Ldap3, Psycopg, PyMySQL, Smtplib
from tests.servers.server import Server

LOGINS = (Psycopg, AsyncpgPool, PyMySQL, Smtplib, Ldap3)
every_login = pytest.mark.parametrize("kind", LOGINS, ids=lambda kind: kind.__name__)
every_way = pytest.mark.parametrize("chained", [False, True], ids=["mix", "chain"])


@every_login
@every_way
def test_the_login_works_and_the_query_hangs(
    kind: type[App], chained: bool, chaos: Proxies, request: pytest.FixtureRequest
) -> None:
    """An application's own time limit for connecting never fires; that for the answer does."""
    server: Server = request.getfixturevalue(kind.server)
    proxy = chaos(server.address, kind.protocol)
    if chained:
        proxy.add_chain("hang", name="h", direction="both")
    else:
        proxy.set_handler("hang")
    app = kind(proxy.host, proxy.port)
    began = time.monotonic()
    with pytest.raises(app.slow):
        app.ask()
    assert time.monotonic() - began >= app.patience

    proxy.reset()
    assert app.ask() == app.answer
    assert proxy.stats()[proxy.name].desyncs == 0
    app.close()


@pytest.mark.parametrize("kind", [Psycopg, PyMySQL, Smtplib, Ldap3], ids=lambda kind: kind.__name__)
def test_the_login_hangs_too_where_that_is_wanted(
    kind: type[App], chaos: Proxies, request: pytest.FixtureRequest
) -> None:
    """``at = "anywhere"``: the connection is accepted, and that is all."""
    server: Server = request.getfixturevalue(kind.server)
    proxy = chaos(server.address, kind.protocol)
    with proxy.fault("hang", at="anywhere"), pytest.raises((*kind.slow, *kind.broken, OSError)):
        patient(kind, proxy.host, proxy.port).ask()


def patient(kind: type[App], host: str, port: int) -> App:
    """The application, with a limit for connecting where it has none."""
    if kind is not Psycopg:
        return kind(host, port)
    import psycopg

    psycopg.connect(host=host, port=port, user="postgres", connect_timeout=2)
    raise AssertionError("psycopg has connected")
