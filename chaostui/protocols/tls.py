"""What a TLS connection shows of itself before it is encrypted, and how it is kept from it."""

from __future__ import annotations

import re

HANDSHAKE = b"\x16"
"""The type of the record that TLS begins with."""

_HELLO = re.compile(
    rb"\x16\x03.{3}\x01.{3}\x03.{33}",  # record, message, version, random
    re.DOTALL,
)
_HOST = re.compile(rb"[A-Za-z0-9._-]{1,253}")
SERVER_NAME = 0


def reason(hello: bytes) -> str:
    """Say that a connection is TLS, and which server it asks for, if ``hello`` tells."""
    name = server_name(hello)
    return f"TLS, SNI {name}" if name else "TLS"


def server_name(hello: bytes) -> str:
    """The server's name in the first bytes of a ClientHello (RFC 8446 4.1.2, RFC 6066 3).

    Empty where there is none, or it does not come within these bytes.
    """
    head = _HELLO.match(hello)
    if head is None:
        return ""
    at = head.end()
    for width in (1, 2, 1):  # session id, cipher suites, compression methods
        at += width + int.from_bytes(hello[at : at + width])
    at += 2
    while len(hello) - at >= 4:
        kind, size = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        at += 4
        if kind == SERVER_NAME:
            found = _HOST.fullmatch(hello[at + 5 : at + size])
            return found[0].decode() if found and at + size <= len(hello) else ""
        at += size
    return ""
