"""What toxics do to traffic, measured from outside: times, pieces, ends, nothing lost."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from chaostui.engine.net.listener import stall
from tests.api.toxiproxy import Toxiproxy
from tests.wait import SLACK, SOON

COUNTERS = struct.pack(">65535H", *range(65535))


class Rig:
    """A proxy ``p`` before a backend of the test's own."""

    def __init__(self, server: Toxiproxy, listener: socket.socket) -> None:
        self.server = server
        self.listener = listener
        self.sockets: list[socket.socket] = []

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Connect a client; return its socket and the backend's."""
        client = self.server.connect("p")
        backend, _ = self.listener.accept()
        backend.settimeout(5)
        backend.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets += [client, backend]
        return client, backend

    def toxic(self, type_: str, stream: str = "downstream", **attributes: int) -> None:
        """Add a toxic."""
        self.server.toxic("p", type_, stream, **attributes)

    def update(self, toxic: str, **attributes: int) -> None:
        """Change a toxic's attributes."""
        path = f"/proxies/p/toxics/{toxic}"
        assert self.server.http("POST", path, {"attributes": attributes}).status == 200

    def remove(self, toxic: str) -> None:
        """Remove a toxic."""
        assert self.server.http("DELETE", f"/proxies/p/toxics/{toxic}").status == 204


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Run an engine with the proxy ``p``."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Toxiproxy() as server:
        listener.settimeout(5)
        server.create("p", f"127.0.0.1:{listener.getsockname()[1]}")
        rig = Rig(server, listener)
        yield rig
        for sock in rig.sockets:
            sock.close()


def receive(sock: socket.socket, size: int) -> tuple[bytes, float]:
    """Receive exactly so many bytes; return them and how long it took."""
    started = time.monotonic()
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"the end came after {len(data)} of {size} bytes"
        data += piece
    return bytes(data), time.monotonic() - started


def receive_all(sock: socket.socket) -> bytes:
    """Receive until the end."""
    data = bytearray()
    while piece := sock.recv(65536):
        data += piece
    return bytes(data)


def silent(sock: socket.socket, seconds: float) -> bool:
    """Whether nothing, not even an end, comes for so long."""
    sock.settimeout(seconds)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(5)
    return False


def seconds_until_end(sock: socket.socket) -> float:
    """How long it takes until the other side has closed, with FIN."""
    started = time.monotonic()
    assert sock.recv(1) == b""
    return time.monotonic() - started


# -- latency ------------------------------------------------------------------------------------


def test_a_latency_is_exact(rig: Rig) -> None:
    """100 ms are 100 ms, and 3 more at the most in the middle of many."""
    rig.toxic("latency", latency=100)
    client, backend = rig.pair()
    times = []
    for _ in range(9):
        backend.sendall(b"x")
        times.append(receive(client, 1)[1])

    assert min(times) >= 0.099
    assert sorted(times)[4] <= 0.103 + SLACK


def test_a_latency_does_not_limit_the_rate(rig: Rig) -> None:
    """Ten chunks, 20 ms apart, are each 200 ms late."""
    rig.toxic("latency", latency=200)
    client, backend = rig.pair()
    sent: list[float] = []

    def send() -> None:
        for _ in range(10):
            sent.append(time.monotonic())
            backend.sendall(b"x")
            time.sleep(0.02)

    sender = threading.Thread(target=send)
    sender.start()
    came = []
    for _ in range(10):
        receive(client, 1)
        came.append(time.monotonic())
    sender.join()

    late = [there - here for here, there in zip(sent, came, strict=True)]
    assert min(late) >= 0.199
    assert sorted(late)[5] < 0.205 + SLACK


def test_latencies_add_up(rig: Rig) -> None:
    """100 ms and 50 ms are 150 ms."""
    rig.toxic("latency", latency=100)
    rig.server.http(
        "POST",
        "/proxies/p/toxics",
        {"type": "latency", "name": "more", "attributes": {"latency": 50}},
    )
    client, backend = rig.pair()
    backend.sendall(b"x")

    assert 0.149 <= receive(client, 1)[1] < 0.2 + SLACK


def test_a_changed_latency_is_counted_from_the_arrival(rig: Rig) -> None:
    """What is held is held for as long as the new value says; with 0 it leaves at once."""
    rig.toxic("latency", latency=60_000)
    client, backend = rig.pair()
    backend.sendall(b"one")
    started = time.monotonic()
    assert silent(client, 0.1)
    rig.update("latency_downstream", latency=300)
    receive(client, 3)
    assert 0.299 <= time.monotonic() - started < 0.4 + SLACK

    rig.update("latency_downstream", latency=60_000)
    backend.sendall(b"two")
    assert silent(client, 0.05)
    rig.update("latency_downstream", latency=0)
    assert receive(client, 3)[1] < 0.05 + SLACK


def test_a_removed_latency_keeps_the_others(rig: Rig) -> None:
    """Of two, the one that stays still holds what both held."""
    rig.toxic("latency", latency=60_000)
    rig.server.http(
        "POST",
        "/proxies/p/toxics",
        {"type": "latency", "name": "short", "attributes": {"latency": 300}},
    )
    client, backend = rig.pair()
    backend.sendall(b"x")
    started = time.monotonic()
    assert silent(client, 0.1)
    rig.remove("latency_downstream")
    receive(client, 1)

    assert 0.299 <= time.monotonic() - started < 0.4 + SLACK


def test_nothing_is_lost_while_toxics_come_and_go(rig: Rig) -> None:
    """65,535 counters arrive in order while a latency is added, changed and removed."""
    client, backend = rig.pair()
    stop = threading.Event()
    rounds = 0

    def disturb() -> None:
        nonlocal rounds
        while not stop.is_set():
            rig.toxic("latency", latency=10)
            rig.update("latency_downstream", latency=3)
            rig.remove("latency_downstream")
            rounds += 1

    def send() -> None:
        for start in range(0, len(COUNTERS), 2):
            backend.sendall(COUNTERS[start : start + 2])
        backend.close()

    threads = [threading.Thread(target=disturb), threading.Thread(target=send)]
    for thread in threads:
        thread.start()
    got = receive_all(client)
    stop.set()
    for thread in threads:
        thread.join()

    assert got == COUNTERS
    assert rounds > 10


# -- bandwidth ----------------------------------------------------------------------------------


def test_a_slow_link_trickles(rig: Rig) -> None:
    """5000 bytes at 10 kB/s take half a second, in five pieces 100 ms apart."""
    rig.toxic("bandwidth", rate=10)
    client, backend = rig.pair()
    started = time.monotonic()
    backend.sendall(bytes(5000))
    pieces: list[tuple[int, float]] = []
    while sum(size for size, _ in pieces) < 5000:
        size = len(client.recv(65536))
        pieces.append((size, time.monotonic() - started))

    assert [size for size, _ in pieces] == [1000] * 5
    for number, (_, at) in enumerate(pieces, 1):
        assert number * 0.1 - 0.005 <= at < number * 0.1 + SLACK


@pytest.mark.parametrize(("rate", "size"), [(1000, 500_000), (20_000, 10_000_000)])
def test_a_bandwidth_is_exact(rig: Rig, rate: int, size: int) -> None:
    """Half a second's worth takes half a second, within 5 percent."""
    rig.toxic("bandwidth", rate=rate)
    client, backend = rig.pair()
    sender = threading.Thread(target=backend.sendall, args=(bytes(size),))
    started = time.monotonic()
    sender.start()
    receive(client, size)
    took = time.monotonic() - started
    sender.join()

    assert 0.475 <= took < 0.525 + SLACK


def test_rate_0_passes_nothing_until_it_changes(rig: Rig) -> None:
    """What came meanwhile goes on, and so does the end."""
    rig.toxic("bandwidth", rate=0)
    client, backend = rig.pair()
    backend.sendall(b"hello")
    backend.close()
    assert silent(client, 0.1)
    rig.update("bandwidth_downstream", rate=1000)

    assert receive_all(client) == b"hello"


def test_a_removed_bandwidth_lets_go(rig: Rig) -> None:
    """The rest of what it held comes at once, whole."""
    rig.toxic("bandwidth", rate=1)
    client, backend = rig.pair()
    backend.sendall(bytes(20_000))
    receive(client, 100)
    rig.remove("bandwidth_downstream")

    assert receive(client, 19_900)[1] < 0.2 + SLACK


# -- slicer, limit_data -------------------------------------------------------------------------


def test_slices_arrive_as_separate_reads(rig: Rig) -> None:
    """300 bytes around 64 are eight pieces, 10 ms apart."""
    rig.toxic("slicer", average_size=64, delay=10_000)
    client, backend = rig.pair()
    backend.sendall(bytes(300))
    started = time.monotonic()
    sizes: list[int] = []
    while sum(sizes) < 300:
        sizes.append(len(client.recv(65536)))

    assert sizes == [37, 38, 37, 38, 37, 38, 37, 38]
    assert 0.069 <= time.monotonic() - started < 0.12 + SLACK


@pytest.mark.parametrize("limit", [0, 1, 100, 99_999])
def test_a_limit_is_exact_to_the_byte(rig: Rig, limit: int) -> None:
    """So many bytes pass, then both sides are closed."""
    rig.toxic("limit_data", bytes=limit)
    client, backend = rig.pair()
    sender = threading.Thread(target=backend.sendall, args=(bytes(100_000),))
    sender.start()

    assert len(receive_all(client)) == limit
    client.close()
    sender.join()


def test_a_limit_that_grows_counts_on(rig: Rig) -> None:
    """After 6 of 10 bytes a limit of 20 lets 14 more pass; below the limit nothing is closed."""
    rig.toxic("limit_data", bytes=10)
    client, backend = rig.pair()
    backend.sendall(b"123456")
    receive(client, 6)
    rig.update("limit_data_downstream", bytes=20)
    backend.sendall(bytes(13))
    receive(client, 13)
    assert silent(client, 0.05)
    backend.sendall(bytes(5))

    assert receive_all(client) == bytes(1)


# -- ends ---------------------------------------------------------------------------------------


def test_a_slow_close_holds_the_end_back(rig: Rig) -> None:
    """The bytes come at once, the FIN 200 ms later; with a new value the wait begins anew."""
    rig.toxic("slow_close", delay=200)
    client, backend = rig.pair()
    backend.sendall(b"bye")
    started = time.monotonic()
    backend.close()
    receive(client, 3)
    seconds_until_end(client)
    assert 0.19 <= time.monotonic() - started < 0.25 + SLACK

    rig.update("slow_close_downstream", delay=60_000)
    client, backend = rig.pair()
    backend.close()
    assert silent(client, 0.1)
    started = time.monotonic()
    rig.update("slow_close_downstream", delay=200)
    seconds_until_end(client)
    assert 0.19 <= time.monotonic() - started < 0.3 + SLACK

    rig.update("slow_close_downstream", delay=60_000)
    client, backend = rig.pair()
    backend.close()
    assert silent(client, 0.05)
    rig.remove("slow_close_downstream")
    assert seconds_until_end(client) < 0.05 + SLACK


def test_a_timeout_closes_after_quiet(rig: Rig) -> None:
    """Data is dropped and sets the clock back; then both sides are closed."""
    rig.toxic("timeout", timeout=200)
    client, backend = rig.pair()
    started = time.monotonic()
    for _ in range(6):
        backend.sendall(b"lost")
        assert silent(client, 0.05)
    assert seconds_until_end(client) < 0.25 + SLACK
    assert 0.45 <= time.monotonic() - started < 0.6 + SLACK
    assert backend.recv(1) == b""


@pytest.mark.parametrize("live", [False, True])
def test_a_timeout_counts_where_nothing_comes_at_all(rig: Rig, live: bool) -> None:
    """From the connection's beginning, or from when it was added to a live one."""
    if live:
        client, _ = rig.pair()
        started = time.monotonic()
        rig.toxic("timeout", timeout=200)
    else:
        rig.toxic("timeout", timeout=200)
        started = time.monotonic()
        client, _ = rig.pair()

    seconds_until_end(client)
    assert 0.19 <= time.monotonic() - started < 0.3 + SLACK


def test_another_toxic_that_goes_leaves_a_timeout_running(rig: Rig) -> None:
    """Its clock is its own."""
    rig.toxic("timeout", timeout=200)
    rig.toxic("latency", latency=5)
    started = time.monotonic()
    client, _ = rig.pair()
    rig.remove("latency_downstream")

    seconds_until_end(client)
    assert 0.19 <= time.monotonic() - started < 0.3 + SLACK


def test_a_black_hole_closes_when_it_is_removed(rig: Rig) -> None:
    """With 0 it lasts for ever; what it swallowed is lost, so the connection ends with it."""
    rig.toxic("timeout", timeout=0)
    client, backend = rig.pair()
    backend.sendall(b"lost")
    assert silent(client, 0.2)
    rig.remove("timeout_downstream")

    assert seconds_until_end(client) < 0.1 + SLACK


def test_a_timeout_that_missed_leaves_a_connection_alone(rig: Rig) -> None:
    """With a toxicity of 0 nothing is dropped, and its removal closes nothing."""
    given = {"type": "timeout", "toxicity": 0}
    rig.server.http("POST", "/proxies/p/toxics", given)
    client, backend = rig.pair()
    backend.sendall(b"one")
    receive(client, 3)
    rig.remove("timeout_downstream")
    backend.sendall(b"two")

    assert receive(client, 3)[0] == b"two"


def test_toxicity_acts_on_live_connections(rig: Rig) -> None:
    """From 0 to 1 it begins to act, and back it ends."""
    rig.server.http("POST", "/proxies/p/toxics", {"type": "bandwidth", "toxicity": 0})
    client, backend = rig.pair()
    backend.sendall(b"one")
    receive(client, 3)
    path = "/proxies/p/toxics/bandwidth_downstream"
    rig.server.http("POST", path, {"toxicity": 1})
    backend.sendall(b"two")
    assert silent(client, 0.1)
    rig.server.http("POST", path, {"toxicity": 0})

    assert receive(client, 3)[0] == b"two"


@pytest.mark.parametrize("timeout", [0, 150])
def test_a_reset_hits_both_sides(rig: Rig, timeout: int) -> None:
    """After the first bytes and the time, client and backend see a reset; the bytes are lost."""
    rig.toxic("reset_peer", timeout=timeout)
    client, backend = rig.pair()
    assert silent(client, 0.05)
    started = time.monotonic()
    backend.sendall(b"lost")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert timeout / 1000 - 0.005 <= time.monotonic() - started < timeout / 1000 + SLACK
    with pytest.raises(ConnectionResetError):
        backend.recv(1)


def test_a_reset_that_missed_leaves_closes_clean(rig: Rig) -> None:
    """With a toxicity of 0 a FIN stays a FIN."""
    rig.server.http("POST", "/proxies/p/toxics", {"type": "reset_peer", "toxicity": 0})
    client, backend = rig.pair()
    backend.sendall(b"bye")
    backend.close()

    assert receive_all(client) == b"bye"


def test_a_client_that_closes_silently_resets_the_backend(rig: Rig) -> None:
    """An end counts like bytes."""
    rig.toxic("reset_peer", "upstream", timeout=0)
    client, backend = rig.pair()
    backend.sendall(b"x")
    receive(client, 1)
    client.close()

    with pytest.raises(ConnectionResetError):
        backend.recv(1)


def test_a_disabled_proxy_closes_with_fin(rig: Rig) -> None:
    """Both sides see an end, whatever a slow_close says, and whatever is held."""
    rig.toxic("slow_close", delay=60_000)
    rig.toxic("latency", latency=60_000)
    client, backend = rig.pair()
    backend.sendall(b"held")
    assert silent(client, 0.05)
    rig.server.http("POST", "/proxies/p", {"enabled": False})

    assert seconds_until_end(client) < 0.1 + SLACK
    assert seconds_until_end(backend) < 0.1 + SLACK


def test_another_upstream_drops_connections(rig: Rig) -> None:
    """After an update that differs, live connections end and toxics stay."""
    rig.toxic("latency", latency=5)
    client, _ = rig.pair()
    rig.server.http("POST", "/proxies/p", {"upstream": "127.0.0.1:1"})

    assert seconds_until_end(client) < 0.1 + SLACK
    assert len(rig.server.http("GET", "/proxies/p/toxics").json) == 1


# -- the API whatever the traffic does ----------------------------------------------------------


def test_the_api_answers_whatever_clients_do(rig: Rig) -> None:
    """A client that does not read, a busy backend, a latency: each call is answered soon."""
    rig.toxic("latency", latency=10)
    _, backend = rig.pair()
    backend.settimeout(0.3)
    with pytest.raises(TimeoutError):
        backend.sendall(bytes(100_000_000))

    for method, path, status in (
        ("DELETE", "/proxies/p/toxics/latency_downstream", 204),
        ("GET", "/proxies", 200),
        ("GET", "/proxies/p/toxics", 200),
        ("POST", "/reset", 204),
        ("DELETE", "/proxies/p", 204),
    ):
        started = time.monotonic()
        assert rig.server.http(method, path).status == status
        assert time.monotonic() - started < SOON


def test_a_backend_that_does_not_answer_delays_nobody(rig: Rig) -> None:
    """Clients of a black-holed backend wait; others are served, and the proxy can be disabled."""
    with socket.create_server(("127.0.0.1", 0)) as hole, stall(hole):
        rig.server.create("hole", f"127.0.0.1:{hole.getsockname()[1]}")
        waiting = [rig.server.connect("hole") for _ in range(3)]
        rig.sockets += waiting
        client, backend = rig.pair()
        backend.sendall(b"x")
        assert receive(client, 1)[1] < 0.1 + SLACK

        started = time.monotonic()
        answer = rig.server.http("POST", "/proxies/hole", {"enabled": False})
        assert answer.json["enabled"] is False
        assert [sock.recv(1) for sock in waiting] == [b""] * 3
        assert time.monotonic() - started < SOON


# -- what acts before the backend is there --------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "attributes"), [("reset_peer", {"timeout": 0}), ("limit_data", {"bytes": 0})]
)
def test_the_backend_sees_every_connection_that_a_toxic_ends(
    rig: Rig, type_: str, attributes: dict[str, int]
) -> None:
    """However early the first byte comes: the toxic acts after the dial, 100 times of 100."""
    rig.toxic(type_, "upstream", **attributes)
    ended = 0
    for _ in range(100):
        with rig.server.connect("p") as client:
            client.sendall(b"x")
            backend, _ = rig.listener.accept()
            with backend:
                backend.settimeout(5)
                try:
                    ended += backend.recv(10) == b""
                except ConnectionResetError:
                    ended += 1

    assert ended == 100


@pytest.mark.parametrize("timeout", [0, 5000])
def test_a_silent_close_is_a_reset_where_replies_are_reset(rig: Rig, timeout: int) -> None:
    """A ``reset_peer`` of what comes from the backend acts at the client's end as well."""
    rig.toxic("reset_peer", timeout=timeout)
    for _ in range(20):
        client, backend = rig.pair()
        client.close()

        with pytest.raises(ConnectionResetError):
            backend.recv(1)


def test_a_link_on_which_nothing_passed_sends_at_once_what_it_has(rig: Rig) -> None:
    """``bandwidth`` from 0 to 1: 20 kB that waited are there long before 20 seconds."""
    rig.toxic("bandwidth", rate=0)
    client, backend = rig.pair()
    data = bytes(range(200)) * 100
    backend.sendall(data)
    assert silent(client, 0.2)

    rig.update("bandwidth_downstream", rate=1)

    got, seconds = receive(client, len(data))
    assert (got, seconds < 5) == (data, True)
