"""mysql: commands and results of MySQL and MariaDB, and the errors of a server in trouble."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Phase, Request
from chaostui.protocols import mysql_errors as errors
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.mysql_packets import (
    COMMANDS,
    GREETING,
    IN_TRANSACTION,
    LOGINS,
    PREPARE,
    Command,
    Results,
    Session,
)
from chaostui.protocols.mysql_replies import Replies
from chaostui.protocols.mysql_requests import Requests
from chaostui.protocols.mysql_tls import SecuredReplies, SecuredRequests

SECRET_AFTER = {"LOGIN": 36, "CHANGE USER": 5, "AUTHENTICATION": 0}
"""Where the user's name begins, after which passwords come; 0: nothing can be shown."""
ENDING = re.compile(r"(?:COMMIT|ROLLBACK)\b(?!(?:\s+WORK)?\s+TO\b)", re.IGNORECASE)
"""Statements that end a transaction; going back to a savepoint does not."""


class MySQL(Framed):
    """MySQL 4.1 and later, MariaDB, and what speaks like them.

    An error is told here and the server does not know of it, unless its state would not be what
    the client takes it for (``undoing``): then it gets a command that makes it so, and the client
    the error in place of the answer to that.
    """

    name = "mysql"
    ports = (3306,)
    example = "mysql -h {host} -P {port}"
    kinds = errors.KINDS
    requests = Requests
    replies = Replies

    negotiates_tls = True
    tls_first = False  # the server speaks first, and a login may begin with 0x16
    logins = LOGINS
    secured_requests = SecuredRequests
    secured_replies = SecuredReplies
    upstream: Requests
    downstream: Replies

    def __init__(
        self, backend: str = "", dice: random.Random | None = None, **options: Any
    ) -> None:
        super().__init__(backend, dice, **options)
        session = Session(self.tls)
        self.session = self.upstream.session = self.downstream.session = session

    def likely(self, phase: Phase, request: Request | None) -> list[Kind]:
        opening = phase == "open" or self.session.phase != COMMANDS
        return [kind for kind in self.kinds if kind.default and ("open" in kind.phases) == opening]

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        error, session = errors.ERRORS[kind], self.session
        if session.phase == GREETING:
            return Reply(errors.refusal(error)), Close()
        if session.asked:
            return (Send(session.asked),)  # it can be told as soon as TLS is there
        if request is not None and request.tag:
            return (Send(request.tag),)  # nobody waits for an answer, but the server must know
        command = request if isinstance(request, Command) else Command("")
        if session.phase != COMMANDS and not error.login and command.raw:
            return (Send(command.raw),)  # nobody hears of a deadlock before there is a session
        if not any(waiting is command for waiting in self.waiting):
            return self._unanswered(error, command)
        said = errors.nearest(error, command.command)
        if said is None:
            return (Send(command.raw),)
        what = kind if said is error else f"{said.name} for {kind}"
        first, *rest = self._failing(said, command)
        return replace(first, what=what), *rest

    def _failing(
        self, error: errors.Error, command: Command
    ) -> tuple[Reply | Send, *tuple[Action, ...]]:
        """Answer a command with an error, or have the server undo what it would leave behind."""
        session = self.session
        undoing = b"" if error.closes else self.undoing(error, command)
        if undoing and not (undoing == errors.ROLLBACK and command.statement):
            if undoing != errors.PREPARE_NOTHING:
                command.reads = Results.first
            command.instead = error
            return (Send(undoing, instead=True),)
        reply = Reply(errors.response(error, command.sequence + 1, mariadb=session.mariadb))
        if error.closes or undoing or session.phase != COMMANDS:
            return reply, Close()
        return (reply,)

    def undoing(self, error: errors.Error, command: Command) -> bytes:
        """What the server must be sent so that a failed command leaves it as the client thinks.

        A prepare that failed leaves nothing that a pipelined execute (-1) could run. A commit
        that failed, and a deadlock, have rolled the transaction back, and so has a rollback,
        whatever is said of it. An execute has used up the long data that came for it.
        """
        if command.code == PREPARE:
            return errors.PREPARE_NOTHING
        ends = ENDING.match(command.name)
        if (ends or error.name == "deadlock") and self.in_transaction(command):
            return errors.ROLLBACK
        return errors.reset(command.statement) if command.statement else b""

    def in_transaction(self, command: Command) -> bool:
        """Whether it may be: of commands whose replies are due nobody knows."""
        return bool(self.session.status & IN_TRANSACTION) or self.waiting[0] is not command

    @property
    def promised(self) -> bool:
        return any(isinstance(each, Command) and each.instead for each in self.waiting)

    def opens(self, request: Request | None) -> bool:
        known = not isinstance(request, Command) or request.opens
        return known and super().opens(request)

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        if not upstream or (frame.request is None and self.session.phase == COMMANDS):
            return frame.data
        command = frame.request.command if frame.request is not None else "AUTHENTICATION"
        if command not in SECRET_AFTER:
            return frame.data
        if not frame.first:
            return masked(frame.data, 0)
        name = SECRET_AFTER[command]
        end = frame.data.find(b"\0", name) + 1 if name else 4
        return masked(frame.data, end or name)

    def _unanswered(self, error: errors.Error, command: Command) -> tuple[Action, ...]:
        """Take back something that gets no answer of its own."""
        if command.command == "LOCAL INFILE" and self.waiting:
            loading = self.waiting[0]
            if isinstance(loading, Command):
                loading.instead, loading.sequence = error, command.sequence
            return (Send(errors.packet(command.began, b"")),)
        return (Close(),)  # the server would go on with a parameter that is missing
