"""haproxy on both sides of chaostui: the PROXY header goes through, whatever fails behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.servers.haproxy import Haproxy
from tests.servers.nginx import Nginx
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import Redis
from tests.servers.server import MissingServer, Server

SENDS = ["send-proxy", "send-proxy-v2"]


class Between:
    """Puts chaostui between one haproxy that names its client and one that wants it named."""

    def __init__(self, chaos: Proxies, stack: ExitStack) -> None:
        self._chaos = chaos
        self._stack = stack

    def _started(self, *options: str) -> Haproxy:
        try:
            return self._stack.enter_context(Haproxy(*options))
        except MissingServer as missing:
            pytest.skip(str(missing))

    def __call__(self, server: Server, protocol: str, sends: str) -> tuple[Chaos, int]:
        """The proxy, and the port that clients connect to."""
        behind = self._started("accept-proxy", f"{server.host}:{server.port}")
        proxy = self._chaos(behind.address, protocol)
        return proxy, self._started("", f"{proxy.host}:{proxy.port} {sends}").port


@pytest.fixture
def between(chaos: Proxies) -> Iterator[Between]:
    """What starts the two."""
    with ExitStack() as stack:
        yield Between(chaos, stack)


def read(proxy: Chaos) -> None:
    """Fail unless the frame was kept on all connections."""
    stats = proxy.stats()[proxy.name]
    assert (stats.desyncs, stats.opaque) == (0, 0)


@pytest.mark.parametrize("sends", SENDS)
def test_redis_behind_a_header(redis_server: Redis, between: Between, sends: str) -> None:
    """The very first command fails, and the connection works on."""
    proxy, port = between(redis_server, "redis", sends)
    retry = Retry(NoBackoff(), 0)
    with redis.Redis(port=port, retry=retry, single_connection_client=True) as client:
        with proxy.fault("errors", kind="oom"), pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("header:a", 1)
        assert client.set("header:a", 2)
        [shown] = [each for each in proxy.connections() if each.exchanges]
        assert shown.client.startswith("127.0.0.1:")
    read(proxy)


@pytest.mark.parametrize("sends", SENDS)
def test_postgres_behind_a_header(
    postgresql_server: PostgreSQL, between: Between, sends: str
) -> None:
    """Its own start-up follows the header."""
    proxy, port = between(postgresql_server, "postgres", sends)
    place = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    with psycopg.connect(place, autocommit=True) as client:
        with proxy.fault("errors", kind="deadlock"), pytest.raises(psycopg.errors.DeadlockDetected):
            client.execute("SELECT 1")
        assert client.execute("SELECT 2").fetchone() == (2,)
    read(proxy)


@pytest.mark.parametrize("sends", SENDS)
def test_http_behind_a_header(nginx_server: Nginx, between: Between, sends: str) -> None:
    """Kept alive over an error to the first request."""
    proxy, port = between(nginx_server, "http", sends)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        with proxy.fault("errors", kind="503"):
            assert client.get("/").status_code == 503
        assert client.get("/").text == "hello\n"
        assert [each.exchanges for each in proxy.connections() if each.exchanges] == [2]
    read(proxy)
