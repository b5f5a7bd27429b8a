"""Real databases and real clients on both sides of a proxy that speaks their protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import ldap3
import psycopg
import pymysql
import pytest

from chaostui.settings import Address
from tests.engine.rig import Rig, proxied
from tests.servers.mariadb import MariaDB
from tests.servers.openldap import OpenLDAP
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server


@asynccontextmanager
async def before(server: Server, protocol: str) -> AsyncIterator[tuple[Rig, int]]:
    """Run a proxy before a server, and tell its port."""
    backend = Address(server.host, server.port)
    async with proxied(protocol=protocol, backend=backend) as rig:
        yield rig, rig.address()[1]


def caught(call: Callable[[], Any]) -> BaseException | None:
    """The exception that a call ends with."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 (which one it is, is what is tested)
        return error
    return None


# -- PostgreSQL -------------------------------------------------------------------------------


def dsn(port: int, more: str = "sslmode=disable") -> str:
    """How psycopg connects through the proxy."""
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=10 {more}"


@pytest.mark.parametrize("sslmode", ["disable", "prefer"])
async def test_psycopg_is_told_that_postgresql_is_starting(
    postgresql_server: PostgreSQL, sslmode: str
) -> None:
    """The refusal comes as the server's own, whether the client asks for TLS first or not."""
    async with before(postgresql_server, "postgres") as (rig, port):
        await rig.fault("errors", kind="starting_up")
        error = await asyncio.to_thread(
            caught, lambda: psycopg.connect(dsn(port, f"sslmode={sslmode}"))
        )

    assert isinstance(error, psycopg.OperationalError)
    assert "FATAL:  the database system is starting up" in str(error)


@pytest.mark.parametrize(
    ("kind", "raised", "closed"),
    [
        ("admin_shutdown", psycopg.errors.AdminShutdown, True),
        ("crash", psycopg.OperationalError, True),
        ("deadlock", psycopg.errors.DeadlockDetected, False),
        ("serialization", psycopg.errors.SerializationFailure, False),
        ("statement_timeout", psycopg.errors.QueryCanceled, False),
        ("lock_not_available", psycopg.errors.LockNotAvailable, False),
        ("out_of_memory", psycopg.errors.OutOfMemory, False),
        ("disk_full", psycopg.errors.DiskFull, False),
        ("read_only", psycopg.errors.ReadOnlySqlTransaction, False),
    ],
)
@pytest.mark.parametrize("prepare", [False, True])
async def test_psycopg_raises_its_own_error(
    postgresql_server: PostgreSQL, kind: str, raised: type[Exception], closed: bool, prepare: bool
) -> None:
    """Simple and extended queries fail with the client's named error, then work or are closed."""
    async with before(postgresql_server, "postgres") as (rig, port):
        client = await asyncio.to_thread(lambda: psycopg.connect(dsn(port), autocommit=True))
        await rig.fault("errors", kind=kind)
        error = await asyncio.to_thread(
            caught, lambda: client.execute("select %s", (1,), prepare=prepare)
        )
        await rig.mix("")
        after = await asyncio.to_thread(caught, lambda: client.execute("select 2"))

        assert type(error) is raised
        assert client.closed == closed
        assert (after is not None) == closed
        assert rig.hits == {"errors": 1}
        assert rig.stats.desyncs == 0
        client.close()


@pytest.mark.parametrize("prepare", [False, True])
async def test_an_error_in_a_transaction_is_postgresqls_own(
    postgresql_server: PostgreSQL, prepare: bool
) -> None:
    """The transaction has failed in earnest: 25P02 until it is rolled back, nothing is kept."""

    def work(client: psycopg.Connection[Any]) -> list[BaseException | None]:
        again = caught(lambda: client.execute("select 1"))
        client.rollback()
        return [again, caught(lambda: client.execute("select 1"))]

    async with before(postgresql_server, "postgres") as (rig, port):
        client = await asyncio.to_thread(lambda: psycopg.connect(dsn(port)))
        await asyncio.to_thread(client.execute, "create temp table t (a int)")
        await rig.fault("errors", kind="serialization")
        error = await asyncio.to_thread(
            caught, lambda: client.execute("insert into t values (%s)", (1,), prepare=prepare)
        )
        await rig.mix("")
        again, healed = await asyncio.to_thread(work, client)

        assert isinstance(error, psycopg.errors.SerializationFailure)
        assert isinstance(again, psycopg.errors.InFailedSqlTransaction)
        assert healed is None
        client.close()


async def test_a_copy_fails_in_the_middle(postgresql_server: PostgreSQL) -> None:
    """Data that PostgreSQL waits for is given up, and the statement fails on the server."""
    async with before(postgresql_server, "postgres") as (rig, port):
        client = await asyncio.to_thread(lambda: psycopg.connect(dsn(port), autocommit=True))
        await asyncio.to_thread(client.execute, "create temp table t (a int)")
        loop = asyncio.get_running_loop()

        def copy() -> None:
            with client.cursor().copy("copy t from stdin") as data:
                fault = rig.fault("errors", kind="disk_full")
                asyncio.run_coroutine_threadsafe(fault, loop).result()
                data.write_row((1,))

        error = await asyncio.to_thread(caught, copy)
        await rig.mix("")
        counted = await asyncio.to_thread(client.execute, "select count(*) from t")

        assert isinstance(error, psycopg.errors.DiskFull)
        assert "No space left on device" in str(error)
        assert counted.fetchone() == (0,)
        client.close()


@pytest.mark.parametrize("transaction", [False, True])
async def test_asyncpg_raises_its_own_error(
    postgresql_server: PostgreSQL, transaction: bool
) -> None:
    """Asyncpg prepares with Flush instead of Sync: it gets its error all the same, and goes on."""
    async with before(postgresql_server, "postgres") as (rig, port):
        client = await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", ssl=False)
        begun = client.transaction()
        if transaction:
            await begun.start()
        await rig.fault("errors", kind="deadlock")
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await asyncio.wait_for(client.fetch("select $1::int", 1), 10)
        await rig.mix("")
        if transaction:
            with pytest.raises(asyncpg.InFailedSQLTransactionError):
                await client.fetch("select 1")
            await begun.rollback()

        assert await client.fetchval("select $1::int", 1) == 1
        await client.close()


async def test_postgresql_passes_untouched(postgresql_server: PostgreSQL) -> None:
    """Pipelines, cursors, copies and notices pass; each request is an exchange with its name."""

    def work(port: int) -> int:
        with psycopg.connect(dsn(port)) as client:
            client.execute("create temp table t (a int, b text)")
            client.cursor().executemany("insert into t values (%s, 'x')", [(n,) for n in range(50)])
            with client.cursor().copy("copy t from stdin") as data:
                for number in range(50):
                    data.write_row((number, "y" * 900))
            with client.pipeline():
                two = [client.execute("select %s::int", (n,)) for n in range(2)]
                assert [each.fetchone() for each in two] == [(0,), (1,)]
            with client.cursor("c") as cursor:
                cursor.itersize = 7
                found = len(list(cursor.execute("select * from t")))
            client.execute("do $$ begin raise notice 'hello'; end $$")
            assert caught(lambda: client.execute("select 1/0")) is not None
            client.rollback()
        return found

    async with before(postgresql_server, "postgres") as (rig, port):
        assert await asyncio.to_thread(work, port) == 100
        assert rig.stats.exchanges > 15
        assert rig.stats.desyncs == 0


# -- MariaDB ----------------------------------------------------------------------------------


def maria(port: int, **options: Any) -> pymysql.Connection[Any]:
    """A client through the proxy."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user="root", ssl_disabled=True, local_infile=True, **options
    )


async def test_pymysql_is_told_that_all_connections_are_taken(mariadb_server: MariaDB) -> None:
    """The error stands for the greeting, as the server at its limit sends it."""
    async with before(mariadb_server, "mysql") as (rig, port):
        await rig.fault("errors", kind="too_many_connections")
        error = await asyncio.to_thread(caught, lambda: maria(port))

    assert isinstance(error, pymysql.err.OperationalError)
    assert error.args == (1040, "Too many connections")


@pytest.mark.parametrize(
    ("kind", "number", "closed"),
    [
        ("shutdown", 1053, True),
        ("killed", 1927, True),
        ("deadlock", 1213, False),
        ("lock_wait_timeout", 1205, False),
        ("query_timeout", 1969, False),
        ("interrupted", 1317, False),
        ("read_only", 1290, False),
        ("resource_limit", 1226, False),
    ],
)
async def test_pymysql_raises_the_servers_number(
    mariadb_server: MariaDB, kind: str, number: int, closed: bool
) -> None:
    """A query fails with the error's number, then the connection works or is closed."""
    async with before(mariadb_server, "mysql") as (rig, port):
        client = await asyncio.to_thread(maria, port)
        await rig.fault("errors", kind=kind)
        error = await asyncio.to_thread(caught, lambda: client.query("select 1"))
        await rig.mix("")
        after = await asyncio.to_thread(caught, lambda: client.query("select 2"))

        assert isinstance(error, pymysql.err.OperationalError)
        assert error.args[0] == number
        assert (after is not None) == closed
        assert rig.hits == {"errors": 1}
        if not closed:
            client.close()


async def test_a_deadlock_has_rolled_the_transaction_back(mariadb_server: MariaDB) -> None:
    """What the client did before the deadlock is undone on the server too."""

    def count(client: pymysql.Connection[Any]) -> int:
        with client.cursor() as cursor:
            cursor.execute("select count(*) from chaos.deadlock")
            return int(cursor.fetchone()[0])

    async with before(mariadb_server, "mysql") as (rig, port):
        client = await asyncio.to_thread(maria, port)
        for statement in (
            "create database if not exists chaos",
            "create or replace table chaos.deadlock (a int)",
            "insert into chaos.deadlock values (1)",
        ):
            await asyncio.to_thread(client.query, statement)
        await rig.fault("errors", kind="deadlock")
        error = await asyncio.to_thread(
            caught, lambda: client.query("insert into chaos.deadlock values (2)")
        )
        await rig.mix("")

        assert isinstance(error, pymysql.err.OperationalError)
        assert await asyncio.to_thread(count, client) == 0
        client.close()


async def test_mariadb_passes_untouched(mariadb_server: MariaDB) -> None:
    """Results of many shapes, several at once, files and errors pass as they are."""

    def work(port: int) -> list[Any]:
        client = maria(
            port, database="mysql", client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS
        )
        found = []
        with client.cursor() as cursor:
            cursor.execute("select 1; do 1; select seq, repeat('x', 900) from seq_1_to_500")
            while True:
                found.append(len(cursor.fetchall()))
                if not cursor.nextset():
                    break
            assert caught(lambda: cursor.execute("select nothing")) is not None
            cursor.execute("select repeat('x', 3000000)")
            found.append(len(cursor.fetchone()[0]))
        client.close()
        return found

    async with before(mariadb_server, "mysql") as (rig, port):
        assert await asyncio.to_thread(work, port) == [1, 0, 500, 3_000_000]
        assert rig.stats.desyncs == 0


# -- OpenLDAP ---------------------------------------------------------------------------------


def directory(port: int) -> ldap3.Connection:
    """A client through the proxy, bound."""
    server = ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE)
    return ldap3.Connection(
        server, OpenLDAP.admin, OpenLDAP.password, raise_exceptions=True, auto_bind=True
    )


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("busy", ldap3.core.exceptions.LDAPBusyResult),
        ("unavailable", ldap3.core.exceptions.LDAPUnavailableResult),
        ("unwilling", ldap3.core.exceptions.LDAPUnwillingToPerformResult),
        ("admin_limit", ldap3.core.exceptions.LDAPAdminLimitExceededResult),
        ("other", ldap3.core.exceptions.LDAPOtherResult),
    ],
)
async def test_ldap3_raises_its_own_error(
    openldap_server: OpenLDAP, kind: str, raised: type[Exception]
) -> None:
    """A search fails with the client's named error, and the next one works."""
    async with before(openldap_server, "ldap") as (rig, port):
        client = await asyncio.to_thread(directory, port)
        await rig.fault("errors", kind=kind)
        error = await asyncio.to_thread(caught, lambda: client.search("", "(objectClass=*)"))
        await rig.mix("")
        after = await asyncio.to_thread(caught, client.extend.standard.who_am_i)

        assert type(error) is raised
        assert after is None
        assert rig.hits == {"errors": 1}
        client.unbind()


async def test_ldap3_is_told_of_the_disconnection(openldap_server: OpenLDAP) -> None:
    """The notice is understood as the server's good-bye."""
    async with before(openldap_server, "ldap") as (rig, port):
        client = await asyncio.to_thread(directory, port)
        await rig.fault("errors", kind="disconnect")
        error = await asyncio.to_thread(caught, lambda: client.search("", "(objectClass=*)"))

        assert type(error) is ldap3.core.exceptions.LDAPSessionTerminatedByServerError
