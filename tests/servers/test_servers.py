"""Each real server answers its own client directly, before any proxy stands between them."""

from __future__ import annotations

import http.client
import smtplib
import socket

import ldap3
import psycopg
import pymysql
import pytest
import redis
from pymemcache.client.base import Client

from tests.servers.mariadb import MariaDB
from tests.servers.openldap import OpenLDAP
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import Redis
from tests.servers.server import MissingServer, Server, program
from tests.servers.smtp import SMTP
from tests.wait import until


def select(server: MariaDB, expression: str) -> tuple[object, ...] | None:
    """Ask MariaDB for a value."""
    with (
        pymysql.connect(host=server.host, port=server.port, user="root") as client,
        client.cursor() as cursor,
    ):
        cursor.execute(f"select {expression}")
        return cursor.fetchone()


def test_redis_keeps_a_value(redis_server: Redis) -> None:
    """A value that redis-py sets is there to get."""
    with redis.Redis(redis_server.host, redis_server.port) as client:
        client.set("servers:key", "value")

        assert client.get("servers:key") == b"value"


def test_memcached_keeps_a_value(memcached_server: Server) -> None:
    """A value that pymemcache sets is there to get."""
    client = Client((memcached_server.host, memcached_server.port))
    client.set("servers:key", b"value", noreply=False)

    assert client.get("servers:key") == b"value"
    client.close()


def test_nginx_says_hello(nginx_server: Server) -> None:
    """GET / answers 200 with a body."""
    connection = http.client.HTTPConnection(nginx_server.host, nginx_server.port)
    connection.request("GET", "/")

    assert connection.getresponse().read() == b"hello\n"
    connection.close()


def test_mariadb_answers_a_query(mariadb_server: MariaDB) -> None:
    """PyMySQL logs in as root and selects."""
    assert select(mariadb_server, "6 * 7") == (42,)


def test_postgresql_answers_a_query(postgresql_server: PostgreSQL) -> None:
    """psycopg logs in as postgres and selects."""
    with psycopg.connect(postgresql_server.dsn) as client:
        assert client.execute("select 6 * 7").fetchone() == (42,)


def test_openldap_finds_an_entry(openldap_server: OpenLDAP) -> None:
    """An entry that ldap3 adds is there to find."""
    server = ldap3.Server(openldap_server.host, openldap_server.port, get_info=ldap3.NONE)
    with ldap3.Connection(server, openldap_server.admin, openldap_server.password) as client:
        client.add("dc=test", ["dcObject", "organization"], {"dc": "test", "o": "Test"})

        assert client.search("dc=test", "(o=Test)")


def test_smtp_takes_a_message(smtp_server: SMTP) -> None:
    """A message that smtplib sends lies in the maildir."""
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: hello\r\n\r\nbody")

    until(lambda: "hello" in [m["subject"] for m in smtp_server.messages])


def test_a_killed_redis_comes_back_on_its_port(redis_server: Redis) -> None:
    """After kill -9 and a start, the same address answers again."""
    redis_server.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((redis_server.host, redis_server.port))

    redis_server.start()
    redis_server.ping()


@pytest.mark.parametrize("kind", ["mariadb_server", "postgresql_server"])
def test_a_restarted_database_comes_back(kind: str, request: pytest.FixtureRequest) -> None:
    """A database that was stopped, and one that was killed, answers again with its data."""
    server: Server = request.getfixturevalue(kind)
    server.restart()
    server.ping()

    server.kill()
    server.start()
    server.ping()


def test_a_server_of_ones_own_takes_options(mariadb_server: MariaDB) -> None:
    """A test starts a second server with options that the shared one has not."""
    with MariaDB("--max-connections=10") as own:
        assert own.port != mariadb_server.port
        assert select(own, "@@max_connections") == (10,)


def test_a_missing_program_is_named() -> None:
    """What is not installed is said by name."""
    with pytest.raises(MissingServer, match="no-such-server is not installed"):
        program("no-such-server")
