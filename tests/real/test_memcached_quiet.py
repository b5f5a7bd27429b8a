"""Quiet commands before a real memcached: no client is left with a reply that is not its own."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from chaostui.match import Match, Word
from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.protocols.test_memcached import packet
from tests.servers.memcached import Memcached

GET, SET, NOOP, GETKQ, SETQ = 0x00, 0x01, 0x0A, 0x0D, 0x11
EXTRAS = struct.pack(">II", 0, 60)
Answer = tuple[int, int, int, bytes, bytes]
"""Opcode, opaque, status, key and value of a binary reply."""


@pytest.fixture
def proxy(memcached_server: Memcached, chaos: Proxies) -> Chaos:
    """Put a proxy before memcached."""
    return chaos(memcached_server.address, "memcached")


@pytest.fixture
def sock(proxy: Chaos) -> Iterator[socket.socket]:
    """A client's connection."""
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as sock:
        yield sock


def only(command: str) -> Match:
    """Faults for one command."""
    return Match(command=Word.parse(command))


def exactly(sock: socket.socket, size: int) -> bytes:
    """Receive so many bytes."""
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"the end came after {data!r}"
        data += piece
    return data


def answer(sock: socket.socket) -> Answer:
    """Receive a binary reply."""
    magic, opcode, key, extras, _, status, body, opaque, _ = struct.unpack(
        ">BBHBBHIIQ", exactly(sock, 24)
    )
    assert magic == 0x81
    rest = exactly(sock, body)[extras:]
    return opcode, opaque, status, rest[:key], rest[key:]


def until(sock: socket.socket, end: bytes) -> bytes:
    """Receive text up to ``end``."""
    data = b""
    while not data.endswith(end):
        data += exactly(sock, 1)
    return data


def fill(sock: socket.socket, prefix: bytes) -> None:
    """Store ``1`` and ``2`` under two keys."""
    for number in (b"1", b"2"):
        sock.sendall(packet(SET, 0, prefix + number, EXTRAS, number))
        assert answer(sock)[2] == 0


@pytest.mark.parametrize("rounds", [1, 5])
def test_a_binary_multi_get_whose_noop_fails(
    proxy: Chaos, sock: socket.socket, rounds: int
) -> None:
    """All values come before the error, and the next multi-get reads its own."""
    fill(sock, b"quiet:a")
    for _ in range(rounds):
        with proxy.fault("errors", kind="busy", match=only("noop")) as fault:
            sock.sendall(packet(GETKQ, 1, b"quiet:a1") + packet(GETKQ, 2, b"quiet:a2"))
            sock.sendall(packet(NOOP, 3))
            assert answer(sock) == (GETKQ, 1, 0, b"quiet:a1", b"1")
            assert answer(sock) == (GETKQ, 2, 0, b"quiet:a2", b"2")
            assert answer(sock) == (NOOP, 3, 0x85, b"", b"Busy")
            assert fault.hits == 1
        sock.sendall(packet(GETKQ, 4, b"quiet:a2") + packet(NOOP, 5))
        assert answer(sock) == (GETKQ, 4, 0, b"quiet:a2", b"2")
        assert answer(sock) == (NOOP, 5, 0, b"", b"")
    assert proxy.stats()[proxy.name].desyncs == 0


def test_quiet_reads_that_fail_are_told_apart(proxy: Chaos, sock: socket.socket) -> None:
    """Every second one is refused, in its turn and by its own opaque."""
    fill(sock, b"quiet:b")
    with proxy.fault("errors", kind="busy", every=2, match=only("getkq")):
        asked = [packet(GETKQ, n, b"quiet:b%d" % (1 + n % 2)) for n in range(6)]
        sock.sendall(b"".join(asked) + packet(NOOP, 99))
        answers = [answer(sock) for _ in range(7)]

    assert [(each[1], each[2]) for each in answers] == [
        (0, 0),
        (1, 0x85),
        (2, 0),
        (3, 0x85),
        (4, 0),
        (5, 0x85),
        (99, 0),
    ]


def test_a_quiet_write_that_fails_is_not_done(proxy: Chaos, sock: socket.socket) -> None:
    """The client is told, and the server does not have it."""
    fill(sock, b"quiet:c")
    with proxy.fault("errors", kind="out_of_memory", match=only("setq")):
        sock.sendall(packet(SETQ, 1, b"quiet:c1", EXTRAS, b"new") + packet(NOOP, 2))
        assert answer(sock)[:3] == (SETQ, 1, 0x82)
        assert answer(sock)[:3] == (NOOP, 2, 0)
    sock.sendall(packet(GET, 3, b"quiet:c1"))
    assert answer(sock)[4] == b"1"


def test_a_meta_multi_get_whose_end_fails(proxy: Chaos, sock: socket.socket) -> None:
    """As dalli asks: quiet reads with their keys, then ``mn``."""
    sock.sendall(b"ms quiet:d1 1\r\n1\r\nms quiet:d2 1\r\n2\r\n")
    assert until(sock, b"HD\r\nHD\r\n")
    asked = b"mg quiet:d1 v k q\r\nmg quiet:no v k q\r\nmg quiet:d2 v k q\r\n"
    values = b"VA 1 kquiet:d1\r\n1\r\nVA 1 kquiet:d2\r\n2\r\n"
    with proxy.fault("errors", kind="busy", match=only("mn")):
        sock.sendall(asked + b"mn\r\n")
        assert until(sock, b"busy\r\n") == values + b"SERVER_ERROR busy\r\n"
    sock.sendall(asked + b"mn\r\n")
    assert until(sock, b"MN\r\n") == values + b"MN\r\n"


def test_a_get_behind_quiet_hits_fails_in_its_turn(proxy: Chaos, sock: socket.socket) -> None:
    """A classic command after quiet meta commands."""
    sock.sendall(b"ms quiet:e 1\r\n1\r\n")
    assert until(sock, b"HD\r\n")
    with proxy.fault("errors", kind="server_error", match=only("get")):
        sock.sendall(b"mg quiet:e v k q\r\nget quiet:e\r\nmg quiet:e v\r\n")
        assert until(sock, b"VA 1\r\n1\r\n") == (
            b"VA 1 kquiet:e\r\n1\r\nSERVER_ERROR internal error\r\nVA 1\r\n1\r\n"
        )


def test_every_command_may_fail_and_each_reply_stays_in_its_place(
    proxy: Chaos, sock: socket.socket
) -> None:
    """A hundred pipelines with half of their commands refused, then one that is not."""
    sock.sendall(b"ms quiet:f 1\r\n1\r\n")
    assert until(sock, b"HD\r\n")
    with proxy.fault("errors", kind="busy", every=2):
        for number in range(100):
            end = b"mg quiet:f v O%d\r\n" % number
            sock.sendall(b"mg quiet:f v k q\r\n" * (number % 4) + b"mn\r\n" + end)
            text = until(sock, b"\n")
            while not (text.endswith((b"MN\r\n", b"busy\r\n")) and self_contained(text, number)):
                text += until(sock, b"\n")
            last = until(sock, b"\n")
            if last != b"SERVER_ERROR busy\r\n":
                assert last == b"VA 1 O%d\r\n" % number
                assert until(sock, b"\n") == b"1\r\n"
    sock.sendall(b"mg quiet:f v Olast\r\n")
    assert until(sock, b"\r\n1\r\n") == b"VA 1 Olast\r\n1\r\n"


def self_contained(text: bytes, number: int) -> bool:
    """Whether all quiet reads and their end were answered."""
    return text.count(b"VA ") + text.count(b"busy") + text.count(b"MN") == number % 4 + 1
