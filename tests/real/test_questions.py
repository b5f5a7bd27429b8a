"""The questions that a test with chaos answers, each about an application that is worth asking.

* What happens if the MySQL server is restarted? Do the connectors survive it?
* Does the application still work, in degraded mode, while the cache is down?
* Does it send back the right 503 when PostgreSQL times out?
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy
from pymemcache.client.base import Client as Pymemcache
from pymemcache.exceptions import MemcacheError
from sqlalchemy.exc import OperationalError

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.conftest import running
from tests.servers.mariadb import MariaDB
from tests.servers.memcached import Memcached
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server
from tests.wait import SOON

# -- MySQL is restarted -------------------------------------------------------------------------


@pytest.fixture
def own_mariadb() -> Iterator[Server]:
    """Run a MariaDB that this test may restart."""
    yield from running(MariaDB)


def pool(proxy: Chaos, *, careful: bool) -> sqlalchemy.Engine:
    """Make SQLAlchemy's pool of three connections; a careful one pings before each use."""
    url = f"mysql+pymysql://root@{proxy.address}/mysql?connect_timeout=2"
    return sqlalchemy.create_engine(url, pool_size=3, max_overflow=0, pool_pre_ping=careful)


def use(database: sqlalchemy.Engine, connections: int) -> list[object]:
    """Ask on so many connections at once, and give them back."""
    held = [database.connect() for _ in range(connections)]
    try:
        return [connection.scalar(sqlalchemy.text("SELECT 42")) for connection in held]
    finally:
        for connection in held:
            connection.close()


def test_a_pool_that_pings_survives_a_restart_of_mysql(chaos: Proxies, own_mariadb: Server) -> None:
    """While the server is away queries fail at once; when it is back, none fails any more."""
    proxy = chaos(own_mariadb.address, "mysql")
    database = pool(proxy, careful=True)
    assert use(database, 3) == [42] * 3

    own_mariadb.stop()
    began = time.monotonic()
    with pytest.raises(OperationalError):
        use(database, 1)
    assert time.monotonic() - began < SOON
    own_mariadb.start()

    assert use(database, 3) == [42] * 3
    database.dispose()


def test_a_pool_that_does_not_ping_fails_after_a_restart_of_mysql(
    chaos: Proxies, own_mariadb: Server
) -> None:
    """Without the ping the first query after the restart fails; then the pool is new."""
    database = pool(chaos(own_mariadb.address, "mysql"), careful=False)
    assert use(database, 3) == [42] * 3

    own_mariadb.restart()

    with pytest.raises(OperationalError):
        use(database, 1)
    assert use(database, 3) == [42] * 3
    database.dispose()


def test_the_same_without_a_restart(chaos: Proxies, mariadb_server: Server) -> None:
    """A fault shows in milliseconds what the restart showed: the careless pool breaks."""
    proxy = chaos(mariadb_server.address, "mysql")
    careful, careless = pool(proxy, careful=True), pool(proxy, careful=False)
    assert use(careful, 3) + use(careless, 3) == [42] * 6

    for connection in proxy.connections():
        proxy.reset_connection(connection.id)

    assert use(careful, 3) == [42] * 3
    with pytest.raises(OperationalError):
        use(careless, 1)
    careful.dispose()
    careless.dispose()


# -- memcached is down --------------------------------------------------------------------------


class Pages:
    """Renders pages, and keeps them in memcached as long as there is one."""

    def __init__(self, host: str, port: int) -> None:
        self.cache = Pymemcache((host, port), connect_timeout=0.2, timeout=0.2)
        self.rendered = 0

    def get(self, name: str) -> str:
        """Give a page from the cache, else render it."""
        key = f"real:questions:{name}"
        if (kept := self._cached(lambda: self.cache.get(key))) is not None:
            return str(kept, "utf-8")
        self.rendered += 1
        page = f"page {name}"
        self._cached(lambda: self.cache.set(key, page, noreply=False))
        return page

    def _cached(self, call: Callable[[], object]) -> bytes | None:
        try:
            found = call()
        except (MemcacheError, OSError):
            return None
        return found if isinstance(found, bytes) else None


@pytest.mark.parametrize("fault", ["blackout", "errors", "hang"])
def test_pages_are_served_while_memcached_is_down(
    chaos: Proxies, memcached_server: Memcached, request: pytest.FixtureRequest, fault: str
) -> None:
    """Without the cache each page is rendered, in bounded time; with it back, it is used again."""
    proxy = chaos(memcached_server.address, "memcached")
    pages = Pages(proxy.host, proxy.port)
    request.addfinalizer(pages.cache.close)
    assert [pages.get(fault), pages.get(fault), pages.rendered] == [f"page {fault}"] * 2 + [1]

    with proxy.fault(fault):
        began = time.monotonic()
        assert pages.get(fault) == f"page {fault}"
        assert time.monotonic() - began < SOON
        assert pages.rendered == 2

    assert [pages.get(fault), pages.get(fault)] == [f"page {fault}"] * 2
    assert pages.rendered == 2


# -- PostgreSQL times out -----------------------------------------------------------------------

LIMIT = 0.8
"""Seconds that the application gives its database."""


class Answers(ThreadingHTTPServer):
    """An application: ``GET /`` asks PostgreSQL; 503 where that fails or takes too long."""

    daemon_threads = True

    def __init__(self, dsn: str) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.dsn = dsn
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def end(self) -> None:
        """Stop serving."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def answer(self) -> int:
        """Ask the database, on a connection that the clock closes when time is up."""
        with psycopg.connect(self.dsn, connect_timeout=2) as database:
            clock = threading.Timer(LIMIT, database.close)
            clock.start()
            try:
                row = database.execute("SELECT 42").fetchone()
            finally:
                clock.cancel()
        assert row
        return int(row[0])


class _Request(BaseHTTPRequestHandler):
    server: Answers
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, or say that there is no answer now."""
        try:
            self._send(200, f"the answer is {self.server.answer()}")
        except psycopg.OperationalError:
            self._send(503, "the database does not answer", ("Retry-After", "1"))

    def _send(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(len(text))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def database(chaos: Proxies, postgresql_server: PostgreSQL) -> Chaos:
    """Put a proxy before PostgreSQL."""
    return chaos(postgresql_server.address, "postgres")


@pytest.fixture
def application(database: Chaos) -> Iterator[Answers]:
    """Run the application behind the proxy."""
    place = f"host={database.host} port={database.port}"
    answers = Answers(f"{place} user=postgres dbname=postgres")
    yield answers
    answers.end()


def get(application: Answers) -> httpx.Response:
    """Ask the application."""
    return httpx.get(application.url, timeout=10, trust_env=False)


@pytest.mark.parametrize(
    ("fault", "options"), [("hang", {}), ("delay", {"sleep": 2 * LIMIT}), ("blackout", {})]
)
def test_the_right_503_when_postgresql_times_out(
    database: Chaos, application: Answers, fault: str, options: dict[str, Any]
) -> None:
    """A database that hangs, is late or gone is 503 with Retry-After, and soon; then 200 again."""
    assert get(application).text == "the answer is 42"

    with database.fault(fault, **options):
        began = time.monotonic()
        answer = get(application)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert time.monotonic() - began < 3

    assert get(application).status_code == 200


def test_a_database_that_is_late_within_the_limit_is_200(
    database: Chaos, application: Answers
) -> None:
    """A delay that the application can bear is only that: late."""
    with database.fault("delay", sleep=LIMIT / 10):
        assert get(application).text == "the answer is 42"
