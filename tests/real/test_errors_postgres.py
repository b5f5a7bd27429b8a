"""psycopg and asyncpg before a PostgreSQL in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import errors

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, every_kind
from tests.servers.postgresql import PostgreSQL

Connection = psycopg.Connection[Any]
Connect = Callable[..., Connection]


@pytest.fixture
def proxy(postgresql_server: PostgreSQL, chaos: Proxies) -> Chaos:
    """Put a proxy before PostgreSQL."""
    return chaos(postgresql_server.address, "postgres")


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make psycopg's connections, each statement a transaction unless told otherwise."""
    with ExitStack() as stack:

        def make(autocommit: bool = True) -> Connection:
            place = f"host={proxy.host} port={proxy.port} user=postgres dbname=postgres"
            client = psycopg.connect(place, autocommit=autocommit)
            stack.callback(client.close)
            return client

        yield make


def ask(client: Connection) -> object:
    """Select a number in the simple protocol."""
    return client.execute("SELECT 42").fetchone()


def ask_prepared(client: Connection) -> object:
    """Select a number in the extended protocol."""
    return client.execute("SELECT %s::int", (42,), prepare=True).fetchone()


@pytest.mark.parametrize("asking", [ask, ask_prepared], ids=["simple", "extended"])
@every_kind("postgres", "psycopg")
def test_a_kind_is_what_psycopg_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row, asking: Callable[[Connection], object]
) -> None:
    """The client raises its named error; then the connection works, or is closed."""
    check(proxy, kind, row, connect, asking)


def test_a_transaction_is_rolled_back_and_tried_again(proxy: Chaos, connect: Connect) -> None:
    """The failed one is dead on the server too, until it is rolled back; the second one counts."""
    client = connect(autocommit=False)
    client.execute("CREATE TEMP TABLE counted (n int)")
    client.commit()
    client.execute("INSERT INTO counted VALUES (1)")
    with (
        proxy.fault("errors", kind="serialization", max_hits=1),
        pytest.raises(errors.SerializationFailure),
    ):
        client.execute("INSERT INTO counted VALUES (2)")
    with pytest.raises(errors.InFailedSqlTransaction):
        client.execute("SELECT 1")
    client.rollback()

    client.execute("INSERT INTO counted VALUES (3)")
    client.commit()
    assert client.execute("SELECT n FROM counted").fetchall() == [(3,)]


def test_a_commit_that_fails_has_not_committed(proxy: Chaos, connect: Connect) -> None:
    """An error in answer to COMMIT is the server's own: nothing was kept."""
    client = connect(autocommit=False)
    client.execute("CREATE TEMP TABLE counted (n int)")
    client.commit()
    client.execute("INSERT INTO counted VALUES (1)")
    with (
        proxy.fault("errors", kind="serialization", max_hits=1),
        pytest.raises(errors.SerializationFailure),
    ):
        client.commit()
    client.rollback()

    assert client.execute("SELECT n FROM counted").fetchall() == []


def test_a_sync_alone_is_passed_over(proxy: Chaos, connect: Connect) -> None:
    """The end of an empty pipeline asks nothing, so the error waits for what does."""
    client = connect()
    ask(client)
    with proxy.fault("errors", kind="deadlock"):
        with client.pipeline() as pipeline:
            pipeline.sync()
        with pytest.raises(errors.DeadlockDetected):
            ask(client)

    assert ask(client) == (42,)


class Asyncpg:
    """asyncpg's connection, asked from a thread without a loop."""

    def __init__(self, proxy: Chaos, stack: ExitStack) -> None:
        self.runner = stack.enter_context(asyncio.Runner())
        self.client: Any = self.runner.run(
            asyncpg.connect(host=proxy.host, port=proxy.port, user="postgres", timeout=5)
        )
        stack.callback(lambda: self.runner.run(self.end()))

    def run(self, method: str, *arguments: object) -> Any:
        """Call a method of the connection."""
        return self.runner.run(getattr(self.client, method)(*arguments))

    async def end(self) -> None:
        """Let go of the connection."""
        self.client.terminate()


@pytest.fixture
def connect_asyncpg(proxy: Chaos) -> Iterator[Callable[[], Asyncpg]]:
    """Make asyncpg's connections."""
    with ExitStack() as stack:
        yield lambda: Asyncpg(proxy, stack)


@every_kind("postgres", "asyncpg")
def test_a_kind_is_what_asyncpg_has_for_it(
    proxy: Chaos, connect_asyncpg: Callable[[], Asyncpg], kind: str, row: Row
) -> None:
    """The client raises its named error; then the connection works, or is closed."""
    check(proxy, kind, row, connect_asyncpg, lambda client: client.run("fetchval", "SELECT 42"))


@pytest.mark.parametrize("statement", ["SELECT 42", "SELECT $1::int"])
def test_a_transaction_of_asyncpg_is_rolled_back_and_tried_again(
    proxy: Chaos, connect_asyncpg: Callable[[], Asyncpg], statement: str
) -> None:
    """The failed one says 25P02 until it is rolled back; the second one works."""
    client = connect_asyncpg()
    arguments = (42,) if "$1" in statement else ()
    client.run("execute", "BEGIN ISOLATION LEVEL SERIALIZABLE")
    with (
        proxy.fault("errors", kind="serialization", max_hits=1),
        pytest.raises(asyncpg.SerializationError),
    ):
        client.run("fetchval", statement, *arguments)
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        client.run("fetchval", "SELECT 1")
    client.run("execute", "ROLLBACK")

    client.run("execute", "BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert client.run("fetchval", statement, *arguments) == 42
    client.run("execute", "COMMIT")
