"""Where Toxiproxy's contract is kept otherwise: the rows of the documentation's table."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest

from tests.api.test_toxiproxy_traffic import Rig, receive, receive_all, rig, silent
from tests.api.toxiproxy import Toxiproxy
from tests.tcp import free_port

__all__ = ["rig"]


def abort(sock: socket.socket) -> None:
    """Close with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def test_a_half_closed_connection_goes_on() -> None:
    """A FIN is passed on, and what the backend still says arrives."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Toxiproxy() as server:
        server.create("p", "127.0.0.1:{1}".format(*listener.getsockname()))
        with server.connect("p") as client:
            client.sendall(b"ask")
            client.shutdown(socket.SHUT_WR)
            backend, _ = listener.accept()
            with backend:
                assert receive_all(backend) == b"ask"
                backend.sendall(b"answer")
            assert receive_all(client) == b"answer"


@pytest.mark.parametrize("who", ["client", "backend"])
def test_a_reset_by_one_side_is_a_reset_for_the_other(rig: Rig, who: str) -> None:
    """As the network does it."""
    client, backend = rig.pair()
    client.sendall(b"x")
    assert backend.recv(1) == b"x"
    ends, stays = (client, backend) if who == "client" else (backend, client)
    abort(ends)

    with pytest.raises(ConnectionResetError):
        stays.recv(1)


def test_a_backend_that_refuses_ends_as_there() -> None:
    """An end for a client that has said nothing; none that has said something waits for it."""
    with Toxiproxy() as server:
        server.create("p", f"127.0.0.1:{free_port()}")
        with server.connect("p") as silent_one:
            assert silent_one.recv(1) == b""
        with server.connect("p") as other:
            try:
                other.sendall(b"hello")
                assert other.recv(1) == b""
            except (ConnectionResetError, BrokenPipeError):
                pass


def test_a_reset_that_waits_is_changed_and_removed_at_once(rig: Rig) -> None:
    """The call does not wait; a new time begins anew, and without the toxic all goes on."""
    rig.toxic("reset_peer", timeout=60_000)
    changed, its_backend = rig.pair()
    removed, other_backend = rig.pair()
    its_backend.sendall(b"x")
    assert silent(changed, 0.1)

    started = time.monotonic()
    rig.update("reset_peer_downstream", timeout=10)
    with pytest.raises(ConnectionResetError):
        changed.recv(1)
    rig.update("reset_peer_downstream", timeout=60_000)
    other_backend.sendall(b"y")
    assert silent(removed, 0.1)
    rig.remove("reset_peer_downstream")

    assert receive(removed, 1)[0] == b"y"
    assert time.monotonic() - started < 30


def test_a_toxic_behind_a_latency_lets_nothing_go_early(rig: Rig) -> None:
    """What is held stays held as long as it was to be."""
    rig.toxic("latency", latency=600)
    client, backend = rig.pair()
    sent = time.monotonic()
    backend.sendall(b"x")
    rig.toxic("noop")
    rig.toxic("slow_close", delay=1)

    receive(client, 1)
    assert time.monotonic() - sent >= 0.599


def test_what_missed_stays_missed_at_an_update(rig: Rig) -> None:
    """An update that says nothing of toxicity draws no dice: a spared connection is spared."""
    given = {"type": "timeout", "toxicity": 0.5, "attributes": {"timeout": 0}}
    assert rig.server.http("POST", "/proxies/p/toxics", given).status == 200
    pairs = [rig.pair() for _ in range(12)]
    before = [passes(client, backend) for client, backend in pairs]
    assert set(before) == {True, False}

    for _ in range(5):
        rig.server.http("POST", "/proxies/p/toxics/timeout_downstream", {})

    assert [passes(client, backend) for client, backend in pairs] == before


def passes(client: socket.socket, backend: socket.socket) -> bool:
    """Whether what the backend says arrives."""
    backend.sendall(b"x")
    if silent(client, 0.3):
        return False
    client.recv(100)
    return True


def test_a_stream_with_packet_loss_has_no_holes(rig: Rig) -> None:
    """Bytes come late, all of them and in order."""
    given = {"type": "packet_loss", "attributes": {"loss_rate": 0.3}}
    assert rig.server.http("POST", "/proxies/p/toxics", given).status == 200
    client, backend = rig.pair()
    data = bytes(range(256)) * 20
    for at in range(0, len(data), 512):
        backend.sendall(data[at : at + 512])
    backend.close()
    client.settimeout(30)

    assert receive_all(client) == data


def test_a_body_over_a_mebibyte_is_refused(rig: Rig) -> None:
    """Clients send less."""
    body = b'{"name":"q","upstream":"a:1","listen":"127.0.0.1:0"' + b" " * 1_048_576 + b"}"

    assert rig.server.http("POST", "/proxies", body).status == 413


def test_a_proxy_has_a_hundred_toxics_at_most(rig: Rig) -> None:
    """The next one is 409, and changes nothing."""
    for number in range(100):
        given = {"type": "noop", "name": f"t{number}"}
        assert rig.server.http("POST", "/proxies/p/toxics", given).status == 200

    assert rig.server.http("POST", "/proxies/p/toxics", {"type": "noop"}).status == 409
    assert len(rig.server.http("GET", "/proxies/p/toxics").json) == 100


def test_a_proxy_never_calls_itself() -> None:
    """Its own address is 400; by another name every dial fails, and so do circles of two."""
    with Toxiproxy() as server:
        port = free_port()
        itself = {"name": "p", "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{port}"}
        assert server.http("POST", "/proxies", itself).status == 400
        server.create("p", f"127.1:{port}", listen=f"127.0.0.1:{port}")
        first = server.create("a", "a:1")["listen"]
        second = server.create("b", first)["listen"]
        assert server.http("POST", "/proxies/a", {"upstream": second}).status == 200

        for name in ("p", "a"):
            with server.connect(name) as client:
                assert client.recv(1) == b""
            assert "chaostui's own" in last_error(server, name)


def last_error(server: Toxiproxy, proxy: str) -> str:
    """What a proxy says of its last dial."""
    return server.look(lambda supervisor: supervisor.proxy(proxy)).last_error


def test_a_latency_is_removed_while_a_client_does_not_read(rig: Rig) -> None:
    """The call answers at once, and so does every other."""
    rig.toxic("latency", latency=1000)
    _, backend = rig.pair()
    backend.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            backend.send(bytes(65536))

    started = time.monotonic()
    rig.remove("latency_downstream")
    rig.server.http("GET", "/proxies")

    assert time.monotonic() - started < 5


def test_a_changed_bandwidth_paces_what_is_held_anew(rig: Rig) -> None:
    """Nothing leaves at once: the rest goes on at the new rate."""
    rig.toxic("bandwidth", rate=1)
    client, backend = rig.pair()
    backend.sendall(bytes(5000))
    receive(client, 100)

    rig.update("bandwidth_downstream", rate=10)
    seconds = receive(client, 4900)[1]

    assert 0.3 < seconds < 3
