"""PyMySQL, and SQLAlchemy's pool on it, before a MariaDB in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pymysql
import pytest
import sqlalchemy

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, every_kind
from tests.servers.mariadb import MariaDB

Connect = Callable[[], "pymysql.Connection[Any]"]


@pytest.fixture
def proxy(mariadb_server: MariaDB, chaos: Proxies) -> Chaos:
    """Put a proxy before MariaDB."""
    return chaos(mariadb_server.address, "mysql")


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make clients that are logged in."""
    with ExitStack() as stack:

        def make() -> pymysql.Connection[Any]:
            client = pymysql.connect(host=proxy.host, port=proxy.port, user="root", read_timeout=5)
            stack.callback(close, client)
            return client

        yield make


def close(client: pymysql.Connection[Any]) -> None:
    """Close what was not lost."""
    if client.open:
        client.close()


def ask(client: pymysql.Connection[Any]) -> object:
    """Select a number."""
    with client.cursor() as cursor:
        cursor.execute("SELECT 42")
        return cursor.fetchone()


@every_kind("mysql", "PyMySQL")
def test_a_kind_is_what_pymysql_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row
) -> None:
    """The client raises the server's number; then the connection works, or is closed."""
    check(proxy, kind, row, connect, ask)


@pytest.mark.parametrize(("kind", "kept"), [("deadlock", 0), ("lock_wait_timeout", 1)])
def test_a_deadlock_undoes_the_transaction_and_a_lock_timeout_the_statement(
    connect: Connect, proxy: Chaos, kind: str, kept: int
) -> None:
    """What was written before in the transaction is there, or not, as the server has it."""
    client = connect()
    with client.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS errors")
        cursor.execute(f"CREATE OR REPLACE TABLE errors.{kind} (a INT) ENGINE=InnoDB")
        cursor.execute(f"INSERT INTO errors.{kind} VALUES (1)")
        with proxy.fault("errors", kind=kind), pytest.raises(pymysql.OperationalError):
            cursor.execute(f"INSERT INTO errors.{kind} VALUES (2)")
        client.commit()
        cursor.execute(f"SELECT count(*) FROM errors.{kind}")
        assert cursor.fetchone() == (kept,)


@pytest.fixture
def pool(proxy: Chaos) -> Iterator[sqlalchemy.Engine]:
    """An application's pool, which asks before it hands a connection out."""
    url = f"mysql+pymysql://root@{proxy.address}/?read_timeout=5"
    pool = sqlalchemy.create_engine(url, pool_pre_ping=True, pool_size=2)
    yield pool
    pool.dispose()


def through(pool: sqlalchemy.Engine) -> object:
    """Select a number on a connection of the pool."""
    with pool.connect() as connection:
        return connection.execute(sqlalchemy.text("SELECT 42")).scalar()


def test_a_pool_hides_a_connection_that_was_killed(pool: sqlalchemy.Engine, proxy: Chaos) -> None:
    """The pool's ping finds it out, and the application gets another connection."""
    assert through(pool) == 42
    with proxy.fault("errors", kind="killed", max_hits=1):
        assert through(pool) == 42

    assert proxy.stats()[proxy.name].connections == 2


def test_a_pool_comes_back_after_shutdowns(pool: sqlalchemy.Engine, proxy: Chaos) -> None:
    """SQLAlchemy passes 1053 on, even to its own ping; once the fault is off, all is well."""
    assert through(pool) == 42
    with proxy.fault("errors", kind="shutdown", must_hit=3):
        for _ in range(3):
            with pytest.raises(sqlalchemy.exc.OperationalError, match="1053"):
                through(pool)

    assert [through(pool) for _ in range(3)] == [42] * 3


def test_a_pool_lives_through_a_restart_of_the_real_server(chaos: Proxies) -> None:
    """MariaDB goes and comes back behind the proxy; the pool's next connection works."""
    with MariaDB() as server:
        proxy = chaos(server.address, "mysql")
        pool = sqlalchemy.create_engine(f"mysql+pymysql://root@{proxy.address}", pool_pre_ping=True)
        assert through(pool) == 42
        server.stop()
        with pytest.raises(sqlalchemy.exc.OperationalError):
            through(pool)
        server.start()

        assert through(pool) == 42
        assert proxy.stats()[proxy.name].desyncs == 0
        pool.dispose()
