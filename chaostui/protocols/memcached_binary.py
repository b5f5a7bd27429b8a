"""memcached's binary packets: a header of 24 bytes, then extras, key and value by its lengths."""

from __future__ import annotations

import struct
from typing import NamedTuple

REQUEST, RESPONSE = 0x80, 0x81
NOOP, STAT = 0x0A, 0x10
LONGEST_KEY = 250

_NAMES = (
    "get set add replace delete increment decrement quit flush getq noop version getk getkq append"
    " prepend stat setq addq replaceq deleteq incrementq decrementq quitq flushq appendq prependq"
    " verbosity touch gat gatq - sasl_list_mechs sasl_auth sasl_step gatk gatkq"
)
OPCODES = dict(enumerate(_NAMES.split()))
QUIET = frozenset(code for code, name in OPCODES.items() if name.endswith("q"))
"""Operations that are answered only where there is something to say."""

STATUSES = {
    "out_of_memory": (0x82, b"Out of memory allocating item"),
    "server_error": (0x84, b"Internal error"),
    "busy": (0x85, b"Busy"),
    "temporary_failure": (0x86, b"Temporary failure"),
    "too_large": (0x03, b"Too large."),
    "client_error": (0x04, b"Invalid arguments"),
    "error": (0x81, b"Unknown command"),
    "not_stored": (0x05, b"Not stored."),
    "not_numeric": (0x06, b"Non-numeric server-side value for incr or decr"),
    "exists": (0x02, b"Data exists for key."),
    "miss": (0x01, b"Not found"),
}

_HEADER = struct.Struct(">BBHBxHI4s8x")
SIZE = _HEADER.size


class Header(NamedTuple):
    """The fields that say what a packet is; ``status`` is a request's vbucket."""

    magic: int
    opcode: int
    key: int
    extras: int
    status: int
    body: int
    opaque: bytes


def header(data: bytes, pos: int) -> Header | None:
    """Read the header at ``pos``; None when more bytes are needed."""
    if len(data) - pos < SIZE:
        return None
    return Header._make(_HEADER.unpack_from(data, pos))


def refusal(kind: str, tag: bytes) -> bytes:
    """Answer the request whose opcode and opaque are ``tag`` with an error."""
    status, text = STATUSES[kind]
    return _HEADER.pack(RESPONSE, tag[0], 0, 0, status, len(text), tag[1:]) + text


def noop(tag: bytes) -> bytes:
    """Ask for nothing, with the opaque of ``tag``: the answer says that all before has come."""
    return _HEADER.pack(REQUEST, NOOP, 0, 0, 0, 0, tag[1:])
