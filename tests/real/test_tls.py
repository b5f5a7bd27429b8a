"""Real clients through TLS that ends here, before servers without it; and where it is refused."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Iterator
from typing import Any

import asyncpg
import ldap3
import psycopg
import pymysql
import pytest
from ldap3.core.exceptions import LDAPBusyResult, LDAPException

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.certificates import client_context, files, terminating
from tests.conftest import running
from tests.servers.mariadb import MariaDB
from tests.servers.openldap import OpenLDAP
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server
from tests.servers.smtp import SMTP

# ldap3 2.9 checks names with an old function of Python's.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning")


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
        pytest.raises(pymysql.OperationalError, match="1213"),
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


def test_smtplib_gets_tls_from_a_server_that_has_none(smtp_server: SMTP, chaos: Proxies) -> None:
    """The mail arrives; a fault may say that TLS does not work, or act inside of it."""
    proxy = chaos(smtp_server.address, "smtp", **terminating())
    with smtplib.SMTP("localhost", proxy.port, timeout=5) as client:
        client.ehlo()
        with (
            proxy.fault("errors", kind="454", max_hits=1),
            pytest.raises(smtplib.SMTPResponseException, match="454"),
        ):
            client.starttls(context=client_context())
        assert client.noop()[0] == 250
        with proxy.fault("delay", sleep=0.02, direction="both"):
            assert client.starttls(context=client_context())[0] == 220
        client.ehlo()
        assert "starttls" not in client.esmtp_features
        with (
            proxy.fault("errors", kind="451", max_hits=1),
            pytest.raises(smtplib.SMTPSenderRefused, match="451"),
        ):
            client.sendmail("in-tls@a", "b@c", "Subject: no")
        client.sendmail("in-tls@a", "b@c", "Subject: yes")
    mails = [m for m in smtp_server.messages if m["X-MailFrom"] == "in-tls@a"]
    assert [mail["Subject"] for mail in mails] == ["yes"]
    assert proxy.stats()[proxy.name].desyncs == 0


@pytest.mark.parametrize("mode", ["on", "verify"])
def test_smtplib_where_the_server_has_tls_too(
    smtp_with_tls: SMTP, chaos: Proxies, mode: str
) -> None:
    """The server, which takes no mail without TLS, takes this one."""
    ca = {"backend_tls_ca": files().ca} if mode == "verify" else {}
    proxy = chaos(smtp_with_tls.address, "smtp", **terminating(backend_tls=mode, **ca))
    with smtplib.SMTP("localhost", proxy.port, timeout=5) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("a@b", "c@d", "Subject: no")
        with proxy.fault("delay", sleep=0.02, direction="both"):
            client.starttls(context=client_context())
        with proxy.fault("errors", kind="452", max_hits=1):
            assert client.noop()[0] == 452
        assert client.sendmail("a@b", "c@d", "Subject: yes") == {}


def test_smtplib_where_tls_is_refused(smtp_with_tls: SMTP, chaos: Proxies) -> None:
    """The client says that it is not supported."""
    proxy = chaos(smtp_with_tls.address, "smtp", tls="refuse")
    with (
        smtplib.SMTP("localhost", proxy.port, timeout=5) as client,
        pytest.raises(smtplib.SMTPNotSupportedError),
    ):
        client.starttls(context=client_context())


@pytest.fixture(scope="module")
def smtp_with_tls() -> Iterator[Server]:
    """Run an SMTP server that insists on TLS."""
    yield from running(lambda: SMTP("--tlscert", files().cert, "--tlskey", files().key))


def ldap3_connect(proxy: Chaos, **more: Any) -> Any:
    """Connect, in plain text unless told otherwise; what is checked is checked by our CA."""
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=files().ca)
    server = ldap3.Server("localhost", proxy.port, tls=tls, get_info=ldap3.ALL, **more)
    return ldap3.Connection(
        server, "cn=admin,dc=test", "secret", receive_timeout=5, raise_exceptions=True
    )


@pytest.mark.parametrize("implicit", [False, True])
def test_ldap3_gets_tls_from_a_server_that_has_none(
    openldap_server: OpenLDAP, chaos: Proxies, implicit: bool
) -> None:
    """By StartTLS or from the first byte; errors inside of it are what they are outside."""
    proxy = chaos(openldap_server.address, "ldap", **terminating())
    client = ldap3_connect(proxy, use_ssl=implicit)
    client.open()
    if not implicit:
        with proxy.fault("errors", kind="busy", max_hits=1), pytest.raises(LDAPException):
            client.start_tls()
        with proxy.fault("delay", sleep=0.02, direction="both"):
            client.start_tls()
    client.bind()
    assert isinstance(client.socket, ssl.SSLSocket)
    assert client.extend.standard.who_am_i() == "dn:cn=admin,dc=test"
    with proxy.fault("errors", kind="busy", max_hits=1), pytest.raises(LDAPBusyResult):
        client.extend.standard.who_am_i()
    client.unbind()
    assert proxy.stats()[proxy.name].desyncs == 0


@pytest.mark.parametrize("mode", ["on", "verify"])
def test_ldap3_where_the_server_has_tls_too(
    openldap_with_tls: OpenLDAP, chaos: Proxies, mode: str
) -> None:
    """The server, which binds nobody without TLS, binds this one."""
    ca = {"backend_tls_ca": files().ca} if mode == "verify" else {}
    proxy = chaos(openldap_with_tls.address, "ldap", **terminating(backend_tls=mode, **ca))
    client = ldap3_connect(proxy)
    with pytest.raises(LDAPException, match="onfidentiality"):
        client.bind()
    client.start_tls()
    client.bind()
    assert client.extend.standard.who_am_i() == "dn:cn=admin,dc=test"
    client.unbind()


def test_ldap3_hears_that_the_server_has_none(openldap_server: OpenLDAP, chaos: Proxies) -> None:
    """It may go on in plain text."""
    proxy = chaos(openldap_server.address, "ldap", **terminating(backend_tls="on"))
    client = ldap3_connect(proxy)
    client.open()
    with pytest.raises(LDAPException):
        client.start_tls()
    client.bind()
    assert client.extend.standard.who_am_i() == "dn:cn=admin,dc=test"
    client.unbind()


def test_ldap3_where_tls_is_refused(openldap_with_tls: OpenLDAP, chaos: Proxies) -> None:
    """It is not offered, and not granted either."""
    proxy = chaos(openldap_with_tls.address, "ldap", tls="refuse")
    client = ldap3_connect(proxy)
    client.open()
    offered = [extension[0] for extension in client.server.info.supported_extensions]
    assert "1.3.6.1.4.1.4203.1.11.3" in offered
    assert "1.3.6.1.4.1.1466.20037" not in offered
    with pytest.raises(LDAPException):
        client.start_tls()
    client.unbind()


@pytest.fixture(scope="module")
def openldap_with_tls() -> Iterator[Server]:
    """Run an OpenLDAP that insists on TLS."""
    yield from running(SecureOpenLDAP)


class SecureOpenLDAP(OpenLDAP):
    """A ``slapd`` with a certificate, which binds nobody without TLS."""

    def prepare(self) -> None:
        super().prepare()
        configuration = self.directory / "slapd.conf"
        # What is said of all databases stands before the first.
        lines = (
            f"TLSCertificateFile {files().cert}",
            f"TLSCertificateKeyFile {files().key}",
            "security simple_bind=56",
            configuration.read_text(),
        )
        configuration.write_text("\n".join(lines))

    def ping(self) -> None:
        tls = ldap3.Tls(validate=ssl.CERT_NONE)
        server = ldap3.Server(self.host, self.port, tls=tls, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, self.admin, self.password, receive_timeout=2)
        connection.open()
        connection.start_tls()
        assert connection.bind()
        connection.unbind()
