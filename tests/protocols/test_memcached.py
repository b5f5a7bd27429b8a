"""memcached's errors, in the language of the command that they answer."""

from __future__ import annotations

import random
import struct

import pytest

from chaostui.actions import Close, Reply
from chaostui.protocol import Frame
from chaostui.protocols.memcached import Memcached

SET = b"set user:1 0 60 10\r\nend\r\nget \0\r\n"
GET = b"get user:1 user:2\r\n"


def packet(
    opcode: int, opaque: int, key: bytes = b"", extras: bytes = b"", value: bytes = b""
) -> bytes:
    """A binary request."""
    body = extras + key + value
    head = struct.pack(
        ">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, len(body), opaque, 0
    )
    return head + body


def answer(
    opcode: int, opaque: int, status: int = 0, key: bytes = b"", value: bytes = b""
) -> bytes:
    """A binary reply."""
    body = key + value
    return (
        struct.pack(">BBHBBHIIQ", 0x81, opcode, len(key), 0, 0, status, len(body), opaque, 0) + body
    )


@pytest.mark.parametrize(
    ("request_", "kind", "said"),
    [
        (SET, "out_of_memory", b"SERVER_ERROR out of memory storing object"),
        (GET, "out_of_memory", b"SERVER_ERROR out of memory writing get response"),
        (SET, "too_large", b"SERVER_ERROR object too large for cache"),
        (SET, "client_error", b"CLIENT_ERROR bad data chunk"),
        (SET, "not_stored", b"NOT_STORED"),
        (GET, "error", b"ERROR"),
        (GET, "miss", b"END"),
        (b"touch k 1\r\n", "miss", b"NOT_FOUND"),
        (b"mg k v\r\n", "miss", b"EN"),
        (b"ms k 1\r\nx\r\n", "not_stored", b"NS"),
        (b"md k\r\n", "miss", b"NF"),
    ],
)
def test_errors_are_those_of_the_real_server(request_: bytes, kind: str, said: bytes) -> None:
    """The words fit the command that they answer."""
    memcached = Memcached()
    memcached.request(request_)

    assert memcached.error(kind) == (Reply(said + b"\r\n"),)


def test_a_binary_error_echoes_its_request() -> None:
    """Opcode and opaque are the request's, also when it is not the newest."""
    memcached = Memcached()
    first, _ = memcached.request(packet(1, 0xCAFE, b"k", b"\0" * 8, b"v") + packet(0, 2, b"k"))

    assert memcached.error("out_of_memory", request=first.request) == (
        Reply(answer(1, 0xCAFE, 0x82, value=b"Out of memory allocating item")),
    )


@pytest.mark.parametrize("ask", [GET, packet(0, 1, b"k")], ids=["text", "binary"])
def test_every_error_is_a_whole_reply(ask: bytes) -> None:
    """What the errors say is cut as one reply by the framer itself."""
    for kind in Memcached.kinds:
        memcached = Memcached()
        memcached.request(ask)
        reply = memcached.error(kind.name)[0]
        assert isinstance(reply, Reply)
        assert memcached.reply(reply.data) == [Frame(reply.data)]


def test_too_many_connections_are_refused_at_the_door() -> None:
    """The refusal comes before any request, then the end; other errors wait for a request."""
    refusal = (Reply(b"ERROR Too many open connections\r\n"), Close())

    assert Memcached().error("too_many_connections", "open") == refusal
    assert Memcached().error("busy", "open") == ()


def test_an_error_without_a_kind_is_a_usual_one() -> None:
    """An overloaded server says these; at the door, only one of them."""
    memcached = Memcached(dice=random.Random(1))
    said = {memcached.error() for _ in range(100)}
    refused = {memcached.error("", "open") for _ in range(100)}

    assert said == {memcached.error(kind) for kind in ("out_of_memory", "server_error", "busy")}
    assert refused == {(), memcached.error("too_many_connections", "open")}


def test_an_unknown_error_is_refused() -> None:
    """A kind that does not exist is named in the exception."""
    with pytest.raises(ValueError, match="memcached has no error named 'oom'"):
        Memcached().error("oom")
