"""What an error leaves behind at PostgreSQL is what it leaves behind at the client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import errors
from psycopg.pq import TransactionStatus

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.protocols.test_postgres import EXECUTE, SYNC, bind, parse, start
from tests.servers.postgresql import PostgreSQL

Client = psycopg.Connection[Any]
IDLE = TransactionStatus.IDLE
ENDS = ["COMMIT", "ROLLBACK", "END", "ABORT AND CHAIN"]


@pytest.fixture
def proxy(postgresql_server: PostgreSQL, chaos: Proxies) -> Chaos:
    """Put a proxy before PostgreSQL."""
    return chaos(postgresql_server.address, "postgres")


@pytest.fixture
def table(postgresql_server: PostgreSQL) -> Iterator[Callable[[], list[Any]]]:
    """Make an empty table, and read it past the proxy, as anybody else would."""
    with connect(postgresql_server.host, postgresql_server.port) as direct:
        direct.execute("DROP TABLE IF EXISTS state")
        direct.execute("CREATE TABLE state (a text)")
        yield lambda: [a for (a,) in direct.execute("SELECT a FROM state ORDER BY a").fetchall()]


def connect(host: str, port: int) -> Client:
    """A client that sends each statement as it is."""
    return psycopg.connect(
        host=host, port=port, user="postgres", dbname="postgres", autocommit=True
    )


@pytest.fixture
def client(proxy: Chaos) -> Iterator[Client]:
    """A client through the proxy."""
    with connect(proxy.host, proxy.port) as client:
        yield client


def simple(client: Client, text: str) -> None:
    """Run a statement in the simple protocol."""
    client.execute(text)


def extended(client: Client, text: str) -> None:
    """Run a statement in the extended protocol."""
    client.execute(text, prepare=True)


both = pytest.mark.parametrize("run", [simple, extended])


@both
@pytest.mark.parametrize("end", ENDS)
def test_after_an_end_that_failed_both_are_idle(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], end: str,
    run: Callable[[Client, str], None],
) -> None:  # fmt: skip
    """The transaction is rolled back, and the next statement is one of its own."""
    client.execute("BEGIN")
    client.execute("INSERT INTO state VALUES ('lost')")
    with (
        proxy.fault("errors", kind="out_of_memory", max_hits=1),
        pytest.raises(errors.OutOfMemory),
    ):
        run(client, end)

    assert client.info.transaction_status is IDLE
    assert client.execute("SELECT count(*) FROM state").fetchone() == (0,)
    client.execute("INSERT INTO state VALUES ('kept')")
    assert table() == ["kept"]


@both
@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_a_failed_transaction_ends_it(
    client: Client, proxy: Chaos, end: str, run: Callable[[Client, str], None]
) -> None:
    """Whatever is said: the session is idle at both ends."""
    client.execute("BEGIN")
    with pytest.raises(errors.DivisionByZero):
        client.execute("SELECT 1/0")
    with proxy.fault("errors", kind="out_of_memory", max_hits=1), suppress(psycopg.Error):
        run(client, end)

    assert client.info.transaction_status is IDLE
    assert client.execute("SELECT 42").fetchone() == (42,)


@both
@pytest.mark.parametrize("statement", ["ROLLBACK TO a", "RELEASE a", "SELECT 1"])
def test_a_statement_that_failed_fails_its_transaction(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], statement: str,
    run: Callable[[Client, str], None],
) -> None:  # fmt: skip
    """Going back to a savepoint heals it, at the server as at the client."""
    client.execute("BEGIN")
    client.execute("INSERT INTO state VALUES ('kept')")
    client.execute("SAVEPOINT a")
    with (
        proxy.fault("errors", kind="out_of_memory", max_hits=1),
        pytest.raises(errors.OutOfMemory),
    ):
        run(client, statement)
    assert client.info.transaction_status is TransactionStatus.INERROR
    with pytest.raises(errors.InFailedSqlTransaction):
        client.execute("SELECT 1")
    client.execute("ROLLBACK TO a")
    client.execute("COMMIT")

    assert table() == ["kept"]


@both
def test_a_failed_transaction_is_told_nothing_else(
    client: Client, proxy: Chaos, run: Callable[[Client, str], None]
) -> None:
    """Once it has failed it says 25P02, and the event says in place of what."""
    client.execute("BEGIN")
    with pytest.raises(errors.DivisionByZero):
        client.execute("SELECT 1/0")
    with (
        proxy.fault("errors", kind="deadlock", max_hits=1),
        pytest.raises(errors.InFailedSqlTransaction),
    ):
        run(client, "SELECT 1")
    client.execute("ROLLBACK")
    assert client.execute("SELECT 42").fetchone() == (42,)


def test_what_runs_in_a_pipeline_runs_or_has_failed(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]]
) -> None:
    """One unit up to its Sync, and so one implicit transaction: none of it is kept."""
    with (
        proxy.fault("errors", kind="serialization", max_hits=1),
        suppress(psycopg.Error),
        client.pipeline(),
    ):
        client.execute("INSERT INTO state VALUES ('a')")
        client.execute("INSERT INTO state VALUES ('b')")

    assert table() == []
    assert client.execute("SELECT 42").fetchone() == (42,)


@pytest.mark.parametrize("hit", range(4))
def test_a_transaction_in_a_pipeline_of_units(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], hit: int
) -> None:
    """Begin, insert, insert, commit in one go, whichever is hit: what is kept was not failed."""
    failed: list[int] = []
    with proxy.fault("errors", kind="out_of_memory", match={"query": f"step{hit}"}, max_hits=1):
        steps = ["BEGIN /* step0 */", "INSERT INTO state VALUES ('a') /* step1 */",
                 "INSERT INTO state VALUES ('b') /* step2 */", "COMMIT /* step3 */"]  # fmt: skip
        with client.pipeline() as pipeline:
            for number, step in enumerate(steps):
                try:
                    client.execute(step)
                    pipeline.sync()
                except psycopg.Error:
                    failed.append(number)
    del failed
    assert client.info.transaction_status is IDLE
    # Without its BEGIN each insert is a transaction of its own; else all of it is lost.
    assert table() == (["a", "b"] if hit == 0 else [])


def test_a_bind_behind_a_parse_that_failed_finds_no_older_statement(
    proxy: Chaos, table: Callable[[], list[Any]]
) -> None:
    """The statement without a name is gone, at the server as for the client."""
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as raw:
        raw.sendall(start(0x30000, b"user\0postgres\0database\0postgres\0\0"))
        until_ready(raw)
        raw.sendall(parse(b"INSERT INTO state VALUES ('old')") + SYNC)
        assert b"1\0\0\0\4" in until_ready(raw)
        with proxy.fault("errors", kind="deadlock", max_hits=1):
            raw.sendall(parse(b"DELETE FROM state") + SYNC + bind() + EXECUTE + SYNC)
            assert b"C40P01\0" in until_ready(raw)
            assert b"C26000\0" in until_ready(raw)

    assert table() == []


def until_ready(raw: socket.socket) -> bytes:
    """What comes up to ReadyForQuery, read byte by byte so that nothing more is."""
    data = b""
    while not data[:-1].endswith(b"Z\0\0\0\5"):
        piece = raw.recv(1)
        assert piece, "the end came first"
        data += piece
    return data


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("disk_full", errors.DiskFull),
        ("deadlock", errors.DeadlockDetected),
        ("statement_timeout", errors.QueryCanceled),
        ("out_of_memory", errors.OutOfMemory),
        ("read_only", errors.QueryCanceled),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
def test_copied_data_fail_in_the_words_of_the_kind(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], kind: str,
    raised: type[psycopg.Error], inside: bool,
) -> None:  # fmt: skip
    """Nothing is stored; the session is idle, or its transaction has failed."""
    client.execute("BEGIN" if inside else "SELECT 1")
    with (
        proxy.fault("errors", kind=kind, max_hits=1, match={"command": "COPY data"}),
        pytest.raises(raised),
        client.cursor().copy("COPY state FROM STDIN") as copy,
    ):
        copy.write("a\nb\n")
    wanted = TransactionStatus.INERROR if inside else IDLE
    assert client.info.transaction_status is wanted
    client.execute("ROLLBACK")
    assert table() == []
    with client.cursor().copy("COPY state FROM STDIN") as copy:
        copy.write("c\n")
    assert table() == ["c"]


@pytest.mark.parametrize(
    ("statement", "ask", "found"),
    [
        ("SET application_name = 'x'", "SHOW application_name", ("",)),
        ("LISTEN a", "SELECT count(*) FROM pg_listening_channels()", (0,)),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) FROM pg_cursors", (0,)),
        ("PREPARE p AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements", (0,)),
        ("COPY (SELECT 1) TO STDOUT", "SELECT 42", (42,)),
        ("SELECT 1; SELECT 2", "SELECT 42", (42,)),
    ],
)
def test_a_session_is_what_it_was(
    client: Client, proxy: Chaos, statement: str, ask: str, found: tuple[object]
) -> None:
    """What failed has changed nothing, and what is asked next gets its own answer."""
    with (
        proxy.fault("errors", kind="out_of_memory", max_hits=1),
        pytest.raises(errors.OutOfMemory),
    ):
        client.execute(statement)
    assert client.execute(ask).fetchone() == found


@pytest.mark.parametrize("statement", ["DISCARD ALL", "DEALLOCATE ALL", "CLOSE ALL", "UNLISTEN *"])
def test_what_was_not_thrown_away_is_there(client: Client, proxy: Chaos, statement: str) -> None:
    """The client was told that it has failed."""
    client.execute("PREPARE p AS SELECT 42")
    with (
        proxy.fault("errors", kind="statement_timeout", max_hits=1),
        pytest.raises(errors.QueryCanceled),
    ):
        client.execute(statement)
    assert client.execute("EXECUTE p").fetchone() == (42,)


def test_a_transaction_block_of_asyncpg_whose_commit_fails(
    proxy: Chaos, table: Callable[[], list[Any]]
) -> None:
    """The block raises, the connection goes back to the pool and works."""

    async def work() -> object:
        async with asyncpg.create_pool(
            host=proxy.host, port=proxy.port, user="postgres", database="postgres", max_size=1,
            min_size=1,
        ) as pool:  # fmt: skip
            on_commit = {"command": "COMMIT"}
            proxy.set_handler("errors", kind="serialization", match=on_commit, max_hits=1)
            with pytest.raises(asyncpg.SerializationError):
                await insert(pool, "lost")
            proxy.set_handler("normal")
            await insert(pool, "kept")
            return await pool.fetchval("SELECT 42")

    assert asyncio.run(work()) == 42
    assert table() == ["kept"]


async def insert(pool: Any, value: str) -> None:
    """Insert in a transaction."""
    async with pool.acquire() as client, client.transaction():
        await client.execute("INSERT INTO state VALUES ($1)", value)
