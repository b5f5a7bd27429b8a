"""Fixtures for all tests: the real servers, one of each per test process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hypothesis
import pytest

from tests.servers.mariadb import MariaDB
from tests.servers.memcached import Memcached
from tests.servers.nginx import Nginx
from tests.servers.openldap import OpenLDAP
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import Redis
from tests.servers.server import MissingServer, Server
from tests.servers.smtp import SMTP

# A shell that runs the tests in its background has them ignore ctrl+c, and all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An example's time says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("chaostui", deadline=None, print_blob=True)
hypothesis.settings.load_profile("chaostui")


@contextmanager
def no_server_no_test() -> Iterator[None]:
    """Skip a test whose server or tool is not installed, or fail it where all are required."""
    try:
        yield
    except MissingServer as error:
        if os.environ.get("CHAOSTUI_REQUIRE_SERVERS") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Look after what fixtures start."""
    with no_server_no_test():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Look after what a test itself starts."""
    with no_server_no_test():
        return (yield)


def running(kind: Callable[[], Server]) -> Iterator[Server]:
    """Run a server for a fixture."""
    with kind() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """Run a real Redis; tests that leave keys behind use their own names."""
    yield from running(Redis)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """Run a real MariaDB: user root, no password."""
    yield from running(MariaDB)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """Run a real PostgreSQL: user and database postgres, no password."""
    yield from running(PostgreSQL)


@pytest.fixture(scope="session")
def memcached_server() -> Iterator[Server]:
    """Run a real memcached."""
    yield from running(Memcached)


@pytest.fixture(scope="session")
def nginx_server() -> Iterator[Server]:
    """Run a real nginx that answers ``/`` with ``hello``."""
    yield from running(Nginx)


@pytest.fixture(scope="session")
def openldap_server() -> Iterator[Server]:
    """Run a real OpenLDAP for ``dc=test``."""
    yield from running(OpenLDAP)


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[Server]:
    """Run a real SMTP server."""
    yield from running(SMTP)
