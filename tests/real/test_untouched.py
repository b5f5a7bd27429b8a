"""The servers' own load programs run through a proxy that reads every message, and see nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.servers.mariadb import MariaDB
from tests.servers.nginx import Nginx
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import Redis
from tests.servers.server import program

PATIENCE = 40.0


def run(*command: str) -> str:
    """Run a program to its end and return what it prints. Fails where it does."""
    done = subprocess.run(
        [program(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def understood(proxy: Chaos, requests: int) -> bool:
    """Whether every message was read to the last byte, and there were so many requests."""
    stats = proxy.stats()[proxy.name]
    assert stats.exchanges >= requests
    return stats.desyncs == 0 and not stats.hits


@pytest.mark.parametrize("pipeline", ["1", "100"])
def test_redis_benchmark(redis_server: Redis, chaos: Proxies, pipeline: str) -> None:
    """Thousands of commands, up to a hundred on their way at once; each counted."""
    proxy = chaos(redis_server.address, "redis")
    place = ["-h", proxy.host, "-p", str(proxy.port)]
    with redis.Redis(redis_server.host, redis_server.port) as direct:
        direct.delete("counter:__rand_int__")
        load = ["-c", "20", "-n", "5000", "-P", pipeline, "-q"]
        out = run("redis-benchmark", *place, *load, "-t", "set,get,incr,lpush,lrange_100,mset")

        assert "error" not in out.lower()
        assert int(direct.get("counter:__rand_int__") or 0) == 5000
        direct.flushall()
    assert understood(proxy, requests=30_000)


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(postgresql_server: PostgreSQL, chaos: Proxies, mode: str) -> None:
    """Its tables are made with COPY, then each client's transactions are all there."""
    proxy = chaos(postgresql_server.address, "postgres")
    place = ["-h", proxy.host, "-p", str(proxy.port), "-U", "postgres"]
    run("pgbench", *place, "-i", "-q", "--unlogged-tables", "postgres")
    out = run("pgbench", *place, "-M", mode, "-c", "4", "-t", "100", "-n", "postgres")

    assert "number of failed transactions: 0" in out
    with psycopg.connect(postgresql_server.dsn) as direct:
        assert direct.execute("SELECT count(*) FROM pgbench_history").fetchone() == (400,)
    assert understood(proxy, requests=2_800)


def test_mariadb_slap(mariadb_server: MariaDB, chaos: Proxies) -> None:
    """Queries that it makes itself, of twenty clients at once."""
    proxy = chaos(mariadb_server.address, "mysql")
    run(
        "mariadb-slap", "--no-defaults", f"--host={proxy.host}", f"--port={proxy.port}",
        "--user=root", "--protocol=tcp", "--auto-generate-sql", "--concurrency=20",
        "--number-of-queries=1000", "--auto-generate-sql-load-type=mixed",
    )  # fmt: skip

    assert understood(proxy, requests=1_000)


def test_wrk(nginx_server: Nginx, chaos: Proxies, tmp_path: Path) -> None:
    """A second of requests on kept connections, and eight at once on each."""
    proxy = chaos(nginx_server.address, "http")
    script = tmp_path / "pipeline.lua"
    script.write_text(PIPELINE)
    for more in ([], ["-s", str(script)]):
        out = run("wrk", "-t", "1", "-c", "20", "-d", "1s", *more, f"http://{proxy.address}/")
        assert "Socket errors" not in out
        assert "Non-2xx" not in out
    assert understood(proxy, requests=1_000)


PIPELINE = """\
request = function()
  local one = wrk.format("GET", "/")
  return one:rep(8)
end
"""
