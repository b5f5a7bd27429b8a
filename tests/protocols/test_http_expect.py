"""HTTP: requests whose body waits for ``100 Continue`` (RFC 9110 section 10.1.1)."""

from __future__ import annotations

import pytest

from chaostui.actions import Close, Reply
from chaostui.protocols.http import Http
from tests.protocols.chunking import joined

HEAD = b"PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
CHUNKED = (
    b"PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
)
PLAIN = b"PUT /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
GET = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSED = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("head", [HEAD, CHUNKED])
def test_a_client_that_waits_is_answered_at_once(head: bytes) -> None:
    """The body was not asked for, so where the next request begins is unknown: the end."""
    http = Http()
    [frame] = http.request(head)
    assert (frame.first, frame.last, frame.waits) == (True, False, True)

    reply, end = http.error("503", request=frame.request)
    assert isinstance(reply, Reply)
    assert reply.data.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nConnection: close\r\n" in reply.data
    assert end == Close(unread=True)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"body",
        HEAD + b"bo",
        CHUNKED + b"2\r\nbo",
        PLAIN,
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"Length: 4", b"Length: 0"),
    ],
)
def test_a_client_that_sends_its_body_does_not_wait(data: bytes) -> None:
    """Some of it is there, nothing was said of waiting, or there is none."""
    assert not any(frame.waits for frame in Http().request(data))


def test_the_body_is_asked_for_and_comes() -> None:
    """``100 Continue`` answers nothing; the request is whole after its body."""
    http = Http()
    http.request(HEAD)
    [aside] = http.reply(CONTINUE)
    assert (aside.first, aside.last) == (False, False)
    [body] = http.request(b"body")
    assert (body.first, body.last) == (False, True)
    [reply] = http.reply(OK)
    assert reply.last


@pytest.mark.parametrize("head", [HEAD, CHUNKED])
@pytest.mark.parametrize("status", [REFUSED, OK])
def test_a_body_that_was_refused_does_not_come(head: bytes, status: bytes) -> None:
    """The next request on the connection is one, as curl sends it after a 417."""
    http = Http()
    http.request(head)
    [reply] = http.reply(status)
    assert reply.last
    frames = http.request(PLAIN + b"body")

    assert [(frame.data, frame.first, frame.last) for frame in frames] == [
        (b"", False, True),
        (PLAIN + b"body", True, True),
    ]
    [reply] = http.reply(OK)
    assert reply.last
    assert http.opaque == ""


def test_a_body_that_was_refused_may_come_all_the_same() -> None:
    """Clients that do not look before they send."""
    http = Http()
    http.request(HEAD)
    http.reply(REFUSED)
    [body] = http.request(b"body")
    assert (body.first, body.last) == (False, True)
    [get] = http.request(GET)
    assert get.first


def test_no_byte_is_lost_whatever_comes_next() -> None:
    """In any pieces."""
    http = Http()
    sent = HEAD + PLAIN + b"body" + GET
    given = joined(http.request(HEAD))
    http.reply(REFUSED)
    given += joined(http.request(PLAIN + b"bo")) + joined(http.request(b"dy" + GET))
    assert given == sent
