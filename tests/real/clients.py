"""Small applications, one for each real client: they connect, ask one thing, and ask again.

What each says of itself is what a test's author has to know of that client: which exceptions
an error or a lost connection is, which one its own timeout, and how it comes back afterwards.
"""

from __future__ import annotations

import asyncio
import smtplib
import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import asyncpg
import httpx
import ldap3
import psycopg
import pymysql
import redis
import requests
from ldap3.core.exceptions import LDAPException, LDAPSocketReceiveError
from pymemcache.client.base import Client as Pymemcache
from pymemcache.exceptions import MemcacheError
from redis.backoff import NoBackoff
from redis.retry import Retry

Errors = tuple[type[Exception], ...]


class App(ABC):
    """An application that keeps one client for its whole life."""

    server: ClassVar[str]
    """The fixture of its server."""
    protocol: ClassVar[str]
    answer: ClassVar[object]
    """What ``ask`` returns when all is well."""
    broken: ClassVar[Errors]
    """What it sees of the server's errors, and of connections that are lost."""
    slow: ClassVar[Errors]
    """What it sees when its own patience ends."""
    patience: ClassVar[float] = 0.4
    """Seconds that it waits for an answer."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.connect()

    @abstractmethod
    def connect(self) -> None:
        """Make the client."""

    @abstractmethod
    def ask(self) -> object:
        """Ask the server for something, in one request."""

    @abstractmethod
    def close(self) -> None:
        """Let the client go."""


class RedisPy(App):
    """redis-py connects again by itself; told not to retry, so that each fault is seen."""

    server, protocol, answer = "redis_server", "redis", b"hello"
    broken = (redis.RedisError,)
    slow = (redis.TimeoutError,)

    def connect(self) -> None:
        self.client = redis.Redis(
            self.host, self.port, socket_timeout=self.patience, retry=Retry(NoBackoff(), 0)
        )

    def ask(self) -> object:
        return self.client.echo("hello")

    def close(self) -> None:
        self.client.close()


class PymemcacheClient(App):
    """pymemcache connects again by itself."""

    server, protocol, answer = "memcached_server", "memcached", True
    broken = (MemcacheError, OSError)
    slow = (TimeoutError,)

    def connect(self) -> None:
        self.client = Pymemcache(
            (self.host, self.port), connect_timeout=self.patience, timeout=self.patience
        )

    def ask(self) -> object:
        return self.client.set("real:faults", b"1", noreply=False)

    def close(self) -> None:
        self.client.close()


class Psycopg(App):
    """psycopg waits for ever: a clock of the application closes the connection.

    A connection that is lost stays so: the application makes another.
    """

    server, protocol, answer = "postgresql_server", "postgres", (42,)
    broken = (psycopg.Error,)
    slow = (psycopg.OperationalError,)

    def connect(self) -> None:
        self.client = psycopg.connect(
            host=self.host, port=self.port, user="postgres", dbname="postgres", autocommit=True
        )

    def ask(self) -> object:
        if self.client.closed:
            self.connect()
        clock = threading.Timer(self.patience, self.client.close)
        clock.start()
        try:
            return self.client.execute("SELECT 42").fetchone()
        finally:
            clock.cancel()
            clock.join()

    def close(self) -> None:
        self.client.close()


class AsyncpgPool(App):
    """asyncpg's pool replaces connections that are lost or timed out."""

    server, protocol, answer = "postgresql_server", "postgres", 42
    broken = (asyncpg.PostgresError, OSError)
    slow = (TimeoutError,)

    def connect(self) -> None:
        self.runner = asyncio.Runner()
        self.client: Any = self.runner.run(self._connect())

    async def _connect(self) -> Any:
        return await asyncpg.create_pool(
            host=self.host,
            port=self.port,
            user="postgres",
            database="postgres",
            min_size=0,
            max_size=2,
            command_timeout=self.patience,
        )

    def ask(self) -> object:
        return self.runner.run(self.client.fetchval("SELECT 42"))

    def close(self) -> None:
        async def end() -> None:
            self.client.terminate()

        self.runner.run(end())
        self.runner.close()


class PyMySQL(App):
    """PyMySQL keeps a connection that the server ends with an error.

    The application closes it then, and connects the same object again.
    """

    server, protocol, answer = "mariadb_server", "mysql", (42,)
    broken = (pymysql.MySQLError,)
    slow = (pymysql.OperationalError,)

    def connect(self) -> None:
        self.client = pymysql.connect(
            host=self.host,
            port=self.port,
            user="root",
            connect_timeout=1,
            read_timeout=self.patience,
            autocommit=True,
        )

    def ask(self) -> object:
        if not self.client.open:
            self.client.connect()
        try:
            with self.client.cursor() as cursor:
                cursor.execute("SELECT 42")
                return cursor.fetchone()
        except pymysql.OperationalError:
            self.close()
            raise

    def close(self) -> None:
        if self.client.open:
            self.client.close()


class Httpx(App):
    """httpx keeps connections in a pool, and takes another where one is gone."""

    server, protocol, answer = "nginx_server", "http", "hello\n"
    broken = (httpx.HTTPError,)
    slow = (httpx.ReadTimeout,)

    def connect(self) -> None:
        base = f"http://{self.host}:{self.port}"
        self.client = httpx.Client(base_url=base, timeout=self.patience, trust_env=False)

    def ask(self) -> object:
        return self.client.get("/").raise_for_status().text

    def close(self) -> None:
        self.client.close()


class Requests(App):
    """A session of requests keeps connections, and takes another where one is gone."""

    server, protocol, answer = "nginx_server", "http", "hello\n"
    broken = (requests.RequestException,)
    slow = (requests.ReadTimeout,)

    def connect(self) -> None:
        self.client = requests.Session()
        self.client.trust_env = False

    def ask(self) -> object:
        url = f"http://{self.host}:{self.port}/"
        answer = self.client.get(url, timeout=self.patience)
        answer.raise_for_status()
        return answer.text

    def close(self) -> None:
        self.client.close()


class Ldap3(App):
    """ldap3 keeps a connection that timed out; the application binds anew after any error."""

    server, protocol, answer = "openldap_server", "ldap", "dn:cn=admin,dc=test"
    broken = (LDAPException,)
    slow = (LDAPSocketReceiveError,)
    patience = 1.0  # it counts whole seconds

    def connect(self) -> None:
        server = ldap3.Server(self.host, self.port, get_info=ldap3.NONE)
        self.client = ldap3.Connection(
            server,
            "cn=admin,dc=test",
            "secret",
            receive_timeout=int(self.patience),
            raise_exceptions=True,
        )
        self.client.bind()

    def ask(self) -> object:
        try:
            if self.client.closed:
                self.client.bind()
            return self.client.extend.standard.who_am_i()
        except LDAPException:
            self.client.strategy.close()
            raise

    def close(self) -> None:
        self.client.unbind()


class Smtplib(App):
    """smtplib closes what it lost, but not after an error; the application connects it again."""

    server, protocol, answer = "smtp_server", "smtp", 250
    broken = (smtplib.SMTPException, OSError)
    slow = (smtplib.SMTPServerDisconnected,)

    def connect(self) -> None:
        self.client = smtplib.SMTP(self.host, self.port, timeout=self.patience)

    def ask(self) -> object:
        if self.client.sock is None:
            self._check(*self.client.connect(self.host, self.port))
        return self._check(*self.client.noop())

    def _check(self, code: int, text: bytes) -> int:
        if code >= 400:
            self.client.close()
            raise smtplib.SMTPResponseException(code, text)
        return code

    def close(self) -> None:
        self.client.close()


APPS: tuple[type[App], ...] = (
    RedisPy,
    PymemcacheClient,
    Psycopg,
    AsyncpgPool,
    PyMySQL,
    Httpx,
    Requests,
    Ldap3,
    Smtplib,
)
