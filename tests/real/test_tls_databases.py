"""psycopg, asyncpg and PyMySQL through TLS that ends here, and where it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pymysql
import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.certificates import client_context, files, terminating
from tests.conftest import running
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server


def psycopg_connect(proxy: Chaos, mode: str, **more: Any) -> psycopg.Connection[Any]:
    """Connect with an sslmode; what is checked is checked against our CA."""
    return psycopg.connect(
        host="localhost", hostaddr="127.0.0.1", port=proxy.port, user="postgres",
        dbname="postgres", sslmode=mode, sslrootcert=files().ca, autocommit=True, **more,
    )  # fmt: skip


def encrypted(client: psycopg.Connection[Any]) -> bool:
    """Whether libpq speaks TLS."""
    return client.pgconn.ssl_in_use


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-full"])
def test_psycopg_gets_tls_from_a_server_that_has_none(
    postgresql_server: PostgreSQL, chaos: Proxies, mode: str
) -> None:
    """Errors inside of it are what they are in plain text."""
    proxy = chaos(postgresql_server.address, "postgres", **terminating())
    with psycopg_connect(proxy, mode) as client:
        assert encrypted(client)
        assert client.execute("SELECT 42").fetchone() == (42,)
        with (
            proxy.fault("errors", kind="serialization", max_hits=1),
            pytest.raises(psycopg.errors.SerializationFailure),
        ):
            client.execute("SELECT 42")
        with (
            proxy.fault("errors", kind="statement_timeout", max_hits=1),
            pytest.raises(psycopg.errors.QueryCanceled),
        ):
            client.execute("SELECT %s::int", (42,), prepare=True)
        assert client.execute("SELECT 42").fetchone() == (42,)
    assert proxy.stats()[proxy.name].desyncs == 0


def test_psycopg_trusts_the_runs_own_authority(
    postgresql_server: PostgreSQL, chaos: Proxies, tmp_path: Path
) -> None:
    """No certificate is needed: one is made, and who signed it can be had as a file."""
    proxy = chaos(postgresql_server.address, "postgres", tls="terminate")
    trusted = tmp_path / "ca.pem"
    trusted.write_text(proxy.authority)
    with psycopg.connect(
        host="localhost", hostaddr="127.0.0.1", port=proxy.port, user="postgres",
        dbname="postgres", sslmode="verify-full", sslrootcert=str(trusted), autocommit=True,
    ) as client:  # fmt: skip
        assert encrypted(client)
        with proxy.fault("errors", kind="deadlock"), pytest.raises(psycopg.errors.DeadlockDetected):
            client.execute("SELECT 42")


@pytest.mark.skipif(psycopg.pq.version() < 170000, reason="libpq before 17 always asks")
def test_psycopg_that_does_not_ask(postgresql_server: PostgreSQL, chaos: Proxies) -> None:
    """TLS from the first byte needs a certificate and the protocol's name (ALPN)."""
    proxy = chaos(postgresql_server.address, "postgres", **terminating())
    with psycopg_connect(proxy, "verify-full", sslnegotiation="direct") as client:
        assert encrypted(client)
        assert client.execute("SELECT 42").fetchone() == (42,)


@pytest.mark.parametrize("mode", ["disable", "require"])
def test_psycopg_is_told_while_connecting(
    postgresql_server: PostgreSQL, chaos: Proxies, mode: str
) -> None:
    """A server that starts up says so in TLS, and in plain text to those who want that."""
    proxy = chaos(postgresql_server.address, "postgres", **terminating())
    with (
        proxy.fault("errors", kind="starting_up"),
        pytest.raises(psycopg.OperationalError, match="the database system is starting up"),
    ):
        psycopg_connect(proxy, mode)
    with proxy.fault("delay", sleep=0.02, direction="both"), psycopg_connect(proxy, mode) as client:
        assert encrypted(client) is (mode == "require")


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_psycopg_where_tls_is_refused(
    postgresql_server: PostgreSQL, chaos: Proxies, mode: str
) -> None:
    """Who only would like it goes on without, who insists fails with the client's own words."""
    proxy = chaos(postgresql_server.address, "postgres", tls="refuse")
    if mode == "require":
        with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
            psycopg_connect(proxy, mode)
        return
    with psycopg_connect(proxy, mode) as client:
        assert not encrypted(client)
        with proxy.fault("errors", kind="deadlock"), pytest.raises(psycopg.errors.DeadlockDetected):
            client.execute("SELECT 42")


@pytest.mark.parametrize("tls", ["refuse", "terminate"])
def test_asyncpg(postgresql_server: PostgreSQL, chaos: Proxies, tls: str) -> None:
    """It prefers TLS, too, and takes its certificate from a context."""
    settings = terminating() if tls == "terminate" else {"tls": tls}
    proxy = chaos(postgresql_server.address, "postgres", **settings)

    async def ask() -> tuple[object, bool]:
        client = await asyncpg.connect(
            host="localhost", port=proxy.port, user="postgres", database="postgres",
            ssl=client_context() if tls == "terminate" else "prefer",
        )  # fmt: skip
        try:
            secured = client._transport.get_extra_info("ssl_object") is not None
            return await client.fetchval("SELECT 42"), secured
        finally:
            await client.close()

    assert asyncio.run(ask()) == (42, tls == "terminate")


@pytest.fixture(scope="module")
def postgresql_with_tls() -> Iterator[Server]:
    """Run a PostgreSQL that has TLS itself."""
    yield from running(SecurePostgreSQL)


class SecurePostgreSQL(PostgreSQL):
    """A ``postgres`` with a certificate."""

    def prepare(self) -> None:
        super().prepare()
        self.options = (*self.options, "ssl=on")
        self.with_key(files().cert, "server.crt")
        self.with_key(files().key, "server.key")


@pytest.mark.parametrize("mode", ["on", "verify"])
def test_psycopg_where_the_server_has_tls_too(
    postgresql_with_tls: PostgreSQL, chaos: Proxies, mode: str
) -> None:
    """The server itself says that the connection is encrypted, up to it."""
    ca = {"backend_tls_ca": files().ca} if mode == "verify" else {}
    proxy = chaos(postgresql_with_tls.address, "postgres", **terminating(backend_tls=mode, **ca))
    with psycopg_connect(proxy, "verify-full") as client:
        asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert client.execute(asked).fetchone() == (True,)
        with (
            proxy.fault("errors", kind="deadlock", max_hits=1),
            pytest.raises(psycopg.errors.DeadlockDetected),
        ):
            client.execute(asked)
    with (
        proxy.fault("errors", kind="starting_up"),
        pytest.raises(psycopg.OperationalError, match="the database system is starting up"),
    ):
        psycopg_connect(proxy, "require")
    with psycopg_connect(proxy, "disable") as client:
        assert client.execute(asked).fetchone() == (False,)


def test_psycopg_hears_that_the_server_has_none(
    postgresql_server: PostgreSQL, chaos: Proxies
) -> None:
    """Where TLS shall go on to the server, its refusal is the answer."""
    proxy = chaos(postgresql_server.address, "postgres", **terminating(backend_tls="on"))
    with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
        psycopg_connect(proxy, "require")
    with psycopg_connect(proxy, "prefer") as client:
        assert not encrypted(client)
        assert client.execute("SELECT 42").fetchone() == (42,)


def pymysql_connect(proxy: Chaos, *, tls: bool) -> Any:
    """Connect with TLS, checked against our CA, or as PyMySQL likes it."""
    more: dict[str, Any] = {"ssl_ca": files().ca, "ssl_verify_identity": True} if tls else {}
    return pymysql.connect(
        host="localhost", port=proxy.port, user="root", connect_timeout=5, read_timeout=5, **more
    )


def asked(client: Any, statement: str) -> Any:
    """The first row of an answer."""
    with client.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


CIPHER = "SHOW STATUS LIKE 'Ssl_cipher'"


def test_pymysql_gets_tls_from_a_server_that_has_none(
    mariadb_server: MariaDB, chaos: Proxies
) -> None:
    """The server sees a plain login; errors inside of TLS are what they are outside."""
    proxy = chaos(mariadb_server.address, "mysql", **terminating())
    with pymysql_connect(proxy, tls=True) as client:
        assert client._sock.version().startswith("TLS")
        assert asked(client, CIPHER) == ("Ssl_cipher", "")
        with (
            proxy.fault("errors", kind="lock_wait_timeout", max_hits=1),
            pytest.raises(pymysql.OperationalError, match="1205"),
        ):
            asked(client, "SELECT 42")
        assert asked(client, "SELECT 42") == (42,)
    with (
        proxy.fault("errors", kind="out_of_memory"),
        pytest.raises(pymysql.OperationalError, match="1041"),
    ):
        pymysql_connect(proxy, tls=True)
    with proxy.fault("delay", sleep=0.02, direction="both"):
        pymysql_connect(proxy, tls=True).close()
    assert proxy.stats()[proxy.name].desyncs == 0


@pytest.mark.parametrize("mode", ["on", "verify"])
def test_pymysql_where_the_server_has_tls_too(
    mariadb_with_tls: MariaDB, chaos: Proxies, mode: str
) -> None:
    """The server itself says that the connection is encrypted, up to it."""
    ca = {"backend_tls_ca": files().ca} if mode == "verify" else {}
    proxy = chaos(mariadb_with_tls.address, "mysql", **terminating(backend_tls=mode, **ca))
    with pymysql_connect(proxy, tls=True) as client:
        assert asked(client, CIPHER)[1]
        with (
            proxy.fault("errors", kind="deadlock", max_hits=1),
            pytest.raises(pymysql.OperationalError, match="1213"),
        ):
            asked(client, "SELECT 42")
        assert asked(client, "SELECT 42") == (42,)
    with (
        proxy.fault("errors", kind="deadlock"),
        pytest.raises(pymysql.OperationalError, match="1317"),
    ):
        pymysql_connect(proxy, tls=True)


def test_pymysql_where_tls_is_refused(mariadb_with_tls: MariaDB, chaos: Proxies) -> None:
    """It takes TLS where that is offered; here it is not."""
    proxy = chaos(mariadb_with_tls.address, "mysql", tls="refuse")
    with pymysql_connect(proxy, tls=False) as client:
        assert asked(client, CIPHER) == ("Ssl_cipher", "")
    with pytest.raises(pymysql.OperationalError, match="SSL"):
        pymysql_connect(proxy, tls=True)


@pytest.fixture(scope="module")
def mariadb_with_tls() -> Iterator[Server]:
    """Run a MariaDB that has TLS itself."""
    with_tls = (f"--ssl-cert={files().cert}", f"--ssl-key={files().key}")
    yield from running(lambda: MariaDB(*with_tls))
