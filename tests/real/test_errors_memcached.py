"""pymemcache before a memcached in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from pymemcache.client.base import Client

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, every_kind
from tests.servers.memcached import Memcached

Connect = Callable[[], Client]


@pytest.fixture
def proxy(memcached_server: Memcached, chaos: Proxies) -> Chaos:
    """Put a proxy before memcached."""
    return chaos(memcached_server.address, "memcached")


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make clients that keep one connection."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Client((proxy.host, proxy.port), timeout=5)))


def ask(client: Client) -> object:
    """Write a key."""
    return client.set("errors:key", b"1", noreply=False)


@every_kind("memcached", "pymemcache")
def test_a_kind_is_what_pymemcache_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row
) -> None:
    """The client raises its named error and gives the connection up; a miss is only a miss."""
    ask(connect())
    read_or_write = (lambda client: client.get("errors:key")) if kind == "miss" else ask

    check(proxy, kind, row, connect, read_or_write)


def test_a_command_that_wants_no_answer_gets_none(proxy: Chaos, connect: Connect) -> None:
    """A noreply command fails in silence, and the next one gets its own answer."""
    client = connect()
    client.set("errors:quiet", b"before", noreply=False)
    with proxy.fault("errors", kind="server_error", max_hits=1) as fault:
        client.set("errors:quiet", b"after", noreply=True)
        fault.wait_for_hit()

        assert client.get("errors:quiet") == b"before"


def test_some_keys_of_many_fail(proxy: Chaos, connect: Connect) -> None:
    """Of commands sent at once each is a request of its own, answered in its place."""
    client = connect()
    with proxy.fault("errors", kind="not_stored", every=2):
        failed = client.set_many({f"errors:{n}": b"1" for n in range(4)}, noreply=False)

    assert failed == ["errors:1", "errors:3"]
    assert set(client.get_many([f"errors:{n}" for n in range(4)])) == {"errors:0", "errors:2"}
