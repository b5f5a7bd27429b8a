"""Requests that wait, and unusual ones, before nginx and from curl: no fault passes them by."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.servers.nginx import Nginx
from tests.servers.server import program
from tests.wait import until

SIZE = 2_000_000
HOST = b"Host: a\r\n"
WAITING = b"PUT /up HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n"
UNUSUAL = [
    b"BAN / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"purge.all / HTTP/1.1\r\n" + HOST + b"\r\n",
    "GET /café HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
]
UNREADABLE = [
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /\r\n",
    b"\x00\x01\x02",
]


@pytest.fixture
def proxy(nginx_server: Nginx, chaos: Proxies) -> Chaos:
    """Put a proxy before nginx."""
    return chaos(nginx_server.address, "http")


def connected(proxy: Chaos) -> socket.socket:
    """A client's connection."""
    return socket.create_connection((proxy.host, proxy.port), timeout=5)


def received(sock: socket.socket) -> bytes:
    """All that comes until the end."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def curl(proxy: Chaos, body: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Have curl upload a file, and wait for ``100 Continue`` much longer than a test may take."""
    command = [program("curl"), "-sS", "--max-time", "20", "--noproxy", "*", "-o", "/dev/null"]
    command += ["-w", "%{http_code} %{size_upload} %{num_connects}\n", *options]
    command += ["--expect100-timeout", "60", "-T", str(body)]
    url = f"http://{proxy.address}/up"
    return subprocess.run([*command, url], capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    """A file of 2 MB: curl asks before it sends so much."""
    path = tmp_path / "body"
    path.write_bytes(bytes(SIZE))
    return path


@pytest.mark.parametrize("handler", ["errors", "transient"])
def test_curl_is_refused_before_it_uploads(proxy: Chaos, body: Path, handler: str) -> None:
    """The status comes at once, and not one byte of the body is sent."""
    with proxy.fault(handler, kind="503"):
        done = curl(proxy, body)

    assert done.stdout == "503 0 1\n", done.stderr


def test_a_client_that_sends_its_body_anyway_gets_the_status(proxy: Chaos) -> None:
    """What it sends is read and dropped, so that no reset destroys the reply."""
    with proxy.fault("errors", kind="503"), closing(connected(proxy)) as sock:
        sock.sendall(WAITING)
        until(lambda: proxy.hits() == 1, what="the status is on its way")
        sock.sendall(bytes(300_000))
        sock.shutdown(socket.SHUT_WR)
        reply = received(sock)

    assert reply.startswith(b"HTTP/1.1 503 ")
    assert reply.count(b"HTTP/1.1") == 1


class Refusing(socketserver.StreamRequestHandler):
    """A server that knows no expectations: 417 to those, 200 to others, on one connection."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            fields = {}
            while (field := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = field.partition(b":")
                fields[name.lower()] = value.strip()
            assert line.startswith(b"PUT /up "), line
            if b"expect" in fields:
                self.wfile.write(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
                continue
            assert len(self.rfile.read(int(fields[b"content-length"]))) == SIZE
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Server(socketserver.ThreadingTCPServer):
    """Takes clients until it is shut down."""

    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture
def refusing(chaos: Proxies) -> Iterator[Chaos]:
    """Put a proxy before a server that refuses expectations."""
    with Server(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield chaos(server.server_address[1], "http")
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_refuses_the_expectation_is_asked_again(refusing: Chaos, body: Path) -> None:
    """curl sends the request without it: the framer follows, and the next fault hits it."""
    done = curl(refusing, body)
    assert done.stdout.startswith(f"200 {SIZE} "), done.stderr
    stats = refusing.stats()[refusing.name]
    assert (stats.exchanges, stats.desyncs) == (2, 0)

    with refusing.fault("errors", kind="503", every=2):
        assert curl(refusing, body).stdout.startswith("503 ")


@pytest.mark.parametrize("request_", UNUSUAL)
def test_an_unusual_request_is_hit(proxy: Chaos, request_: bytes) -> None:
    """A fault of 100 % answers it in words; without one the server does, on one connection."""
    with closing(connected(proxy)) as sock:
        with proxy.fault("errors", kind="503"):
            sock.sendall(request_)
            assert sock.recv(65536).startswith(b"HTTP/1.1 503 ")
        sock.sendall(request_)
        assert sock.recv(65536).startswith(b"HTTP/1.1 ")
    assert proxy.stats()[proxy.name].desyncs == 0


@pytest.mark.parametrize("request_", UNREADABLE)
def test_an_unreadable_request_is_reset(proxy: Chaos, request_: bytes) -> None:
    """It is counted as a hit and as not readable; it never reaches the server in silence."""
    with proxy.fault("errors", kind="503") as fault, closing(connected(proxy)) as sock:
        sock.sendall(request_)
        with pytest.raises(ConnectionResetError):
            sock.recv(65536)
        assert fault.hits == 1

    stats = proxy.stats()[proxy.name]
    assert (stats.desyncs, stats.opaque) == (1, 0)
