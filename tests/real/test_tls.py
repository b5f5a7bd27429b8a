"""httpx and redis-py through TLS that ends here, from the first byte on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos, engine
from tests.certificates import client_context, files, terminating
from tests.servers.nginx import Nginx
from tests.servers.redis import Redis
from tests.servers.server import Server


@contextmanager
def both(chaos: Proxies, server: Server, protocol: str) -> Iterator[tuple[Chaos, Chaos]]:
    """A proxy that ends TLS, and one before such a one, of another engine, which it checks."""
    verify = terminating(backend_tls="verify", backend_tls_ca=files().ca)
    with engine() as other:
        behind = other.add(server.address, protocol, **terminating())
        plain = chaos(server.address, protocol, name="plain", **terminating())
        yield plain, chaos(f"localhost:{behind.port}", protocol, name="tls", **verify)


def test_httpx_gets_https(nginx_server: Nginx, chaos: Proxies) -> None:
    """Error pages come through TLS; TLS that goes on to the backend changes nothing."""
    with both(chaos, nginx_server, "http") as proxies:
        for proxy in proxies:
            ask_in_tls(proxy)


def ask_in_tls(proxy: Chaos) -> None:
    """Ask well, in trouble, well again, and without TLS."""
    url = f"https://localhost:{proxy.port}/"
    with httpx.Client(verify=client_context(), trust_env=False) as client:
        assert client.get(url).text == "hello\n"
        with proxy.fault("errors", kind="503"):
            assert client.get(url).status_code == 503
        with proxy.fault("errors", kind="short_body"), pytest.raises(httpx.HTTPError):
            client.get(url)
        assert client.get(url).text == "hello\n"
    with pytest.raises(httpx.HTTPError):
        httpx.get(url.replace("https", "http"), trust_env=False)
    assert proxy.stats()[proxy.name].desyncs == 0


def test_redis_py_gets_tls(redis_server: Redis, chaos: Proxies) -> None:
    """A large value in pieces, a fault in its own words, then all is well again."""
    with both(chaos, redis_server, "redis") as proxies:
        for proxy in proxies:
            store_in_tls(proxy)


def store_in_tls(proxy: Chaos) -> None:
    """Store and load two megabytes, in trouble and out of it."""
    retry = Retry(NoBackoff(), 0)
    with redis.Redis(
        "localhost", proxy.port, ssl=True, ssl_ca_certs=files().ca, retry=retry
    ) as client:
        value = bytes(range(256)) * 8192
        client.set("tls", value)
        with proxy.fault("slice", size=1000, delay=0, direction="downstream"):
            assert client.get("tls") == value
        with proxy.fault("errors", kind="loading"), pytest.raises(redis.BusyLoadingError):
            client.get("tls")
        assert client.delete("tls") == 1
    assert proxy.stats()[proxy.name].desyncs == 0
