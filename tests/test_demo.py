"""The demo: backends that answer as real ones, clients that repeat themselves, a true table."""

from __future__ import annotations

import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import httpx
import pytest
import redis
import uvloop
from rich.console import Console

from chaostui.client import Client
from chaostui.demo import show, story
from chaostui.demo.cache import Cache, Command, parse
from chaostui.demo.script import visits
from chaostui.demo.setting import PROTOCOLS, Demo
from chaostui.demo.shop import PRODUCTS, Shop, find
from chaostui.demo.tally import Seen, Tally
from chaostui.demo.traffic import PATIENCE
from tests.test_imports import loaded_by
from tests.wait import until

PHASES = [phase.name for phase in story.PHASES]
HELLO = (
    b"%b\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:%b\r\n"
)
COMMAND = [sys.executable, "-m", "chaostui", "demo"]


# -- backends ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "status", "holds"),
    [
        ("GET", "/", 200, b'"anvil"'),
        ("GET", "/products", 200, b'"lathe"'),
        ("GET", "/products/3", 200, b'"drill"'),
        ("GET", "/pictures/0", 200, b"P6 36 36 255\n"),
        ("GET", "/search?q=ha", 200, b'"hammer"'),
        ("POST", "/orders", 201, b'"taken"'),
        ("GET", "/products/12", 404, b"no such product"),
        ("GET", "/products/\xb2", 404, b"no such product"),
        ("GET", "/pictures/" + "1" * 5000, 404, b"no such product"),
        ("GET", "/orders", 404, b"no such page"),
        ("PUT", "/products", 405, b"only GET"),
    ],
)
def test_the_shop_has_pages(method: str, target: str, status: int, holds: bytes) -> None:
    """Products, pictures, a search and orders are there; all else is 404 or 405."""
    page = find(method, target)

    assert (page.status, holds in page.body) == (status, True)


def test_the_shop_takes_one_whole_request_at_a_time() -> None:
    """Nothing is answered before head and body are there, and a second request stays."""
    shop, received = Shop(), bytearray(b"POST /orders HTTP/1.1\r\nContent-Length: 5\r\n\r\n123")

    assert shop.take(received) is None
    received += b"45HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n"
    first, second = shop.take(received), shop.take(received)
    assert first
    assert second
    assert first.data.startswith(b"HTTP/1.1 201 Created\r\n")
    assert second.data.endswith(b"Connection: close\r\n\r\n")
    assert (first.last, second.last, bytes(received)) == (False, True, b"")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (b"PING", b"+PONG\r\n"),
        (b"GET a", b"$1\r\n7\r\n"),
        (b"get nothing", b"$-1\r\n"),
        (b"MGET a nothing", b"*2\r\n$1\r\n7\r\n$-1\r\n"),
        (b"INCR a", b":8\r\n"),
        (b"INCR word", b"-ERR value is not an integer or out of range\r\n"),
        (b"DEL a nothing", b":1\r\n"),
        (b"HELLO 2", HELLO % (b"*6", b"2")),
        (b"HELLO 3 SETNAME me", HELLO % (b"%3", b"3")),
        (b"CLIENT SETINFO LIB-NAME x", b"+OK\r\n"),
        (b"SET b 1 EX 5", b"+OK\r\n"),
        (b"GET", b"-ERR unknown command, or a wrong number of arguments\r\n"),
        (b"", b"-ERR unknown command, or a wrong number of arguments\r\n"),
    ],
)
def test_the_cache_answers_commands(words: bytes, answer: bytes) -> None:
    """The cache speaks RESP2, to commands as arrays and as lines."""
    values = {b"a": b"7", b"word": b"x"}
    found = Cache(values).take(bytearray(words + b"\r\n"))

    assert found
    assert found.data == answer


def test_the_cache_does_not_grow_without_end() -> None:
    """At a thousand keys a new one is refused in Redis's words, an old one still set."""
    values = {b"%d" % number: b"" for number in range(1000)}
    cache = Cache(values)

    new, old = cache.take(bytearray(b"SET new 1\r\n")), cache.take(bytearray(b"SET 5 1\r\n"))
    assert new
    assert old
    assert new.data.startswith(b"-OOM ")
    assert (old.data, values[b"5"]) == (b"+OK\r\n", b"1")


def test_a_command_is_read_when_it_is_whole() -> None:
    """Each proper beginning of a command is nothing yet; what follows it is left alone."""
    whole = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n"

    assert [parse(whole[:size]) for size in range(len(whole))] == [None] * len(whole)
    assert parse(whole + b"PING\r\n") == Command((b"GET", b"a\r\nb"), len(whole))


# -- clients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_a_client_asks_the_same_with_the_same_seed(kind: str) -> None:
    """Pauses and requests come from seed and client's number alone."""

    def asked(seed: int, client: int) -> list[Any]:
        return list(islice(visits(kind, seed, client), 20))

    assert asked(7, 1) == asked(7, 1)
    assert asked(7, 1) != asked(7, 2)
    assert asked(7, 1) != asked(8, 1)


def test_clients_ask_for_what_there_is() -> None:
    """Each page that a client asks the shop for is there, and bodies differ in size."""
    requests = [step.request for visit in islice(visits("shop", 1, 1), 40) for step in visit]
    lines = [request.split(b"\r\n")[0].decode().split() for request in requests]
    pages = [find(method, target) for method, target, _ in lines]

    assert {page.status for page in pages} == {200, 201}
    assert len({len(page.body) for page in pages}) > len(PRODUCTS)


# -- an engine with them ----------------------------------------------------------------------


@contextmanager
def demo_engine() -> Iterator[dict[str, Any]]:
    """Run the engine that the console shows; give its first line."""
    process = subprocess.Popen(
        [*COMMAND, "--engine", "--ready-fd", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=15)
        assert process.returncode == 0, complaints


def test_the_engine_of_the_console_serves_anyone() -> None:
    """Real clients of HTTP and Redis use the demo's proxies beside its own traffic."""
    with demo_engine() as ready:
        places = {name: listen.rpartition(":") for name, listen in ready["proxies"].items()}
        host, _, port = places["cache"]
        with redis.Redis(host, int(port), socket_timeout=5) as cache:
            cache.set("mine", "1")

            assert (cache.get("mine"), cache.incr("mine")) == (b"1", 2)
        host, _, port = places["shop"]
        with httpx.Client(base_url=f"http://{host}:{port}") as shop:
            assert shop.get("/products/1").json()["name"] == PRODUCTS[1]
            assert shop.post("/orders", json={"product": 1}).status_code == 201


def test_the_engine_of_the_console_has_traffic() -> None:
    """Both proxies carry exchanges of both protocols, none of them broken, from the start."""
    with demo_engine() as ready:
        stats: dict[str, Any] = {}

        def busy() -> bool:
            stats.update(ask_unix(ready["unix"], "/api/v1/stats"))
            return all(each["exchanges"] > 20 for each in stats.values())

        until(busy, what="both proxies are busy")
        assert set(stats) == {"shop", "cache"}
        assert [each["desyncs"] + each["refused"] for each in stats.values()] == [0, 0]


def test_two_clients_of_the_demo_stay() -> None:
    """Among the short ones there are two long-lived connections, which pin and detail can try."""
    with demo_engine() as ready:

        def old() -> set[str]:
            found = ask_unix(ready["unix"], "/api/v1/connections")
            return {c["proxy"] for c in found if c["age"] > 8 and c["exchanges"] > 5}

        until(lambda: old() == {"shop", "cache"}, within=40, what="two old connections")


def test_a_resident_comes_again_after_every_fault() -> None:
    """Its connection is closed and reset: it is back with a new one."""
    with demo_engine() as ready, Client(unix=ready["unix"]) as client:
        for behavior in ("abort", "reset"):
            for proxy in PROTOCOLS:
                client.set_mix(behavior, proxy=proxy)
            until(lambda: all(s.hits for s in client.stats().values()))
            time.sleep(1)
        client.reset()

        def calm() -> bool:
            return {c.proxy for c in client.connections() if c.age > 4} == {"shop", "cache"}

        until(calm, within=40, what="both are back")


def ask_unix(path: str, target: str) -> Any:
    """Ask the control API on its Unix socket."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    try:
        connection.request("GET", target)
        return json.load(connection.getresponse())
    finally:
        connection.close()


def test_the_engine_of_the_console_draws_nothing() -> None:
    """Backends, traffic and profile load neither rich nor what they do not need."""
    loaded = loaded_by("import chaostui.demo.setting, chaostui.demo.story")

    assert loaded & {"rich", "textual", "starlette", "click", "tomlkit"} == set()


# -- faults in phases -------------------------------------------------------------------------


class Watcher:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.phases: list[str] = []

    def update(self, done: float, tallies: Sequence[Tally]) -> None:
        """Take a picture."""
        self.shares.append(done)
        self.phases.append(tallies[-1].name)


def test_every_hit_is_felt() -> None:
    """In each phase clients feel what the engine says that it hit, each fault in its own way."""
    watcher, threads = Watcher(), threading.active_count()
    with Demo(seed=3) as demo:
        tallies = uvloop.run(story.play(demo, 2.0, watcher))
    seen = {tally.name: tally for tally in tallies}
    unfelt = [tally.name for tally in tallies if tally.felt < tally.hits]
    ways = [Seen.LATE, Seen.ERROR, Seen.GAVE_UP, Seen.CUT]

    assert (list(seen), unfelt) == (PHASES, [])
    assert all(tally.requests > 10 for tally in tallies)
    assert [seen[name].hits for name in ("normal", "healed")] == [0, 0]
    assert all(
        0 < tally.seen[way] <= tally.felt for tally, way in zip(tallies[1:-1], ways, strict=True)
    )
    assert seen["blackout"].hits >= seen["blackout"].seen[Seen.CUT]
    assert seen["10:errors"].hits >= seen["10:errors"].seen[Seen.ERROR]
    assert watcher.shares == sorted(watcher.shares)
    assert [name for name in PHASES if name in watcher.phases] == PHASES
    assert threading.active_count() == threads


def test_the_command_prints_the_table() -> None:
    """``demo --headless`` prints a row for each phase and the proof, in 80 columns, exit 0."""
    run = subprocess.run(
        [*COMMAND, "--headless", "--for", "1"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    rows = [line.split()[0] for line in run.stdout.splitlines() if line.strip()]
    assert [row for row in rows if row in PHASES] == PHASES
    assert re.search(
        r"^Faults asked for .*: (\d+); hit: (\d+); felt by clients: (\d+)$",
        run.stdout,
        re.MULTILINE,
    )
    assert max(map(len, run.stdout.splitlines())) <= 80


def test_the_table_is_printed_in_ascii_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output takes ASCII alone, what it cannot show is replaced."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    show.print_table([Tally("normal")], 5, 42)
    sys.stdout.seek(0)

    assert "normal" in sys.stdout.read()


def test_the_command_ends_at_ctrl_c() -> None:
    """Ctrl+c ends the demo with exit code 130 and without a traceback."""
    command = [*COMMAND, "--headless", "--for", "30"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: listens(process.pid), within=10, what="the demo runs")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)

    assert (process.returncode, said.strip()) == (130, "")


def listens(pid: int) -> bool:
    """Whether a process has many connections: its clients are there."""
    run = subprocess.run(
        ["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, text=True, check=False
    )
    return run.stdout.count("socket:") > 50


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--for", "3"], "--for goes with --headless"),
        ([], "the console needs a terminal"),
        (["--headless", "--for", "0"], "--for: 0.0 is not in the range"),
        (["--headless", "--seed", "x"], "--seed: 'x' is not a valid integer range"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(options: list[str], said: str) -> None:
    """A wrong command line is one line and exit code 2."""
    run = subprocess.run(
        [*COMMAND, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert run.returncode == 2
    assert run.stderr.startswith(said)
    assert run.stderr.count("\n") == 1


# -- the table --------------------------------------------------------------------------------


def test_a_tally_adds_up() -> None:
    """Requests, what was asked for, what was felt, and quantiles by nearest rank."""
    tally = Tally("20:delay", weight=20)
    for number in range(1, 101):
        tally.record(Seen.LATE if number > 90 else Seen.OK, number / 100)

    assert (tally.requests, tally.asked, tally.felt) == (100, 20, 10)
    assert (tally.quantile(0.50), tally.quantile(0.99)) == (0.50, 0.99)
    assert Tally("empty").quantile(0.99) == 0.0


def test_the_table_shows_each_count_once() -> None:
    """A row has the phase, its counts with a dot for none, and its times in milliseconds."""
    tally = Tally("30:hang", weight=30)
    tally.record(Seen.OK, 0.0015)
    tally.record(Seen.GAVE_UP, PATIENCE)
    tally.hits = 1
    console = Console(file=io.StringIO(), width=80)
    show.print_table([tally], 5, 42, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()

    assert "30:hang 2 1 1 · · · 1 1.5 500.0" in re.sub(" +", " ", text)
    assert "(weight × requests): 1; hit: 1; felt by clients: 1" in text


def test_the_bar_is_for_terminals() -> None:
    """Where standard error is no terminal, no bar is drawn."""
    with show.Bar() as bar:
        bar.update(0.5, [Tally("normal")])

    assert not bar.drawn
