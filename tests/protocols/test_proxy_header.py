"""The PROXY header: found, passed on as it came, and no request of anybody's."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given

from chaostui import registry
from chaostui.protocols.framing import Framed
from chaostui.protocols.http import Http
from chaostui.protocols.proxy_header import NONE, V2, Header, read
from chaostui.protocols.tcp import Tcp
from tests.protocols.chunking import Turn, cuts, joined, thorough

LINE = b"PROXY TCP4 10.1.2.3 10.0.0.1 51234 80\r\n"
LINE6 = b"PROXY TCP6 2001:db8::1 ::1 51234 80\r\n"


def binary(
    client: str, port: int, *, command: int = 0x21, more: bytes = b"", family: int = 0
) -> bytes:
    """A header of version 2."""
    kind = socket.AF_INET6 if ":" in client else socket.AF_INET
    address = socket.inet_pton(kind, client)
    fields = address + address + struct.pack(">HH", port, 80) + more
    told = family or (0x21 if kind == socket.AF_INET6 else 0x11)
    return V2 + struct.pack(">BBH", command, told, len(fields)) + fields


HEADERS = [
    (LINE, "10.1.2.3:51234"),
    (LINE6, "[2001:db8::1]:51234"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""),
    (binary("10.1.2.3", 51234), "10.1.2.3:51234"),
    (binary("2001:db8::1", 51234), "[2001:db8::1]:51234"),
    (binary("10.1.2.3", 1, command=0x20), ""),
    (binary("10.1.2.3", 9, more=b"\x01\x00\x02h2" + b"\x04\x00\x05" + bytes(5)), "10.1.2.3:9"),
    (V2 + b"\x21\x31" + struct.pack(">H", 216) + b"/a".ljust(216, b"\0"), ""),
    (V2 + b"\x20\x00\x00\x00", ""),
    (V2 + b"\x21\x11\x00\x00", ""),
]
PROTOCOLS = sorted(
    {protocol for protocol in registry.builtin().protocols.values() if protocol.framed},
    key=lambda protocol: protocol.name,
)


@pytest.mark.parametrize(("header", "client"), HEADERS)
def test_a_header_is_as_long_as_it_says(header: bytes, client: str) -> None:
    """Whatever comes behind it; before its end nothing can be told."""
    assert read(header + b"GET") == Header(len(header), client)
    for end in range(len(header)):
        assert read(header[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY / HTTP/1.1\r\n",
        b"PROXY TCP4 10.1.2.3\r\n",
        b"PROXY " + b"x" * 200,
        b"PROXI",
        b"\r\n\r\nGET",
        V2 + b"\x11\x11\x00\x0c" + bytes(12),
        V2 + b"\x22\x11\x00\x0c" + bytes(12),
    ],
)
def test_what_is_no_header_belongs_to_the_protocol(data: bytes) -> None:
    """A request of HTTP's whose method is PROXY, or a version that does not exist."""
    assert read(data) == NONE


@pytest.mark.parametrize("header", [header for header, _ in HEADERS])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_passes_it_on_before_its_own_bytes(
    protocol: type[Framed], header: bytes
) -> None:
    """In one frame of its own; what follows is read as if it had not been there."""
    told = protocol()
    [frame] = told.request(header)
    assert (frame.data, frame.header, frame.first, frame.reply) == (header, True, False, False)
    assert not told.opaque
    assert len(told.waiting) == len(protocol().waiting)


def test_the_client_is_known_by_it() -> None:
    """The one whom the proxy before this one has accepted."""
    http = Http()
    assert [frame.header for frame in http.request(LINE + b"GET / HTTP/1.1\r\n\r\n")] == [
        True,
        False,
    ]
    assert http.client == "10.1.2.3:51234"


def test_plain_tcp_knows_the_client_too() -> None:
    """And what stands behind the header."""
    tcp = Tcp()
    assert tcp.first(LINE + b"\x16\x03\x01") == "TLS"
    assert tcp.client == "10.1.2.3:51234"


def test_tls_may_begin_behind_it() -> None:
    """It is told as ever."""
    http = Http()
    http.request(LINE + b"\x16\x03\x01")
    assert http.opaque == "TLS"


@pytest.mark.parametrize("protocol", [Http, Tcp])
def test_it_can_be_switched_off(protocol: type[Http]) -> None:
    """Then it is taken for the protocol's own."""
    told = protocol(proxy_protocol=False)
    told.request(LINE)
    told.first(LINE)
    assert not told.client


def test_a_beginning_that_never_ends_is_passed_on() -> None:
    """A FIN in the middle of it loses nothing."""
    http = Http()
    assert http.request(LINE[:9]) == []
    assert joined(http.request_end()) == LINE[:9]


REQUEST: list[Turn] = [("client", HEADERS[7][0] + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")]


@thorough
@given(cuts(REQUEST))
def test_chunks_do_not_change_it(turns: list[Turn]) -> None:
    """One header and one request come out wherever the bytes are cut."""
    http = Http()
    frames = [frame for _, data in turns for frame in http.request(data)]

    assert joined(frames) == REQUEST[0][1]
    assert [frame.header for frame in frames if frame.header or frame.first] == [True, False]
    assert http.client == "10.1.2.3:9"
