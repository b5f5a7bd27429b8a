"""Fixtures for all tests: the real servers, one of each per test process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

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

# An example's time says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("chaostui", deadline=None, print_blob=True)
hypothesis.settings.load_profile("chaostui")


def running(kind: Callable[[], Server]) -> Iterator[Server]:
    """Run a server for a fixture; without its program, skip, or fail where all are required."""
    try:
        with kind() as server:
            yield server
    except MissingServer as error:
        if os.environ.get("CHAOSTUI_REQUIRE_SERVERS") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


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
