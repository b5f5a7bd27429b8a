"""What the pictures show: three real servers, an engine before them, and clients that use them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import redis.asyncio as redis

from tests.engine.headless import Headless
from tests.servers.nginx import Nginx
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import Redis
from tests.servers.server import Server
from tests.tcp import free_port

SEED = 42
CACHE = """\
# A cache that the checkout tests find slow.
seed = 42

[[proxy]]
name = "redis"
listen = "{redis.listen}"
backend = "{redis.backend}"
protocol = "redis"
"""
SHOP = (
    CACHE
    + """
[[proxy]]
name = "postgres"
listen = "{postgres.listen}"
backend = "{postgres.backend}"
protocol = "postgres"

[[proxy]]
name = "api"
listen = "{api.listen}"
backend = "{api.backend}"
protocol = "http"
"""
)
OTHER = """\

[handler.delay]
sleep = 0.25        # what the network between the two data centres adds
"""


@dataclass(frozen=True)
class Place:
    """Where a proxy listens and connects."""

    listen: str
    backend: str

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return int(self.listen.rpartition(":")[2])


@dataclass(frozen=True)
class Shop:
    """The servers' proxies, by name."""

    redis: Place
    postgres: Place
    api: Place

    def write(self, folder: Path) -> None:
        """Write the profiles of the shop: a calm one, and one with faults."""
        names = {"redis": self.redis, "postgres": self.postgres, "api": self.api}
        (folder / "cache.toml").write_text(CACHE.format(**names))
        calm = SHOP.format(**names)
        (folder / "checkout.toml").write_text(calm)
        flaky = calm.replace(
            'protocol = "redis"\n', 'protocol = "redis"\nbehavior = "30:delay,2:errors"\n'
        ).replace('protocol = "postgres"\n', 'protocol = "postgres"\nbehavior = "1:errors"\n')
        (folder / "checkout-flaky.toml").write_text(flaky + OTHER)


def _wanted(port: int) -> int:
    """The usual port where nobody has it, else any."""
    with socket.socket() as sock:
        with contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    return free_port()


@contextlib.contextmanager
def servers() -> Iterator[Shop]:
    """Run Redis, PostgreSQL and nginx, on their usual ports if those are free."""
    kinds: list[tuple[Server, int]] = [(Redis(), 6379), (PostgreSQL(), 5432), (Nginx(), 8080)]
    with contextlib.ExitStack() as stack:
        places = []
        for server, usual in kinds:
            server.port = _wanted(usual)
            stack.enter_context(server)
            listen = f"127.0.0.1:{_wanted(10_000 + usual)}"
            places.append(Place(listen, server.address))
            if isinstance(server, Nginx):
                dice = random.Random(SEED)
                for name in ("products", "cart", "offers"):
                    body = dice.randbytes(dice.randrange(2_000, 24_000)).hex()
                    (server.www / f"{name}.json").write_text(f'["{body}"]')
        yield Shop(*places)


@contextlib.contextmanager
def engine(profile: Path) -> Iterator[str]:
    """Run an engine of its own on a profile; where its API answers."""
    options = ["--seed", str(SEED), "--api", f"127.0.0.1:{free_port()}"]
    with Headless(profile, *options, cwd=profile.parent) as running:
        assert running.ready, running.log
        yield f"http://{running.ready['api']}"


Visit = Callable[[random.Random, int], Awaitable[None]]
"""A client's life on one connection, until a fault ends it."""


async def _cache(dice: random.Random, port: int) -> None:
    client = redis.Redis(host="127.0.0.1", port=port, socket_timeout=5, retry=None)
    async with client:
        while True:
            with contextlib.suppress(redis.ResponseError):
                await _ask_cache(dice, client)
            await asyncio.sleep(dice.expovariate(1 / 0.15))


async def _ask_cache(dice: random.Random, client: redis.Redis) -> None:
    key = f"user:{dice.randrange(500)}"
    match dice.choices(("get", "set", "mget", "hgetall", "incr"), (50, 15, 12, 8, 15))[0]:
        case "get":
            await client.get(key)
        case "set":
            await client.set(key, dice.randbytes(dice.randrange(8, 900)).hex())
        case "mget":
            await client.mget([f"user:{dice.randrange(500)}" for _ in range(8)])
        case "hgetall":
            await client.hgetall(f"session:{dice.randrange(90)}")
        case _:
            await client.incr("visits")


async def _database(dice: random.Random, port: int) -> None:
    dsn = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as client:
        while True:
            rows = dice.randrange(1, 40)
            with contextlib.suppress(psycopg.errors.QueryCanceled, psycopg.errors.OutOfMemory):
                await client.execute(
                    "SELECT n, md5(n::text) FROM generate_series(1, %s) AS n", (rows,)
                )
            await asyncio.sleep(dice.expovariate(1 / 0.4))


async def _pages(dice: random.Random, port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        while True:
            await client.get(dice.choice(("/", "/products.json", "/cart.json", "/offers.json")))
            await asyncio.sleep(dice.expovariate(1 / 0.3))


async def _again(visit: Visit, dice: random.Random, port: int) -> None:
    """Come back whenever a fault has ended a visit, as an application's pool does."""
    while True:
        with contextlib.suppress(Exception):
            await visit(dice, port)
        await asyncio.sleep(dice.uniform(0.1, 0.5))


@contextlib.asynccontextmanager
async def clients(shop: Shop, *, cache: int, database: int = 0, pages: int = 0) -> AsyncIterator[None]:
    """Run so many clients of each server."""
    kinds: list[tuple[Visit, Place, int]] = [
        (_cache, shop.redis, cache), (_database, shop.postgres, database), (_pages, shop.api, pages)
    ]  # fmt: skip
    running = [
        asyncio.create_task(_again(visit, random.Random(f"{place} {number}"), place.port))
        for visit, place, many in kinds
        for number in range(many)
    ]
    try:
        yield
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
