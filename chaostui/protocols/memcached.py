"""memcached: classic, meta and binary commands; errors come in the words the client speaks."""

from __future__ import annotations

from chaostui.actions import Action, Close, Reply
from chaostui.protocol import Frame, Kind, Request
from chaostui.protocols import memcached_binary as binary
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.memcached_messages import Commands, Login, Replies

TEXTS = {
    "out_of_memory": "SERVER_ERROR out of memory storing object",
    "server_error": "SERVER_ERROR internal error",
    "busy": "SERVER_ERROR busy",
    "temporary_failure": "SERVER_ERROR temporary failure",
    "too_large": "SERVER_ERROR object too large for cache",
    "client_error": "CLIENT_ERROR bad data chunk",
    "error": "ERROR",
    "not_stored": "NOT_STORED",
    "miss": "NOT_FOUND",
    "too_many_connections": "ERROR Too many open connections",
}
READS = frozenset(["get", "gets", "gat", "gats"])
READ_TEXTS = {
    "out_of_memory": "SERVER_ERROR out of memory writing get response",
    "miss": "END",
}
META_TEXTS = {
    ("mg", "miss"): "EN",
    ("me", "miss"): "EN",
    ("ms", "miss"): "NF",
    ("md", "miss"): "NF",
    ("ma", "miss"): "NF",
    ("ms", "not_stored"): "NS",
    ("md", "not_stored"): "NS",
    ("ma", "not_stored"): "NS",
}


class Memcached(Framed):
    """memcached as text or binary, found out by the first byte of each command."""

    name = "memcached"
    requests = Commands
    replies = Replies
    kinds = (
        Kind("out_of_memory", "its memory is full", default=True),
        Kind("server_error", "it fails inside", default=True),
        Kind("busy", "it cannot keep up", default=True),
        Kind("temporary_failure", "it asks to try again"),
        Kind("too_large", "the value is over its limit"),
        Kind("client_error", "it takes the command for a malformed one"),
        Kind("error", "it takes the command for an unknown one"),
        Kind("not_stored", "a write whose condition did not hold"),
        Kind("miss", "the key is not there"),
        Kind(
            "too_many_connections",
            "too many connections, then the end",
            phases=("open",),
            default=True,
        ),
    )

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        asked = frame.request
        if not upstream or asked is None:
            return frame.data
        if isinstance(asked, Login):
            return masked(frame.data, frame.data.find(b"\n") + 1 if frame.first else 0)
        if asked.command not in ("sasl_auth", "sasl_step"):
            return frame.data
        return masked(frame.data, binary.SIZE if frame.first else 0)

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        if kind == "too_many_connections":
            return (Reply(f"{TEXTS[kind]}\r\n".encode()), Close())
        if request is not None and request.tag:
            return (Reply(binary.refusal(kind, request.tag)),)
        command = request.command if request is not None else ""
        text = META_TEXTS.get((command, kind), TEXTS[kind])
        if command in READS:
            text = READ_TEXTS.get(kind, text)
        return (Reply(f"{text}\r\n".encode()),)
