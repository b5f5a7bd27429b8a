"""httpx before a web server in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, every_kind
from tests.servers.nginx import Nginx

Connect = Callable[[], httpx.Client]


@pytest.fixture
def proxy(nginx_server: Nginx, chaos: Proxies) -> Chaos:
    """Put a proxy before nginx."""
    return chaos(nginx_server.address, "http")


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make clients, each with a pool of its own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            httpx.Client(base_url=f"http://{proxy.address}", timeout=5, trust_env=False)
        )


def ask(client: httpx.Client) -> object:
    """Get the page."""
    return client.get("/").raise_for_status().text


@every_kind("http", "httpx")
def test_a_kind_is_what_httpx_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row
) -> None:
    """A status comes on a connection that is kept; a broken reply ends it."""
    check(proxy, kind, row, connect, ask)


@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_client_is_told_when_to_come_back(nginx_server: Nginx, chaos: Proxies, kind: str) -> None:
    """Retry-After says the seconds that the proxy's settings do."""
    proxy = chaos(nginx_server.address, "http", protocol_options={"retry_after": 17})
    with proxy.fault("errors", kind=kind):
        reply = httpx.get(f"http://{proxy.address}/", trust_env=False)

    assert reply.headers["Retry-After"] == "17"


def test_the_reply_to_head_has_no_body(proxy: Chaos, connect: Connect) -> None:
    """A body after the head would be taken for the next reply: that one is right."""
    client = connect()
    with proxy.fault("errors", kind="503"):
        assert client.head("/").status_code == 503

    assert ask(client) == "hello\n"
