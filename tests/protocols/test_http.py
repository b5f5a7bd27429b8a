"""HTTP's errors, and the Host header."""

from __future__ import annotations

import random

import pytest

from chaostui.actions import Close, Reply
from chaostui.protocols.http import Http
from tests.protocols.chunking import (
    joined,
    pieces,
)

GET = b"GET /a?token=s3cret HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n"


def test_the_host_header_can_name_the_backend() -> None:
    """Only the Host of each head changes, however the head came."""
    http = Http("example.com:80", overwrite_host_header=True)
    head = b"\r\nPOST /Host: HTTP/1.1\r\nX: y\r\nhOsT:  me:1\r\nContent-Length: 9\r\n\r\n"
    sent = b"".join(joined(http.request(piece)) for piece in pieces(head + b"\r\nHost: x" + GET, 7))

    assert sent == (head + b"\r\nHost: x" + GET).replace(b"me:1", b"example.com").replace(
        b"Host: a", b"Host: example.com"
    )


def test_a_port_other_than_80_is_part_of_the_host() -> None:
    """The Host of a backend elsewhere carries its port; without a Host nothing changes."""
    http = Http("example.com:8080", overwrite_host_header=True)

    assert b"Host: example.com:8080\r\n" in joined(http.request(GET))
    assert joined(http.request(b"GET / HTTP/1.0\r\n\r\n")) == b"GET / HTTP/1.0\r\n\r\n"


def test_a_backend_on_a_unix_socket_has_no_host() -> None:
    """The path of a socket is not put into the Host header."""
    assert joined(Http("unix:/run/x", overwrite_host_header=True).request(GET)) == GET


def test_an_error_is_a_page() -> None:
    """503 says when to come back, keeps the connection and can be read by any client."""
    http = Http(retry_after=7)
    http.request(GET)

    assert http.error("503") == (
        Reply(
            b"HTTP/1.1 503 Service Unavailable\r\nServer: chaostui\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 24\r\nRetry-After: 7\r\n\r\n503 Service Unavailable\n"
        ),
    )


def test_every_page_is_a_whole_reply() -> None:
    """What the errors say is cut as one message by the framer itself."""
    for kind in Http.kinds:
        http = Http()
        http.request(GET)
        reply, *rest = http.error(kind.name)
        assert isinstance(reply, Reply)
        frames = http.reply(reply.data)
        whole = [frame.last for frame in frames] == [True] and not http.opaque
        assert rest == ([] if whole else [Close()])


def test_an_error_to_head_has_no_body() -> None:
    """A client would take a body after HEAD for the next reply."""
    http = Http()
    http.request(HEAD)
    (reply,) = http.error("502")

    assert isinstance(reply, Reply)
    assert reply.data.endswith(b"Content-Length: 16\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"GET / HTTP/1.0\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", False),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: te\r\nconnection: Close\r\n", True),
        (b"GET / HTTP/1.1\r\n", False),
    ],
)
def test_a_client_that_expects_the_end_gets_it(head: bytes, closes: bool) -> None:
    """After an error the connection ends where the client reads until it does."""
    http = Http()
    http.request(head + b"\r\n")
    reply, *rest = http.error("500")

    assert rest == ([Close()] if closes else [])
    assert isinstance(reply, Reply)
    assert (b"Connection: close\r\n" in reply.data) == closes


def test_an_error_without_a_kind_is_a_usual_one() -> None:
    """The dice pick among 500, 501, 502 and 503, the same ones for the same seed."""

    def codes(seed: int) -> list[bytes]:
        http = Http(dice=random.Random(seed))
        replies = [http.error()[0] for _ in range(50)]
        return [reply.data[9:12] for reply in replies if isinstance(reply, Reply)]

    assert set(codes(1)) == {b"500", b"501", b"502", b"503"}
    assert codes(1) == codes(1)
    assert codes(1) != codes(2)


def test_nothing_is_said_before_a_request() -> None:
    """HTTP has no words for a connection that just opened."""
    assert Http().error("503", "open") == ()
    assert Http().error("", "open") == ()


def test_an_unknown_error_is_refused() -> None:
    """A kind that does not exist is named in the exception."""
    with pytest.raises(ValueError, match="http has no error named 'loading'"):
        Http().error("loading")


@pytest.mark.parametrize(
    ("method", "kind", "what", "begin"),
    [
        (b"HEAD /", "short_body", "garbage for short_body", b"\x00\xff"),
        (b"HEAD /", "broken_chunk", "garbage for broken_chunk", b"\x00\xff"),
        (b"CONNECT a:1", "short_body", "502 for short_body", b"HTTP/1.1 502 "),
        (b"CONNECT a:1", "503", "503", b"HTTP/1.1 503 "),
        (b"GET /", "short_body", "short_body", b"HTTP/1.1 200 "),
    ],
)
def test_a_broken_reply_is_broken_for_every_method(
    method: bytes, kind: str, what: str, begin: bytes
) -> None:
    """A head without its body is right for HEAD, and opens a tunnel for CONNECT."""
    http = Http()
    http.request(method + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    reply, *_ = http.error(kind)

    assert isinstance(reply, Reply)
    assert reply.what == what
    assert reply.data.startswith(begin)
