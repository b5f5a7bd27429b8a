"""One HTTP connection: what it may ask of the engine, in bytes, time and number."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack

import pytest

from chaostui.api import connection
from chaostui.api.connection import MAX_CONNECTIONS
from chaostui.client import Client
from tests.api.engine import Engine
from tests.wait import SOON, until

MIB = 1_048_576
HEAD = "Host: localhost\r\n"
MANY = "X: a\r\n" * 100


def status(answer: bytes) -> int:
    """Read the status of an answer, which is whole and in our shape."""
    head, _, body = answer.partition(b"\r\n\r\n")
    number = int(head.split(b" ")[1])
    assert json.loads(body)["status"] == number
    return number


@pytest.mark.parametrize(
    ("request_text", "wanted"),
    [
        (f"GET /{'a' * 8192} HTTP/1.1\r\n{HEAD}\r\n", 414),
        (f"GET / HTTP/1.1\r\n{HEAD}X: {'a' * 16384}\r\n\r\n", 431),
        (f"GET / HTTP/1.1\r\n{HEAD}{MANY}\r\n", 431),
        (f"PUT / HTTP/1.1\r\n{HEAD}Content-Length: {MIB + 1}\r\n\r\n", 413),
        (f"PUT / HTTP/1.1\r\n{HEAD}Content-Length: {10**30}\r\n\r\n", 400),
        (
            f"PUT / HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
            "0\r\n\r\n",
            400,
        ),
        ("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: local\rhost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost localhost\r\n\r\n", 400),
        (f"BREW / HTTP/1.1\r\n{HEAD}\r\n", 400),
        (f"GET http:// HTTP/1.1\r\n{HEAD}\r\n", 400),
        (f"GET / HTTP/1.1\r\n{HEAD}X: a\r\n b\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01", 400),
    ],
)
def test_a_request_over_a_limit_is_told_so(engine: Engine, request_text: str, wanted: int) -> None:
    """Sizes, framing and versions out of bounds are 4xx as JSON, then the connection ends."""
    assert status(engine.raw(request_text.encode("latin-1"))) == wanted


def test_an_absolute_target_to_another_host_is_refused(engine: Engine) -> None:
    """The authority of the target counts as Host does."""
    head = "Host: localhost\r\nConnection: close\r\n\r\n"
    evil = engine.raw(f"GET http://evil.example/handler HTTP/1.1\r\n{head}".encode())
    good = engine.raw(f"GET http://localhost/handler HTTP/1.1\r\n{head}".encode())

    assert status(evil) == 403
    assert good.endswith(b"normal")


def test_a_body_too_long_is_refused_though_it_is_still_being_sent(engine: Engine) -> None:
    """The answer 413 survives the flood that it answers."""
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    head = b"PUT /behavior HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert status(engine.raw(head + chunk * 40)) == 413


def test_a_body_of_a_mebibyte_is_read(engine: Engine) -> None:
    """The limit itself is allowed, also in chunks."""
    body = b'{"name":"normal"}'.ljust(MIB)

    assert engine.ask("PUT", "/behavior", body).json == {"status": "ok"}
    chunked = b"PUT /behavior HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    answer = engine.raw(
        chunked + b"Connection: close\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )
    assert answer.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /handler HTTP/1.1\r\nHost: localhost\r\n",
        b"PUT /behavior HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{",
    ],
)
def test_a_request_that_is_not_complete_in_time_is_408(
    engine: Engine, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow request is given up, after five seconds unless told otherwise."""
    assert connection.REQUEST_TIMEOUT == 5
    monkeypatch.setattr(connection, "REQUEST_TIMEOUT", 0.3)
    start = time.monotonic()

    answer = engine.raw(begun)

    assert status(answer) == 408
    assert 0.25 < time.monotonic() - start < 2.5


def test_a_kept_connection_may_rest_longer_than_a_request_may_take(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time between two requests is not the time of a request."""
    monkeypatch.setattr(connection, "REQUEST_TIMEOUT", 0.1)
    with engine.client() as client, socket.create_connection(("127.0.0.1", engine.port)) as slow:
        client.health()
        # The slow one has begun later, and is refused first.
        assert status(slow.recv(65536)) == 408
        kept = client._connection
        client.health()
        assert client._connection is kept


def test_connections_over_the_limit_are_503_until_one_ends(engine: Engine) -> None:
    """Of 65 connections the last is told 503 at once; when one has gone there is room."""
    address = ("127.0.0.1", engine.port)
    with ExitStack() as held:
        first = held.enter_context(socket.create_connection(address))
        for _ in range(MAX_CONNECTIONS - 1):
            held.enter_context(socket.create_connection(address))
        start = time.monotonic()
        assert status(engine.raw(b"GET /handler HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 503
        assert time.monotonic() - start < SOON
        first.close()
        until(lambda: engine.ask("GET", "/handler").status == 200)


def test_a_connection_that_rests_gives_way_to_a_new_one(engine: Engine) -> None:
    """Kept connections, of which clients have one each, keep nobody out; the oldest goes first."""
    with ExitStack() as kept:
        clients = [kept.enter_context(engine.client()) for _ in range(MAX_CONNECTIONS)]
        for client in clients:
            client.health()

        assert engine.ask("GET", "/handler").status == 200
        until(lambda: has_ended(clients[0]))
        assert not has_ended(clients[1])
        assert all(client.health() for client in clients)


def has_ended(client: Client) -> bool:
    """Whether the engine has closed a client's kept connection."""
    assert client._connection is not None
    client._connection.sock.setblocking(False)
    try:
        return client._connection.sock.recv(1) == b""
    except BlockingIOError:
        client._connection.sock.setblocking(True)
        return False


def test_connections_that_hold_a_session_are_not_counted(engine: Engine) -> None:
    """A test run may break things in many tests at once."""
    sessions = "/api/v1/sessions"
    with ExitStack() as held:
        for _ in range(MAX_CONNECTIONS + 10):
            session = engine.ask("POST", sessions, {}).json["id"]
            sock = held.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
            sock.sendall(f"GET {sessions}/{session}/hold HTTP/1.1\r\n{HEAD}\r\n".encode())
            assert sock.recv(12) == b"HTTP/1.1 200"

        assert len(engine.ask("GET", sessions).json) == MAX_CONNECTIONS + 10
    until(lambda: engine.ask("GET", sessions).json == [])


def test_pipelined_requests_are_answered_in_order(engine: Engine) -> None:
    """Two requests in one packet get two answers."""
    one = b"GET /handler HTTP/1.1\r\nHost: localhost\r\n\r\n"
    two = b"GET /behaviors HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    answer = engine.raw(one + two)

    assert answer.index(b"normal") < answer.index(b'{"behaviors"')


def test_a_client_that_leaves_in_the_middle_harms_nobody(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a body and a reset leave no traceback behind."""
    with socket.create_connection(("127.0.0.1", engine.port)) as sock:
        sock.sendall(b"PUT /behavior HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
    assert engine.ask("GET", "/handler").status == 200
    engine.stop()

    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_an_upgrade_is_ignored(engine: Engine) -> None:
    """A client that would rather speak HTTP/2 is answered in HTTP/1.1."""
    head = "Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"

    answer = engine.raw(f"GET /handler HTTP/1.1\r\n{HEAD}{head}".encode())

    assert answer.startswith(b"HTTP/1.1 200")
