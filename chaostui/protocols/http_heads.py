"""The heads of HTTP/1.1 messages: what they say of their messages (RFC 9110, RFC 9112 s2 to s6).

llhttp reads them. What it refuses and RFC 9110 and 9112 allow a recipient to take is shown to it
in the usual form once more: methods of one's own, lines that end in LF alone (s2.2), and bytes
beyond ASCII in a target, which common servers take. What is still refused (obs-fold,
Content-Length beside Transfer-Encoding) is read differently by different servers, so from there
on nothing is claimed about the bytes.
"""

from __future__ import annotations

import contextlib
import functools
import re
from typing import NamedTuple

import httptools

from chaostui.protocol import Request
from chaostui.protocols.framing import Desync, Handover

FIELD = re.compile(
    rb"\n(content-length|transfer-encoding|connection|expect):[ \t]*([^\r\n]*)", re.IGNORECASE
)
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"
"""A method (RFC 9110 s5.6.2, s9.1), of a length that nobody exceeds."""
REQUEST_LINE = re.compile(TOKEN + rb"(?:\Z| (?:[^\r\n]*(?:\r?\Z| HTTP/1\.[01]\r?(?:\Z|\n))))")
"""The beginning of a request's head, as far as it is there."""
WHOLE_LINE = re.compile(TOKEN + rb" [^ \r\n]+ HTTP/1\.[01]\r?\n")
LINE_END = re.compile(rb"\r?\n")
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
USERINFO = re.compile(rb"^([a-z]+://)[^/]*@")
VERSION = b"HTTP/1."
HTTP2 = b"PRI * HTTP/2.0"
CRLF = b"\r\n"
LONGEST_NAME = 120


class Expecting(Request):
    """A request whose body comes when it is asked for (``Expect: 100-continue``, s10.1.1)."""

    refused = False
    """It was answered without that: the client may never send it."""


class Head(NamedTuple):
    """What a head says of its message: how long it is, and what it asks or answers."""

    request: Request | None = None
    status: int = 0
    length: int = 0
    chunked: bool = False
    endless: bool = False
    """Nothing says how long it is: a reply then lasts until the connection ends."""
    expects: bool = False
    """The body may wait until it is asked for."""


NOTHING = Head()


class NoCallbacks:
    """llhttp then only checks, which is what makes it cheap."""


NO_CALLBACKS = NoCallbacks()


def head_end(data: bytes, pos: int) -> int:
    """Where the head that begins at ``pos``, empty lines not counted, ends; -1: it does not."""
    end = data.find(b"\n\r\n", pos)
    short = data.find(b"\n\n", pos, len(data) if end < 0 else end + 1)
    if short >= 0:
        return short + 2
    return -1 if end < 0 else end + 3


def check_request(head: bytes) -> None:
    """Have llhttp check a request's head. Raises HttpParserError."""
    # The reply's status will say whether an upgrade is granted.
    with contextlib.suppress(httptools.HttpParserUpgrade):
        httptools.HttpRequestParser(NO_CALLBACKS).feed_data(head)


def usual(head: bytes) -> bytes:
    """A request's head with the lines, and the first of them, as llhttp takes them."""
    lines = LINE_END.split(head.lstrip(CRLF))
    method, target, version = lines[0].split(b" ", 2)
    known = method if method == b"CONNECT" else b"GET"
    lines[0] = b" ".join((known, BEYOND_ASCII.sub(b"x", target), version))
    return CRLF.join(lines)


def read_request(head: bytes) -> Head:
    """Read a request's head. Raises Desync, HttpParserError or ValueError."""
    line = LINE_END.split(head.lstrip(CRLF), 1)[0]
    if line == HTTP2:
        raise Handover("HTTP/2")
    method, target, version = line.split(b" ", 2)
    if not version.startswith(VERSION):
        raise Desync(version.decode("ascii", "backslashreplace"))
    try:
        check_request(head)
    except httptools.HttpParserError:
        if not WHOLE_LINE.match(line + CRLF):
            raise
        check_request(usual(head))
    fields = read_fields(head)
    options = fields.get(b"connection", b"")
    old = version == b"HTTP/1.0"
    once = b"close" in options or (old and b"keep-alive" not in options)
    found = size(fields)._replace(request=describe(method, target, b"close" if once else b""))
    expects = b"100-continue" in fields.get(b"expect", b"") and not old
    return found._replace(expects=expects and bool(found.length or found.chunked))


def read_reply(head: bytes) -> Head:
    """Read a reply's head. Raises HttpParserError or ValueError."""
    if head[9:12] == b"101":
        return Head(status=101)
    parser = httptools.HttpResponseParser(NO_CALLBACKS)
    parser.feed_data(head if head.count(b"\n") == head.count(CRLF) else LINE_END.sub(CRLF, head))
    return size(read_fields(head))._replace(status=parser.get_status_code())


def read_fields(head: bytes) -> dict[bytes, bytes]:
    """The fields that decide where a message ends, names and values in lower case."""
    found: dict[bytes, bytes] = {}
    for name, value in FIELD.findall(head):
        known = found.get(name.lower())
        found[name.lower()] = value.lower() if known is None else known + b"," + value.lower()
    return found


read_request_once = functools.lru_cache(maxsize=256)(read_request)
read_reply_once = functools.lru_cache(maxsize=256)(read_reply)


def size(fields: dict[bytes, bytes]) -> Head:
    """How long a message with these fields is (s6.3)."""
    if b"transfer-encoding" in fields:
        chunked = fields[b"transfer-encoding"].endswith(b"chunked")
        return Head(chunked=chunked, endless=not chunked)
    if b"content-length" in fields:
        return Head(length=int(fields[b"content-length"]))
    return Head(endless=True)


def describe(method: bytes, target: bytes, tag: bytes) -> Request:
    """Name a request by method and path: queries and passwords stay out of sight."""
    path, query, _ = target.partition(b"?")
    path = USERINFO.sub(rb"\1", path)
    command = method.decode("ascii", "backslashreplace")
    key = path[:LONGEST_NAME].decode("utf-8", "backslashreplace")
    more = "?…" if query else "…" if len(path) > LONGEST_NAME else ""
    return Request(f"{command} {key}{more}", command, key, tag)
