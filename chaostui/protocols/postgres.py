"""postgres: units of work up to Sync, and the errors of a server in trouble.

Inside a transaction the server must know of an error, or its transaction goes on as if
nothing had happened. So there the request is replaced by one that has the server raise the
error itself; the client gets that, and 25P02 until it rolls back, as it would in earnest. A
request that ends the transaction is replaced by a rollback: it is over, whatever is said of it.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Phase, Request
from chaostui.protocols import postgres_errors as errors
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.postgres_messages import FAILED, LOGINS, SYNC, Session, Unit
from chaostui.protocols.postgres_replies import ERROR, Replies
from chaostui.protocols.postgres_requests import COPY, Requests

ENDING = re.compile(
    r"(?:COMMIT|END|ABORT|ROLLBACK|PREPARE\s+TRANSACTION)\b"
    r"(?!(?:\s+(?:WORK|TRANSACTION))?\s+(?:TO|PREPARED)\b)",
    re.IGNORECASE,
)
"""Statements that end a transaction; going back to a savepoint does not."""
PARSED, BOUND, CLOSED, COMPLETE = b"123C"
"""Types of what answers Parse, Bind, Close, and a statement that has worked."""


class Postgres(Framed):
    """PostgreSQL 7.4 and later (protocol 3), and what speaks like it."""

    name = "postgres"
    ports = (5432,)
    example = "psql -h {host} -p {port}"
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
        error = errors.ERRORS[kind]
        if request is not None and request.tag:
            return (Send(request.tag),)  # nobody waits for an answer, but the server must know
        unit = request if isinstance(request, Unit) else Unit("")
        if unit.kind == SYNC and unit.whole:
            return (Send(errors.SYNC),)  # it asks for nothing that could fail
        return self._told(error, unit) if self.session.ready else self._refused(error, unit)

    def _refused(self, error: errors.Error, unit: Unit) -> tuple[Action, ...]:
        """Have a login fail, if it can."""
        session = self.session
        if error.severity == "ERROR" and unit.raw:
            return (Send(unit.raw),)  # nobody hears of a deadlock before there is a session
        if session.starting and session.tls:
            return (Send(session.asked),)  # it can be told as soon as TLS is there, or refused
        if session.starting:
            # An error in place of this byte breaks the client: refuse encryption first.
            session.asking -= 1
            return (Reply(b"N"),)
        return Reply(errors.at_login(error)), Close()

    def _told(self, error: errors.Error, unit: Unit) -> tuple[Action, ...]:
        """Have a statement fail, with what a server says to it."""
        kind, status = error.name, self.session.status
        if unit.kind in COPY:
            error = errors.while_copying(error)
        else:
            inside = status == b"T"
            error = errors.nearest(error, unit.command, unit.name, in_transaction=inside)
        what = errors.said(error, kind)
        if error.severity != "ERROR":
            return Reply(errors.response(error), what), Close()
        if status == b"E" and not ENDING.match(unit.name):
            what = f"failed transaction for {kind}"  # the server says just that
        return (replace(self._failing(error, unit), what=what),)

    def opens(self, request: Request | None) -> bool:
        known = not isinstance(request, Unit) or request.opens
        return known and super().opens(request)

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        asked = frame.request
        secret = not self.session.ready if asked is None else asked.command == "PASSWORD"
        return masked(frame.data, 5 if frame.first else 0) if upstream and secret else frame.data

    @property
    def promised(self) -> bool:
        return any(isinstance(each, Unit) and each.swaps for each in self.waiting)

    def _failing(self, error: errors.Error, unit: Unit) -> Reply | Send:
        """Answer a unit with ``error``, or have the server do so."""
        if unit.kind in COPY:
            return self._copying(error, unit)
        idle = self.session.status == b"I" and not self._pipelined(unit)
        ends = not idle and ENDING.match(unit.name) is not None
        if unit.owed is not None:
            unit.owed = FAILED
            first = errors.rolling_back(b"") if ends else b""
            unit.swaps = {PARSED: b"", BOUND: b"", COMPLETE: b""} if ends else unit.swaps
            return Send(first + errors.raising_unit(error, errors.FLUSH))
        if ends:
            unit.swaps = {PARSED: b"", BOUND: b"", COMPLETE: errors.response(error)}
            return Send(errors.rolling_back(errors.SYNC))
        if not unit.whole:
            return Send(errors.raising_unit(error, errors.SYNC))
        if not idle:
            return Send(errors.raising(error))
        if unit.unnamed:
            # What it was before, a failed Parse has ended, and a Bind behind it must not find it.
            unit.swaps = {CLOSED: errors.response(error)}
            return Send(errors.FORGET)
        return Reply(errors.response(error) + errors.ready(b"I"))

    def _copying(self, error: errors.Error, unit: Unit) -> Send:
        """Give up a COPY; the server ends it with an error that tells only that."""
        if self.waiting and isinstance(copy := self.waiting[0], Unit):
            copy.swaps = {ERROR: errors.response(error)}
        return Send(errors.copy_fail(error) + (errors.SYNC if unit.synced else b""))

    def _pipelined(self, unit: Unit) -> bool:
        """Whether replies are due before this one: they may begin or end a transaction."""
        return bool(self.waiting) and self.waiting[0] is not unit
