"""Faults that are switched on while a real server streams, pushes, or lets a client wait."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pymysql
import pytest
import redis

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.servers.mariadb import MariaDB
from tests.servers.memcached import Memcached
from tests.servers.nginx import Nginx
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import Redis
from tests.wait import until

SLEEP = 0.3
"""Seconds of delay."""
SOON = 5.0
"""Seconds within which what is not held has come."""
QUIET = 0.2
"""Seconds in which nothing comes that is held."""

Follower = tuple[Chaos, psycopg.pq.abc.PGconn]
"""A proxy, and what follows a server behind it."""


class Waiting:
    """A call in a thread that waits for its server, and what became of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[[], Any]) -> None:
        try:
            self.result = call()
        except Exception as error:  # noqa: BLE001 (that is what is asked for)
            self.error = error

    def end(self) -> Waiting:
        """Wait until the call has ended."""
        self._thread.join(SOON)
        assert not self._thread.is_alive(), "it waits for ever"
        return self


def blocked(proxy: Chaos, request: str) -> None:
    """Wait until a client's newest request is this one, and it has waited for a while."""
    until(lambda: any(seen.request.startswith(request) for seen in proxy.connections()))
    time.sleep(QUIET)


# -- Redis ------------------------------------------------------------------------------------


@pytest.fixture
def cache(redis_server: Redis, chaos: Proxies) -> Chaos:
    """Put a proxy before Redis."""
    return chaos(redis_server.address, "redis")


@pytest.fixture
def teller(redis_server: Redis) -> Iterator[redis.Redis]:
    """A client of Redis itself, which tells the others something."""
    with redis.Redis(redis_server.host, redis_server.port) as client:
        yield client


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def news(cache: Chaos, request: pytest.FixtureRequest) -> Iterator[Callable[[float], str | None]]:
    """A subscriber's way to wait for the next message: its text, or nothing."""
    client = redis.Redis(cache.host, cache.port, protocol=request.param)
    subscriber = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    subscriber.subscribe("news")
    subscriber.get_message(timeout=QUIET)

    def listen(timeout: float) -> str | None:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            message = subscriber.get_message(timeout=left)
            if message is not None:
                return str(message["data"].decode())
        return None

    yield listen
    subscriber.close()
    client.close()


def test_a_message_is_late(
    cache: Chaos, teller: redis.Redis, news: Callable[[float], str | None]
) -> None:
    """A delay downstream acts on a subscriber that was idle; without it messages come at once."""
    with cache.fault("delay", sleep=SLEEP, direction="downstream"):
        began = time.monotonic()
        teller.publish("news", "late")
        assert news(SOON) == "late"
        assert time.monotonic() - began >= SLEEP

    assert cache.hits() == 1
    teller.publish("news", "soon")
    assert news(SOON) == "soon"


def test_messages_are_held_and_come_in_order(
    cache: Chaos, teller: redis.Redis, news: Callable[[float], str | None]
) -> None:
    """While a hang is on nothing arrives; then all does."""
    with cache.fault("hang"):
        for number in range(3):
            teller.publish("news", f"{number}")
        assert news(QUIET) is None

    assert [news(SOON) for _ in range(3)] == ["0", "1", "2"]


def test_a_subscriber_is_cut_at_its_next_message(
    cache: Chaos, teller: redis.Redis, news: Callable[[float], str | None]
) -> None:
    """The client of the subscriber sees the reset, connects anew, and hears what comes then."""
    with cache.fault("reset", max_hits=1):
        teller.publish("news", "lost")
        until(lambda: cache.hits() == 1)
        until(lambda: news(0.01) is None and teller.pubsub_numsub("news")[0][1] == 1)
        teller.publish("news", "heard")
        assert news(SOON) == "heard"


def test_a_client_that_waits_for_an_element_gets_an_error_and_no_element_is_lost(
    cache: Chaos, teller: redis.Redis
) -> None:
    """BLPOP fails at once in Redis's own words, and the server does not keep the element for it."""
    with redis.Redis(cache.host, cache.port) as client:
        waiting = Waiting(lambda: client.blpop(["queue"], timeout=0))
        blocked(cache, "BLPOP")
        with cache.fault("errors", kind="loading"):
            assert isinstance(waiting.end().error, redis.exceptions.BusyLoadingError)
        until(lambda: not teller.info("clients")["blocked_clients"])
        teller.rpush("queue", "element")

        assert client.blpop(["queue"], timeout=1) == (b"queue", b"element")


def test_a_client_that_waits_is_held_and_gets_its_element(
    cache: Chaos, teller: redis.Redis
) -> None:
    """A hang that begins while BLPOP waits holds the reply, not more."""
    with redis.Redis(cache.host, cache.port) as client:
        waiting = Waiting(lambda: client.blpop(["queue"], timeout=0))
        blocked(cache, "BLPOP")
        with cache.fault("hang"):
            teller.rpush("queue", "element")
            until(lambda: cache.hits() == 1)
            assert waiting.result is None

        assert waiting.end().result == (b"queue", b"element")


# -- databases --------------------------------------------------------------------------------


@pytest.fixture
def database(postgresql_server: PostgreSQL, chaos: Proxies) -> Chaos:
    """Put a proxy before PostgreSQL."""
    return chaos(postgresql_server.address, "postgres")


def connected(proxy: Chaos, **options: Any) -> psycopg.Connection:
    """A client of PostgreSQL by way of the proxy."""
    dsn = f"host={proxy.host} port={proxy.port} user=postgres dbname=postgres"
    return psycopg.connect(f"{dsn} sslmode=disable gssencmode=disable", autocommit=True, **options)


def test_a_notification_is_late(database: Chaos, postgresql_server: PostgreSQL) -> None:
    """LISTEN waits for what nobody asks for again: it comes after the delay, and is one hit."""
    with connected(database) as client, psycopg.connect(postgresql_server.dsn) as teller:
        client.execute("LISTEN news")
        teller.autocommit = True
        with database.fault("delay", sleep=SLEEP, direction="downstream"):
            began = time.monotonic()
            teller.execute("NOTIFY news, 'late'")
            [told] = client.notifies(timeout=SOON, stop_after=1)
            assert told.payload == "late"
            assert time.monotonic() - began >= SLEEP
            assert database.hits() == 1
        teller.execute("NOTIFY news, 'soon'")
        assert [told.payload for told in client.notifies(timeout=SOON, stop_after=1)] == ["soon"]
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_listener_is_cut_at_its_next_notification(
    database: Chaos, postgresql_server: PostgreSQL
) -> None:
    """A reset acts on a client that only listens."""
    with connected(database) as client, psycopg.connect(postgresql_server.dsn) as teller:
        client.execute("LISTEN news")
        teller.autocommit = True
        with database.fault("reset"):
            teller.execute("NOTIFY news")
            with pytest.raises(psycopg.OperationalError):
                list(client.notifies(timeout=SOON, stop_after=1))

    assert database.hits() == 1


def test_a_query_that_takes_long_fails_at_once(database: Chaos) -> None:
    """Its client sees the server's own error, and loses the connection."""
    with connected(database) as client:
        waiting = Waiting(lambda: client.execute("SELECT pg_sleep(60)"))
        blocked(database, "SELECT")
        with database.fault("errors", kind="disk_full"):
            assert isinstance(waiting.end().error, psycopg.errors.DiskFull)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    with connected(database) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_query_that_takes_long_fails_in_mysql_too(
    mariadb_server: MariaDB, chaos: Proxies
) -> None:
    """The same for a client of MariaDB."""
    proxy = chaos(mariadb_server.address, "mysql")
    client = pymysql.connect(host=proxy.host, port=proxy.port, user="root", ssl_disabled=True)
    cursor = client.cursor()
    waiting = Waiting(lambda: cursor.execute("SELECT SLEEP(60)"))
    blocked(proxy, "SELECT")
    with proxy.fault("errors"):
        assert isinstance(waiting.end().error, pymysql.MySQLError)

    assert proxy.hits() == 1


# -- streams ----------------------------------------------------------------------------------


def test_a_watcher_of_memcached_is_held(memcached_server: Memcached, chaos: Proxies) -> None:
    """What `watch` streams is held by a hang and comes when that is lifted."""
    proxy = chaos(memcached_server.address, "memcached")
    direct = (memcached_server.host, memcached_server.port)
    with (
        socket.create_connection((proxy.host, proxy.port), timeout=SOON) as watcher,
        socket.create_connection(direct, timeout=SOON) as teller,
    ):
        watcher.sendall(b"watch mutations\r\n")
        assert watcher.recv(100) == b"OK\r\n"
        with proxy.fault("hang"):
            teller.sendall(b"set held 0 0 1\r\n1\r\n")
            assert teller.recv(100) == b"STORED\r\n"
            until(lambda: proxy.hits() == 1)
            watcher.settimeout(QUIET)
            with pytest.raises(TimeoutError):
                watcher.recv(1000)
        watcher.settimeout(SOON)

        assert b"key=held" in watcher.recv(1000)


def read(client: socket.socket) -> int:
    """Read until the end, or until nothing comes for the socket's time-out; how much was it?"""
    got = 0
    try:
        while data := client.recv(1 << 20):
            got += len(data)
    except TimeoutError:
        pass
    return got


@pytest.fixture
def publisher() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL that others can follow."""
    with PostgreSQL("wal_level=logical") as server:
        yield server


@pytest.fixture
def follower(publisher: PostgreSQL, chaos: Proxies) -> Iterator[Follower]:
    """Put a proxy before it, and a replica of its table behind that."""
    proxy = chaos(publisher.address, "postgres")
    with psycopg.connect(publisher.dsn, autocommit=True) as client:
        client.execute("CREATE TABLE news (a int)")
    client = connected(proxy, replication="database")
    client.execute("CREATE_REPLICATION_SLOT slot TEMPORARY LOGICAL test_decoding")
    replica = client.pgconn
    replica.send_query(b"START_REPLICATION SLOT slot LOGICAL 0/0")
    while replica.is_busy():
        wait_for(replica)
    begun = replica.get_result()
    assert begun is not None
    assert begun.status == psycopg.pq.ExecStatus.COPY_BOTH
    yield proxy, replica
    client.close()


def wait_for(replica: psycopg.pq.abc.PGconn) -> None:
    """Wait until something comes, and let other threads run meanwhile."""
    readable, _, _ = select.select([replica.socket], [], [], SOON)
    assert readable, "nothing comes"
    replica.consume_input()


def inserted(replica: psycopg.pq.abc.PGconn) -> bytes:
    """Wait for the next row that was inserted."""
    while True:
        size, data = replica.get_copy_data(1)
        if size > 0 and b"INSERT" in bytes(data):
            return bytes(data)
        if size <= 0:
            wait_for(replica)


def test_logical_replication_is_late(publisher: PostgreSQL, follower: Follower) -> None:
    """What PostgreSQL streams to a replica is held back, and goes on."""
    proxy, replica = follower
    with psycopg.connect(publisher.dsn, autocommit=True) as client:
        with proxy.fault("delay", sleep=SLEEP, direction="downstream"):
            began = time.monotonic()
            client.execute("INSERT INTO news VALUES (7)")
            assert inserted(replica).endswith(b"a[integer]:7")
            assert time.monotonic() - began >= SLEEP
        client.execute("INSERT INTO news VALUES (8)")
        assert inserted(replica).endswith(b"a[integer]:8")


@pytest.mark.parametrize("protocol", ["tcp", "http"])
def test_a_download_is_held_and_cut(nginx_server: Nginx, chaos: Proxies, protocol: str) -> None:
    """The rest of a large file waits while a hang is on, and ends by a reset at its next byte."""
    size = 50_000_000
    with (nginx_server.www / "large").open("wb") as file:
        file.truncate(size)
    proxy = chaos(nginx_server.address, protocol)
    with socket.create_connection((proxy.host, proxy.port), timeout=SOON) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
        got = len(client.recv(1000))
        with proxy.fault("hang"):
            client.settimeout(2 * QUIET)
            got += read(client)
            assert proxy.hits() == 1
        client.settimeout(SOON)
        assert got < size
        assert client.recv(1)
        with proxy.fault("reset"), pytest.raises(ConnectionResetError):
            read(client)
