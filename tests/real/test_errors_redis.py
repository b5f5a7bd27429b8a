"""redis-py before a Redis in trouble."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaostui.protocols.redis_commands import FREES, KEYLESS, READS
from chaostui.protocols.redis_errors import ABOUT_WRITES, CHANGES
from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, every_kind
from tests.servers.redis import Redis

Connect = Callable[[], redis.Redis]


@pytest.fixture
def proxy(redis_server: Redis, chaos: Proxies) -> Chaos:
    """Put a proxy before Redis."""
    return chaos(redis_server.address, "redis")


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make clients that do not retry, so that each error is seen."""
    with ExitStack() as stack:
        never = Retry(NoBackoff(), 0)
        yield lambda: stack.enter_context(
            redis.Redis(proxy.host, proxy.port, retry=never, socket_timeout=5)
        )


def ask(client: redis.Redis) -> object:
    """Read a key that is not there."""
    return client.get("errors:nothing")


def write(client: redis.Redis) -> object:
    """Write a key: a server that cannot do that still reads."""
    return client.set("errors:written", 1)


@every_kind("redis", "redis-py")
def test_a_kind_is_what_redis_py_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row
) -> None:
    """The client raises its named error; then the connection works, or is closed."""
    check(proxy, kind, row, connect, write if kind in ABOUT_WRITES else ask)


def test_the_commands_that_are_told_apart_are_those_of_the_server(connect: Connect) -> None:
    """Redis itself says which commands only read, and which have no key."""
    told = connect().command()
    known = {name.upper(): each for name, each in told.items()}
    for name in READS & known.keys():
        assert "readonly" in known[name]["flags"], name
        assert known[name]["first_key_pos"] or "movablekeys" in known[name]["flags"], name
    for name in KEYLESS & known.keys():
        assert known[name]["first_key_pos"] == 0, name
        assert "movablekeys" not in known[name]["flags"], name
        assert name in CHANGES or not {"write", "denyoom"} & set(known[name]["flags"]), name
    for name in FREES & known.keys():
        assert "write" in known[name]["flags"], name
        assert "denyoom" not in known[name]["flags"], name
    assert len(known.keys() & (READS | KEYLESS)) > 100


@pytest.mark.parametrize("state", ["ON", "OFF", "SKIP"])
def test_a_client_that_wants_no_replies_gets_its_own(proxy: Chaos, state: str) -> None:
    """Every command is hit; who speaks is never in doubt."""
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as sock:
        with proxy.fault("errors", kind="loading"):
            sock.sendall(b"CLIENT REPLY %s\r\nSET errors:reply 1\r\n" % state.encode())
            sock.sendall(b"CLIENT REPLY ON\r\nGET errors:reply\r\n")
            loading = b"-LOADING Redis is loading the dataset in memory\r\n"
            granted = {"ON": b"+OK\r\n" + loading, "OFF": b"", "SKIP": b""}[state]
            expected = granted + b"+OK\r\n" + loading
            data = b""
            while len(data) < len(expected):
                data += sock.recv(65536)
            assert data == expected
        sock.sendall(b"ECHO right\r\n")
        assert sock.recv(65536) == b"$5\r\nright\r\n"


@pytest.mark.parametrize("protocol", [2, 3])
def test_only_the_first_of_a_pipeline_fails(proxy: Chaos, protocol: int) -> None:
    """One hit in three commands that were sent at once: an error, then two answers."""
    with redis.Redis(proxy.host, proxy.port, protocol=protocol, socket_timeout=5) as client:
        client.set("errors:pipeline", 0)
        with proxy.fault("errors", kind="oom", max_hits=1):
            pipeline = client.pipeline(transaction=False)
            for _ in range(3):
                pipeline.incr("errors:pipeline")
            first, *rest = pipeline.execute(raise_on_error=False)

        assert isinstance(first, redis.exceptions.OutOfMemoryError)
        assert rest == [1, 2]


def test_an_error_in_a_transaction_undoes_all_of_it(proxy: Chaos, connect: Connect) -> None:
    """A command that fails while it is queued spoils EXEC, and nothing is done."""
    client = connect()
    client.set("errors:multi", "before")
    transaction = client.pipeline()
    transaction.set("errors:multi", "after")
    transaction.incr("errors:other")
    with proxy.fault("errors", kind="oom", max_hits=1, every=2), pytest.raises(redis.RedisError):
        transaction.execute()

    assert client.get("errors:multi") == b"before"


def test_redis_py_hides_one_error_by_its_own_retry(proxy: Chaos) -> None:
    """With its retry as it comes, a client lives through a Redis that loads for a moment."""
    with redis.Redis(proxy.host, proxy.port, socket_timeout=5) as client:
        client.ping()
        with proxy.fault("errors", kind="loading", max_hits=1):
            assert client.get("errors:nothing") is None
