"""Makes handlers as the engine does, and asks them what they would do."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from chaostui.actions import Action, Reply
from chaostui.handler import Context, Direction, Handler
from chaostui.protocol import Frame, Kind, Phase, Protocol, Request

DATA = b"PING\r\n"
WHOLE = Frame(DATA)
HEAD, TAIL = Frame(b"PI", last=False), Frame(b"NG\r\n", first=False)


class Chatty(Protocol):
    """A protocol with two errors, one of which can also stand instead of a connection."""

    name = "chatty"
    framed = True
    kinds = (Kind("busy", "try again", ("open", "request"), default=True), Kind("no", "never"))

    def error(
        self, kind: str = "", phase: Phase = "request", request: Request | None = None
    ) -> tuple[Action, ...]:
        """Say the kind, the phase and the request's name."""
        return (Reply(f"{kind or 'busy'} {phase} {request.name if request else '-'}".encode()),)


def made(
    kind: type[Handler],
    direction: Direction = "upstream",
    /,
    *,
    speaks: Protocol | None = None,
    shared: dict[str, Any] | None = None,
    request: Request | None = None,
    **options: Any,
) -> Any:
    """Make a handler for one direction of one connection, its dice always the same."""
    context = Context(
        direction=direction,
        protocol=speaks or Protocol(),
        dice=random.Random(7),
        shared={} if shared is None else shared,
        request=request,
    )
    return kind(kind.Options(**options), context)


def asked(actions: Iterable[Action]) -> list[Action]:
    """Everything that a handler yields."""
    return list(actions)
