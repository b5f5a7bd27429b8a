"""memcached: classic, meta and binary commands; errors come in the words the client speaks."""

from __future__ import annotations

import random
from collections import deque
from typing import Any, cast

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Request
from chaostui.protocols import memcached_binary as binary, memcached_errors as errors
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.memcached_messages import Command, Commands, Fence, Login, Replies, Session


class Memcached(Framed):
    """memcached as text or binary, found out by the first byte of each command."""

    name = "memcached"
    ports = (11211,)
    example = "memcstat --servers={listen}"
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

    upstream: Commands
    downstream: Replies

    def __init__(
        self, backend: str = "", dice: random.Random | None = None, **options: Any
    ) -> None:
        super().__init__(backend, dice, **options)
        self.session = self.upstream.session = self.downstream.session = Session()

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        asked = frame.request
        if not upstream or asked is None:
            return frame.data
        if isinstance(asked, Login):
            return masked(frame.data, frame.data.find(b"\n") + 1 if frame.first else 0)
        if asked.command not in ("sasl_auth", "sasl_step"):
            return frame.data
        return masked(frame.data, binary.SIZE if frame.first else 0)

    @property
    def promised(self) -> bool:
        waiting = cast("deque[Command]", self.waiting)
        return bool(self.session.fences) or any(each.instead is not None for each in waiting)

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        if kind == "too_many_connections":
            return (Reply(f"{errors.TEXTS[kind]}\r\n".encode()), Close())
        command = request.command if request is not None else ""
        quiet = isinstance(request, Command) and request.quiet
        if request is not None and request.tag:
            said = errors.packet(kind, command, request.tag)
        else:
            said = errors.text(kind, command, quiet=quiet)
        if not isinstance(request, Command) or not (request.quiet or request.behind):
            return (Reply(said.data, said.what),)
        if request.quiet and said.silent:
            return (Send(b"", what=said.what),)
        if request.quiet:
            self.session.fences.append(Fence(request.number, said.data))
        else:
            request.instead = said.data
        nothing = binary.noop(request.tag) if request.tag else b"mn\r\n"
        return (Send(nothing, what=said.what, instead=True),)
