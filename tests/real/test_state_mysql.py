"""What an error leaves behind at MariaDB is what it leaves behind at the client: nothing more."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pymysql
import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.servers.mariadb import MariaDB

Client: TypeAlias = "pymysql.Connection[Any]"
LAST = b"\xff\xff\xff\xff"
"""The id of the statement that was prepared last."""


@pytest.fixture
def proxy(mariadb_server: MariaDB, chaos: Proxies) -> Chaos:
    """Put a proxy before MariaDB."""
    return chaos(mariadb_server.address, "mysql")


@pytest.fixture
def table(mariadb_server: MariaDB) -> Iterator[Callable[[], list[int]]]:
    """Make an empty table, and read it past the proxy, as anybody else would."""
    with connect(mariadb_server.host, mariadb_server.port) as direct, direct.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS state")
        cursor.execute("CREATE OR REPLACE TABLE state.t (a LONGTEXT) ENGINE=InnoDB")

        def read() -> list[Any]:
            cursor.execute("SELECT a FROM state.t ORDER BY a")
            return [row[0] for row in cursor.fetchall()]

        yield read


def connect(host: str, port: int) -> Client:
    """A client that commits at once, and asks nothing by itself."""
    return pymysql.connect(host=host, port=port, user="root", read_timeout=5, autocommit=True)


@pytest.fixture
def client(proxy: Chaos) -> Iterator[Client]:
    """A client through the proxy."""
    with connect(proxy.host, proxy.port) as client:
        yield client


def run(client: Client, *statements: str) -> None:
    """Run statements, one after the other."""
    with client.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def packet(payload: bytes) -> bytes:
    """A command."""
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def prepare(text: bytes) -> bytes:
    """COM_STMT_PREPARE."""
    return packet(b"\x16" + text)


def execute(value: bytes, statement: bytes = LAST) -> bytes:
    """COM_STMT_EXECUTE with one string."""
    bound = b"\0\1\xfe\0" + bytes((len(value),)) + value
    return packet(b"\x17" + statement + b"\0" + struct.pack("<I", 1) + bound)


def send(client: Client, *commands: bytes) -> None:
    """Send commands in one go, as drivers do that pipeline."""
    client._write_bytes(b"".join(commands))  # type: ignore[attr-defined]


def answer(client: Client) -> bytes:
    """One packet; raises what the server's error is."""
    client._next_seq_id = 1  # type: ignore[attr-defined]
    got: bytes = client._read_packet()._data  # type: ignore[no-untyped-call]
    return got


def prepared(client: Client) -> bytes:
    """The answer to a prepare of one parameter: the statement's id."""
    number = answer(client)[1:5]
    for sequence in (2, 3):
        client._next_seq_id = sequence  # type: ignore[attr-defined]
        client._read_packet()  # type: ignore[no-untyped-call]
    return number


def test_nothing_runs_behind_a_prepare_that_failed(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]]
) -> None:
    """Not the older statement with the new values: the server says that there is none."""
    send(client, prepare(b"INSERT INTO state.t VALUES (?)"))
    prepared(client)
    with proxy.fault("errors", kind="lock_wait_timeout", max_hits=1):
        send(client, prepare(b"DELETE FROM state.t WHERE a = ?"), execute(b"new"))
        with pytest.raises(pymysql.OperationalError, match="1205"):
            answer(client)
    with pytest.raises(pymysql.OperationalError, match="1243"):
        answer(client)

    assert table() == []
    send(client, prepare(b"INSERT INTO state.t VALUES (?)"), execute(b"later"))
    prepared(client)
    answer(client)
    assert table() == ["later"]


def test_long_data_are_not_there_twice(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]]
) -> None:
    """A statement that failed has used them up; who tries again sends them again."""
    send(client, prepare(b"INSERT INTO state.t VALUES (?)"))
    number = prepared(client)
    piece = packet(b"\x18" + number + b"\0\0" + b"long")
    bare = packet(b"\x17" + number + b"\0" + struct.pack("<I", 1) + b"\0\1\xfc\0")
    with proxy.fault("errors", kind="lock_wait_timeout", match={"command": "INSERT"}, max_hits=1):
        send(client, piece, bare)
        with pytest.raises(pymysql.OperationalError, match="1205"):
            answer(client)
    send(client, piece, bare)
    answer(client)

    assert table() == ["long"]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK", "COMMIT /* now */", "COMMIT AND CHAIN"])
@pytest.mark.parametrize("kind", ["lock_wait_timeout", "query_timeout", "deadlock"])
def test_a_transaction_whose_end_failed_is_over(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], end: str, kind: str
) -> None:
    """The next one does not commit what the client was told has failed."""
    run(client, "BEGIN", "INSERT INTO state.t VALUES (1)")
    with proxy.fault("errors", kind=kind, max_hits=1), pytest.raises(pymysql.OperationalError):
        run(client, end)
    run(client, "BEGIN", "INSERT INTO state.t VALUES (2)", "COMMIT")

    assert table() == ["2"]


@pytest.mark.parametrize(
    ("statement", "code"),
    [("ROLLBACK TO a", 1317), ("SAVEPOINT b", 1317), ("INSERT INTO t VALUES (9)", 1205)],
)
def test_a_statement_that_failed_leaves_the_transaction(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], statement: str, code: int
) -> None:
    """It has done nothing, and the rest can be committed."""
    run(client, "BEGIN", "INSERT INTO state.t VALUES (1)", "SAVEPOINT a")
    with (
        proxy.fault("errors", kind="lock_wait_timeout", max_hits=1),
        pytest.raises(pymysql.OperationalError, match=str(code)),
    ):
        run(client, statement)
    run(client, "COMMIT")

    assert table() == ["1"]


def test_a_deadlock_in_a_transaction_that_is_still_on_its_way(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]]
) -> None:
    """Begin, insert and the statement that is hit came in one go: all is rolled back."""
    with proxy.fault("errors", kind="deadlock", match={"query": "VALUES .2"}, max_hits=1):
        send(
            client,
            packet(b"\3BEGIN"),
            packet(b"\3INSERT INTO state.t VALUES (1)"),
            packet(b"\3INSERT INTO state.t VALUES (2)"),
            packet(b"\3COMMIT"),
        )
        answer(client)
        answer(client)
        with pytest.raises(pymysql.OperationalError, match="1213"):
            answer(client)
        answer(client)

    assert table() == []


@pytest.mark.parametrize("kind", ["lock_wait_timeout", "shutdown"])
def test_a_change_of_user_that_failed_ends_the_session(
    client: Client, proxy: Chaos, kind: str
) -> None:
    """Nobody can take it for one or the other user's."""
    with proxy.fault("errors", kind=kind, max_hits=1):
        send(client, packet(b"\x11root\0\0\0\x2d\0mysql_native_password\0"))
        with pytest.raises(pymysql.MySQLError):
            answer(client)
    with pytest.raises(pymysql.MySQLError):
        run(client, "SELECT 1")


@pytest.mark.parametrize(
    ("statement", "ask", "found"),
    [
        ("USE state", "SELECT DATABASE()", (None,)),
        ("SET autocommit = 0", "SELECT @@autocommit", (1,)),
        ("LOCK TABLES state.t WRITE", "SELECT 1", (1,)),
        ("SET NAMES latin1", "SELECT @@character_set_client", ("utf8mb4",)),
        ("SELECT 1; INSERT INTO state.t VALUES (1)", "SELECT count(*) FROM state.t", (0,)),
    ],
)
def test_a_session_is_what_it_was(
    client: Client, proxy: Chaos, table: Callable[[], list[Any]], statement: str, ask: str,
    found: tuple[object],
) -> None:  # fmt: skip
    """What failed has changed nothing, and what is asked next gets its own answer."""
    with (
        proxy.fault("errors", kind="interrupted", max_hits=1),
        pytest.raises(pymysql.OperationalError, match="1317"),
    ):
        run(client, statement)
    with client.cursor() as cursor:
        cursor.execute(ask)
        assert cursor.fetchone() == found
    assert table() == []


def test_a_ping_has_no_deadlock(client: Client, proxy: Chaos) -> None:
    """It passes, and what asks for something fails; only the connection's end can come to it."""
    with proxy.fault("errors", kind="deadlock"):
        client.ping(reconnect=False)
        with pytest.raises(pymysql.OperationalError, match="1213"):
            run(client, "SELECT 1")
    with proxy.fault("errors", kind="shutdown"), pytest.raises(pymysql.OperationalError):
        client.ping(reconnect=False)
