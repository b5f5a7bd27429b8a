"""What memcached says where (doc/protocol.txt "Error strings", proto_text.c, proto_bin.c 1.6).

Not every command can be answered with every error: where the server never says one, the
nearest that it does say there takes its place, and is named beside the kind that was asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from chaostui.protocols import memcached_binary as binary

STORES = frozenset(["set", "add", "replace", "append", "prepend", "cas"])
READS = frozenset(["get", "gets", "gat", "gats"])
COUNTS = frozenset(["incr", "decr", "increment", "decrement"])
KEYED = frozenset(["delete", "touch", *COUNTS])
META = frozenset(["mg", "me", "ms", "md", "ma"])
LARGE = STORES | {"ms"}
"""Commands that bring a value."""

TEXTS = {
    "out_of_memory": "SERVER_ERROR out of memory",
    "server_error": "SERVER_ERROR internal error",
    "busy": "SERVER_ERROR busy",
    "temporary_failure": "SERVER_ERROR temporary failure",
    "too_large": "SERVER_ERROR object too large for cache",
    "client_error": "CLIENT_ERROR bad command line format",
    "error": "ERROR",
    "not_stored": "NOT_STORED",
    "exists": "EXISTS",
    "miss": "NOT_FOUND",
    "too_many_connections": "ERROR Too many open connections",
}
_STORING = "SERVER_ERROR out of memory storing object"
_READING = "SERVER_ERROR out of memory writing get response"
_CHUNK = "CLIENT_ERROR bad data chunk"
_TIME = "CLIENT_ERROR invalid exptime argument"
_NUMBER = "CLIENT_ERROR cannot increment or decrement non-numeric value"
SAID = {
    **{(command, "out_of_memory"): _STORING for command in LARGE},
    **{(command, "out_of_memory"): _READING for command in (*READS, "mg")},
    ("stats", "out_of_memory"): "SERVER_ERROR out of memory writing stats",
    **{(command, "client_error"): _CHUNK for command in LARGE},
    **{(command, "client_error"): _TIME for command in ("touch", "gat", "gats")},
    **{(command, "client_error"): _NUMBER for command in ("incr", "decr")},
    ("delete", "client_error"): (
        "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]"
    ),
    **{(command, "miss"): "END" for command in READS},
    **{(command, "miss"): "EN" for command in ("mg", "me")},
    **{(command, "miss"): "NF" for command in ("ms", "md", "ma")},
    **{(command, "not_stored"): "NS" for command in ("ms", "ma")},
}
"""What certain commands are told in other words."""

SILENT = frozenset([("mg", "miss"), ("md", "miss"), ("ma", "miss")])
"""What a quiet meta command is not told at all."""
SILENT_READS = frozenset(["getq", "getkq", "gatq", "gatkq"])
"""The binary operations that say nothing of a miss."""


class Said(NamedTuple):
    """An error as it is said to one command."""

    data: bytes
    what: str
    """Its kind; where another took its place, both."""
    silent: bool = False
    """It shows in that nothing is said."""


def text(kind: str, command: str, *, quiet: bool) -> Said:
    """The line that answers a classic or meta command."""
    said = _nearest(kind, command)
    line = SAID.get((command, said), TEXTS[said])
    silent = quiet and (command, said) in SILENT
    return Said(f"{line}\r\n".encode(), _named(said, kind), silent)


def packet(kind: str, command: str, tag: bytes) -> Said:
    """The packet that answers a binary operation, whose opcode and opaque are ``tag``."""
    plain = command.removesuffix("q").removesuffix("k")
    said = _nearest_status(kind, plain)
    silent = said == "miss" and command in SILENT_READS
    return Said(binary.refusal(said, tag), _named(said, kind), silent)


def _named(said: str, kind: str) -> str:
    return kind if said == kind else f"{said} for {kind}"


def _nearest(kind: str, command: str) -> str:
    """The kind that a text command is answered with where ``kind`` is meant."""
    if kind == "too_large" and command not in LARGE:
        return "client_error"
    if kind not in ("miss", "not_stored"):
        return kind
    if command == "cas":
        return "exists" if kind == "not_stored" else kind
    if command in STORES:
        return "not_stored"
    if command in ("md", "mg", "me", *READS, *KEYED):
        return "miss"
    return kind if command in META else "error"


def _nearest_status(kind: str, command: str) -> str:
    """The same of a binary operation."""
    if kind == "too_large" and command not in STORES:
        return "client_error"
    if kind == "client_error" and command in COUNTS:
        return "not_numeric"
    if kind not in ("miss", "not_stored"):
        return kind
    if command == "add":
        return "exists"
    if command in ("append", "prepend"):
        return "not_stored"
    if command == "set" or command in COUNTS:
        return kind
    return "miss" if command in ("get", "gat", "stat", "replace", *KEYED) else "error"
