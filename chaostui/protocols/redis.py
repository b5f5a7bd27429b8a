"""redis: RESP2 and RESP3; errors are Redis's own, transactions and cluster redirects included."""

from __future__ import annotations

import binascii
import re

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Request
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.redis_errors import ERRORS, TEXTS, nearest
from chaostui.protocols.redis_messages import (
    EXEC,
    PRIMED,
    QUEUED,
    REPLY,
    Commands,
    Guarded,
    Replies,
)

UNKNOWN = b"*1\r\n$8\r\nCHAOSTUI\r\n"
"""A command that no server knows: inside MULTI it spoils the transaction, and elsewhere it uses
up what the command before has said of the next one."""
DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"
GRANTED = frozenset(["MULTI", "DISCARD", "RESET", "QUIT"])
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
    ports = (6379,)
    example = "redis-cli -h {host} -p {port}"
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

    @property
    def promised(self) -> bool:
        return bool(self.downstream.replaced)

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        said = nearest(kind, request.command if request is not None else "")
        what = kind if said == kind else f"{said} for {kind}"
        key = request.key if request is not None else ""
        text = TEXTS[said].format(slot=slot(key), backend=self.backend or "127.0.0.1:6379")
        if kind == "max_clients":
            return (Reply(f"-{text}\r\n".encode()), Close())
        if request is not None and (request.command in GRANTED or request.tag.startswith(REPLY)):
            return (Send(granted(request)),)
        if request is not None and request.tag in (QUEUED, EXEC, PRIMED):
            return (Send(self._asked_instead(request, text), what=what),)
        return (Reply(f"-{text}\r\n".encode(), what),)

    def _asked_instead(self, request: Request, text: str) -> bytes:
        """What to ask the server, so that it fails there too, or is over there."""
        if request.tag == EXEC:
            text = f"EXECABORT Transaction discarded because of: {text}"
        # One whose reply is switched off gets none here either.
        if any(each is request for each in self.waiting):
            self.downstream.replaced.append((request, f"-{text}\r\n".encode()))
        return DISCARD if request.tag == EXEC else UNKNOWN


def granted(request: Request) -> bytes:
    """A command that passes as it is."""
    named = request.tag if request.tag.startswith(REPLY) else request.command.encode()
    words = [b"$%d\r\n%s\r\n" % (len(word), word) for word in named.split()]
    return b"*%d\r\n" % len(words) + b"".join(words)


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
