"""HTTP/1.1: where a head ends and what it says."""

from __future__ import annotations

import httptools
import pytest

from chaostui.protocols.framing import Desync, Handover
from chaostui.protocols.http_heads import Head, describe, head_end, read_reply, read_request


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"GET / HTTP/1.1\r\nA: b\r\n\r\n\n\n", 24),
        (b"GET / HTTP/1.1\nA: b\n\n\r\n\r\n", 21),
        (b"GET / HTTP/1.1\r\nA: b\n\r\n", 23),
        (b"GET / HTTP/1.1\r\n\n", 17),
        (b"GET / HTTP/1.1\r\nA: b\r\n\r", -1),
        (b"", -1),
    ],
)
def test_a_head_ends_with_an_empty_line(data: bytes, end: int) -> None:
    """CRLF and LF may alternate (RFC 9112 section 2.2); what follows is the body."""
    assert head_end(data, 0) == end


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (b"", Head(endless=True)),
        (b"Content-Length: 5\n", Head(length=5)),
        (b"Transfer-Encoding: gzip, chunked\r\n", Head(chunked=True)),
        (b"Expect: 100-continue\r\nContent-Length: 5\r\n", Head(length=5, expects=True)),
        (b"Expect: 100-continue\r\n", Head(endless=True)),
    ],
)
def test_a_head_says_how_long_its_message_is(fields: bytes, said: Head) -> None:
    """And whether the body waits."""
    head = read_request(b"BAN /a HTTP/1.1\r\n" + fields + b"\r\n")
    assert head.request is not None
    assert head._replace(request=None) == said


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nA\r\n\r\n",
        b"BAN  / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_servers_read_differently_is_refused(head: bytes) -> None:
    """With any method."""
    for method in (b"GET", b"X-OWN"):
        with pytest.raises((Desync, httptools.HttpParserError, ValueError)):
            read_request(head.replace(b"GET", method))


def test_http_2_belongs_to_somebody_else() -> None:
    """Its preface says so by itself."""
    with pytest.raises(Handover, match="HTTP/2"):
        read_request(b"PRI * HTTP/2.0\r\n\r\n")


def test_a_reply_says_its_status() -> None:
    """Whichever way its lines end."""
    for end in (b"\r\n", b"\n"):
        head = end.join([b"HTTP/1.1 404 Not Found", b"Content-Length: 3", b"", b""])
        assert read_reply(head) == Head(status=404, length=3)


def test_a_request_is_named_without_its_secrets() -> None:
    """By method and path; queries and passwords stay out of sight."""
    request = describe(b"BAN", b"http://user:pass@host/caf\xc3\xa9?token=1", b"")
    assert (request.name, request.key) == ("BAN http://host/café?…", "http://host/café")
