"""The header by which a proxy names the client before its first bytes.

HAProxy's PROXY protocol, versions 1 (a line of text) and 2 (binary), as proxy-protocol.txt
describes them (section 2). It is told by its first bytes, and belongs to whoever reads it: the
backend gets it as it came, once, whatever becomes of the requests behind it.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from typing import NamedTuple

V1 = b"PROXY "
V2 = b"\r\n\r\n\0\r\nQUIT\n"
LONGEST_V1 = 107
"""Bytes of the line, its end included (section 2.1)."""
SIZE_V2 = 16
"""Bytes of what says how long a binary header is (section 2.2)."""

_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) ([0-9A-Fa-f.:]+) [0-9A-Fa-f.:]+ (\d{1,5}) \d{1,5})"
    rb"\r\n"
)
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_IPV4 = struct.Struct(">4s4sH")
_IPV6 = struct.Struct(">16s16sH")


class Header(NamedTuple):
    """A header, and whom it names."""

    size: int
    """Bytes of it; 0: the bytes do not begin with one."""
    client: str = ""
    """The client as ``host:port``; empty where it does not say."""


NONE = Header(0)


def read(data: bytes) -> Header | None:
    """Read the header that ``data`` begins with; None: more bytes are needed to tell."""
    if data.startswith(V1):
        return _read_line(data)
    if data.startswith(V2):
        return _read_binary(data)
    return None if V1.startswith(data) or V2.startswith(data) else NONE


def _read_line(data: bytes) -> Header | None:
    if b"\n" not in data[:LONGEST_V1]:
        return None if len(data) < LONGEST_V1 else NONE
    line = _LINE.match(data, 0, LONGEST_V1)
    if line is None:
        return NONE  # such as a request of HTTP whose method is PROXY
    return Header(line.end(), _name(line[2].decode(), int(line[3])) if line[1] else "")


def _read_binary(data: bytes) -> Header | None:
    if len(data) < SIZE_V2:
        return None
    command, family, length = struct.unpack_from(">BBH", data, len(V2))
    if command not in (_LOCAL, _PROXY):
        return NONE
    end = SIZE_V2 + length
    if len(data) < end:
        return None
    fields = {_TCP4: _IPV4, _TCP6: _IPV6}.get(family)
    if command == _LOCAL or fields is None or length < fields.size:
        return Header(end)
    address, _, port = fields.unpack_from(data, SIZE_V2)
    return Header(end, _name(str(ipaddress.ip_address(address)), port))


def _name(host: str, port: int) -> str:
    """The address as people write it; empty when it is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
