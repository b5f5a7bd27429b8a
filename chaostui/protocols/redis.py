"""redis: RESP2 and RESP3; errors are Redis's own, transactions and cluster redirects included."""

from __future__ import annotations

import binascii
import re

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Request
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.redis_messages import EXEC, QUEUED, Commands, Guarded, Replies

ERRORS = (
    (
        Kind("loading", "it restarts and reads its data", default=True),
        "LOADING Redis is loading the dataset in memory",
    ),
    (
        Kind("busy", "a script runs too long", default=True),
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    ),
    (
        Kind("oom", "its memory is full", default=True),
        "OOM command not allowed when used memory > 'maxmemory'.",
    ),
    (
        Kind("max_clients", "too many clients, then the end", phases=("open",), default=True),
        "ERR max number of clients reached",
    ),
    (
        Kind("readonly", "a replica after a failover"),
        "READONLY You can't write against a read only replica.",
    ),
    (
        Kind("masterdown", "a replica without its master"),
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    ),
    (
        Kind("misconf", "its disk refuses snapshots"),
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
        "to disk. Commands that may modify the data set are disabled, because this instance is "
        "configured to report errors during writes if RDB snapshotting fails "
        "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
        "RDB error.",
    ),
    (Kind("noauth", "a password is missing"), "NOAUTH Authentication required."),
    (
        Kind("noreplicas", "too few replicas for a write"),
        "NOREPLICAS Not enough good replicas to write.",
    ),
    (Kind("moved", "the key's slot is elsewhere"), "MOVED {slot} {backend}"),
    (Kind("ask", "the key's slot is on its way"), "ASK {slot} {backend}"),
    (
        Kind("tryagain", "the keys' slot is on its way"),
        "TRYAGAIN Multiple keys request during rehashing of slot",
    ),
    (Kind("clusterdown", "the cluster has no quorum"), "CLUSTERDOWN The cluster is down"),
    (Kind("err", "an error without a name of its own"), "ERR internal error"),
)
TEXTS = {kind.name: text for kind, text in ERRORS}

UNKNOWN = b"*1\r\n$8\r\nCHAOSTUI\r\n"
"""A command that no server knows: inside MULTI it spoils the transaction."""
DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"
GRANTED = {"MULTI": b"*1\r\n$5\r\nMULTI\r\n", "DISCARD": DISCARD}
"""What Redis grants in any trouble: refused here, client and server would disagree on it."""


SECRET_AFTER = {
    ("AUTH", ""): 1,
    ("MIGRATE", ""): 1,
    ("HELLO", ""): 2,
    ("ACL", "SETUSER"): 2,
    ("CONFIG", "SET"): 2,
    ("SENTINEL", "SET"): 2,
    ("SENTINEL", "CONFIG"): 2,
}
"""Commands with passwords among their arguments, and how many of their words can be shown."""


class Redis(Framed):
    """Redis, Valkey and what else speaks RESP, pub/sub included, until MONITOR or SYNC."""

    name = "redis"
    requests = Commands
    replies = Replies
    kinds = tuple(kind for kind, _ in ERRORS)
    upstream: Commands
    downstream: Replies

    def reply(self, data: bytes) -> list[Frame]:
        self.runs = self.runs and not self.upstream.streamed
        return super().reply(data)

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        asked = frame.request
        if isinstance(asked, Guarded) and not upstream:
            return masked(frame.data, 0)
        if not upstream or asked is None:
            return frame.data
        for key in ("", asked.key.upper()):
            words = SECRET_AFTER.get((asked.command, key))
            if words is not None:
                return masked(frame.data, after_words(frame.data, words) if frame.first else 0)
        return frame.data

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        key = request.key if request is not None else ""
        text = TEXTS[kind].format(slot=slot(key), backend=self.backend or "127.0.0.1:6379")
        if kind == "max_clients":
            return (Reply(f"-{text}\r\n".encode()), Close())
        if request is not None and request.command in GRANTED:
            return (Send(GRANTED[request.command]),)
        if request is not None and request.tag in (QUEUED, EXEC):
            return (Send(self._in_transaction(request, text)),)
        return (Reply(f"-{text}\r\n".encode()),)

    def _in_transaction(self, request: Request, text: str) -> bytes:
        """What to ask the server, so that the transaction fails there too."""
        if request.tag == EXEC:
            text = f"EXECABORT Transaction discarded because of: {text}"
        self.downstream.replaced.append((request, f"-{text}\r\n".encode()))
        return DISCARD if request.tag == EXEC else UNKNOWN


def after_words(data: bytes, count: int) -> int:
    """Where the first ``count`` words of the command at the begin of ``data`` end."""
    words = (rb"[^\n]*\n" * (1 + 2 * count)) if data[:1] == b"*" else (rb"\s*\S+" * count)
    found = re.match(words, data)
    return found.end() if found else len(data)


def slot(key: str) -> int:
    """The cluster's slot of ``key``: CRC16 of its hash tag (Redis cluster specification)."""
    start = key.find("{") + 1
    end = key.find("}", start) if start else -1
    hashed = key[start:end] if end > start else key
    return binascii.crc_hqx(hashed.encode("utf-8", "backslashreplace"), 0) % 16384
