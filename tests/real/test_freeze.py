"""A real client whose proxy is frozen: it waits, and goes on as if nothing had been."""

from __future__ import annotations

import threading

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaostui.pytest_plugin import Proxies
from tests.servers.server import Server
from tests.wait import until

WAIT = 0.4
"""Seconds in which a reply would be there, were the proxy not frozen."""


def test_a_client_waits_while_its_proxy_is_frozen(chaos: Proxies, redis_server: Server) -> None:
    """Its command is executed once, when the proxy is thawed; its connection is the same."""
    proxy = chaos(redis_server.address, "redis")
    with redis.Redis(proxy.host, proxy.port, socket_timeout=20) as cache:
        cache.set("count", 1)
        identity = cache.client_id()
        proxy.freeze()
        answers: list[object] = []
        asking = threading.Thread(target=lambda: answers.append(cache.incr("count")))
        asking.start()
        asking.join(WAIT)

        assert answers == []
        assert proxy.proxy().frozen
        with redis.Redis(redis_server.host, redis_server.port) as aside:
            assert aside.get("count") == b"1"
        proxy.thaw()
        asking.join(10)
        assert answers == [2]
        assert cache.client_id() == identity


def test_a_client_that_connects_meanwhile_is_served_later(
    chaos: Proxies, redis_server: Server
) -> None:
    """It sees a server that does not answer, and gives up only by its own time limit."""
    proxy = chaos(redis_server.address, "redis")
    proxy.freeze()
    with (
        redis.Redis(
            proxy.host, proxy.port, socket_timeout=WAIT, retry=Retry(NoBackoff(), 0)
        ) as hasty,
        pytest.raises(redis.TimeoutError),
    ):
        hasty.ping()
    with redis.Redis(proxy.host, proxy.port, socket_timeout=20) as patient:
        answers: list[object] = []
        asking = threading.Thread(target=lambda: answers.append(patient.ping()))
        asking.start()
        asking.join(WAIT)
        assert answers == []
        proxy.thaw()
        asking.join(10)

    assert answers == [True]


def test_a_held_reply_survives(chaos: Proxies, redis_server: Server) -> None:
    """A delay that is over while the proxy is frozen ends with the thaw; a halt thaws too."""
    proxy = chaos(redis_server.address, "redis")
    with redis.Redis(proxy.host, proxy.port, socket_timeout=20) as cache:
        cache.set("a", "b")
        with proxy.fault("delay", sleep=0.1):
            answers: list[object] = []
            asking = threading.Thread(target=lambda: answers.append(cache.get("a")))
            asking.start()
            until(lambda: proxy.hits("delay") > 0)
            proxy.freeze()
            asking.join(WAIT)
            assert answers == []
            proxy.halt()
            asking.join(10)

    assert answers == [b"b"]
