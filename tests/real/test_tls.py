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
from tests.conftest import running
from tests.servers.nginx import CONFIGURATION, Nginx
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


@pytest.fixture(scope="module")
def nginx_http2() -> Iterator[Server]:
    """Run an nginx that speaks HTTP/2 in plain text, as gRPC's servers do."""
    yield from running(Http2)


class Http2(Nginx):
    """HTTP/2 to those who know it beforehand."""

    configuration = CONFIGURATION.replace("listen {host}:{port};", "listen {host}:{port} http2;")

    def ping(self) -> None:
        """Ask by HTTP/2."""
        with httpx.Client(http1=False, http2=True, trust_env=False, timeout=2) as client:
            assert client.get(f"http://{self.address}/").status_code == 200


def test_http2_goes_through_plain_tcp(nginx_http2: Server, chaos: Proxies) -> None:
    """A client that insists on h2, as gRPC's do, gets it, once and twice through TLS."""
    with both(chaos, nginx_http2, "tcp") as proxies:
        for proxy in proxies:
            with httpx.Client(
                http1=False, http2=True, verify=client_context(), trust_env=False
            ) as client:
                answer = client.get(f"https://localhost:{proxy.port}/")
                assert (answer.http_version, answer.text) == ("HTTP/2", "hello\n")
                with proxy.fault("delay", sleep=0.05):
                    assert client.get(f"https://localhost:{proxy.port}/").text == "hello\n"
                with proxy.fault("reset"), pytest.raises(httpx.HTTPError):
                    client.get(f"https://localhost:{proxy.port}/")
                assert client.get(f"https://localhost:{proxy.port}/").text == "hello\n"


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
