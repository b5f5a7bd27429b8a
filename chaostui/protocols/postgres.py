"""postgres: units of work up to Sync, and the errors of a server in trouble.

Inside a transaction the server must know of an error, or its transaction goes on as if
nothing had happened. So there the request is replaced by one that has the server raise the
error itself; the client gets that, and 25P02 until it rolls back, as it would in earnest.
"""

from __future__ import annotations

import random
from typing import Any

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Phase, Request
from chaostui.protocols import postgres_errors as errors
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.postgres_messages import FAILED, LOGINS, SYNC, Session, Unit
from chaostui.protocols.postgres_replies import Replies
from chaostui.protocols.postgres_requests import COPY, Requests


class Postgres(Framed):
    """PostgreSQL 7.4 and later (protocol 3), and what speaks like it."""

    name = "postgres"
    negotiates_tls = True
    logins = LOGINS
    alpn = ("postgresql",)
    kinds = errors.KINDS
    requests = Requests
    replies = Replies
    upstream: Requests
    downstream: Replies

    def __init__(
        self, backend: str = "", dice: random.Random | None = None, **options: Any
    ) -> None:
        super().__init__(backend, dice, **options)
        self.session = self.upstream.session = self.downstream.session = Session(self.tls)

    def likely(self, phase: Phase, request: Request | None) -> list[Kind]:
        likely = errors.LIKELY if self.session.ready else errors.LOGIN
        return [kind for kind in self.kinds if errors.ERRORS[kind.name] in likely]

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        error, session = errors.ERRORS[kind], self.session
        if request is not None and request.tag:
            return (Send(request.tag),)  # nobody waits for an answer, but the server must know
        unit = request if isinstance(request, Unit) else Unit("")
        if unit.kind == SYNC and unit.whole:
            return (Send(errors.SYNC),)  # it asks for nothing that could fail
        if not session.ready and error.severity == "ERROR" and unit.raw:
            return (Send(unit.raw),)  # nobody hears of a deadlock before there is a session
        if session.starting and session.tls:
            return (Send(session.asked),)  # it can be told as soon as TLS is there, or refused
        if session.starting:
            # An error in place of this byte breaks the client: refuse encryption first.
            session.asking -= 1
            return (Reply(b"N"),)
        if not session.ready:
            return Reply(errors.at_login(error)), Close()
        if error.severity != "ERROR":
            return Reply(errors.response(error)), Close()
        return (self._failing(error, unit),)

    def opens(self, request: Request | None) -> bool:
        known = not isinstance(request, Unit) or request.opens
        return known and super().opens(request)

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        asked = frame.request
        secret = not self.session.ready if asked is None else asked.command == "PASSWORD"
        return masked(frame.data, 5 if frame.first else 0) if upstream and secret else frame.data

    def _failing(self, error: errors.Error, unit: Unit) -> Action:
        """Answer a unit with ``error``, or have the server do so."""
        if unit.kind in COPY:
            return Send(errors.copy_fail(error) + (errors.SYNC if unit.synced else b""))
        if unit.owed is not None:
            unit.owed = FAILED
            return Send(errors.raising_unit(error, errors.FLUSH))
        if not unit.whole:
            return Send(errors.raising_unit(error, errors.SYNC))
        if self.session.status == b"T" or self._pipelined(unit):
            return Send(errors.raising(error))
        return Reply(errors.response(error) + errors.ready(self.session.status))

    def _pipelined(self, unit: Unit) -> bool:
        """Whether replies are due before this one: they may begin or end a transaction."""
        return bool(self.waiting) and self.waiting[0] is not unit
