"""smtp: SMTP (RFC 5321) until STARTTLS; errors are the codes of a server that cannot go on."""

from __future__ import annotations

import random
import re
from typing import Any

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Kind, Phase, Request
from chaostui.protocols.framing import Framed, masked
from chaostui.protocols.smtp_messages import INSIDE, MESSAGE, Command, Commands, Replies, promised
from chaostui.protocols.smtp_tls import SecuredCommands, SecuredReplies, hidden, unknown

TEXTS = {
    "421": "4.3.2 Service not available, closing transmission channel",
    "450": "4.2.1 Requested mail action not taken: mailbox unavailable",
    "451": "4.3.0 Requested action aborted: local error in processing",
    "452": "4.3.1 Requested action not taken: insufficient system storage",
    "454": "4.7.0 TLS not available due to temporary reason",
    "550": "5.1.1 Requested action not taken: mailbox unavailable",
    "552": "5.2.2 Requested mail action aborted: exceeded storage allocation",
    "554": "5.3.0 Transaction failed",
}
AUTH_TEXT = "4.7.0 Temporary authentication failure"

MECHANISM = re.compile(rb"\s*\S+[ \t]*\S*[ \t]*")
"""What of an AUTH can be shown."""

RESET = b"RSET\r\n"
UNDOING = frozenset(["MAIL", "BDAT"])
"""Commands whose failure leaves no mail under way (RFC 3030 s3); the backend must know of it."""
NEVER_FAIL = frozenset(["RSET", "NOOP", "QUIT", "HELP"])
"""Commands that a server refuses only as it shuts down (RFC 5321 s4.3.2): else they pass."""
GREETINGS = frozenset(["HELO", "EHLO"])
REFUSALS = frozenset(["421", "550", "554"])
"""What is said to a client that is not wanted at all."""

MAIL_COMMANDS = frozenset(["MAIL", "RCPT", "DATA", "BDAT", MESSAGE])
"""What a mail's own errors answer; elsewhere a server in trouble says 421 (s3.8)."""


class Smtp(Framed):
    """SMTP; the mail itself, after DATA, is a request of its own."""

    name = "smtp"
    ports = (25, 587)
    example = "swaks --server {listen}"
    requests = Commands
    replies = Replies
    secured_requests = SecuredCommands
    secured_replies = SecuredReplies
    upstream: Commands
    downstream: Replies
    kinds = (
        Kind("421", "it shuts down: instead of the banner too", ("open", "request"), default=True),
        Kind("450", "mailbox busy, try later", default=True),
        Kind("451", "it failed, try later", default=True),
        Kind("452", "its disk is full, try later", default=True),
        Kind("454", "TLS or authentication does not work now"),
        Kind("550", "no such mailbox"),
        Kind("552", "the mailbox is full"),
        Kind("554", "the mail is refused"),
    )

    negotiates_tls = True
    logins = frozenset({"EHLO", "HELO", "STARTTLS", "AUTH"})

    def __init__(
        self, backend: str = "", dice: random.Random | None = None, **options: Any
    ) -> None:
        super().__init__(backend, dice, **options)
        self.downstream.commands = self.upstream
        for cutter in (self.upstream, self.downstream):
            if isinstance(cutter, SecuredCommands | SecuredReplies):
                cutter.mode = self.tls

    def secured(self) -> None:
        for cutter in (self.upstream, self.downstream):
            if isinstance(cutter, SecuredCommands | SecuredReplies):
                cutter.secure = True

    def request(self, data: bytes) -> list[Frame]:
        frames = super().request(data)
        if self.tls != "refuse":
            return frames
        return [
            frame._replace(data=unknown(frame.data))
            if frame.request is not None and frame.request.command == "STARTTLS"
            else frame
            for frame in frames
        ]

    def reply(self, data: bytes) -> list[Frame]:
        frames = super().reply(data)
        if self.tls != "refuse" or self.opaque:
            return frames
        # Frames end with a line; an extension that clients do not know they pass over (s4.1.1.1).
        return [frame._replace(data=hidden(frame.data)) for frame in frames]

    def likely(self, phase: Phase, request: Request | None) -> list[Kind]:
        kinds = super().likely(phase, request)
        if phase == "open" or (request is not None and request.command in MAIL_COMMANDS):
            return kinds
        return [kind for kind in kinds if "open" in kind.phases]

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        asked, data = frame.request, frame.data
        if not upstream or asked is None or asked.command not in ("AUTH", ""):
            return data
        line = data.rstrip(b"\r\n")
        name = MECHANISM.match(line) if asked.command and asked.tag != INSIDE else None
        return masked(line, name.end() if name else 0) + data[len(line) :]

    @property
    def promised(self) -> bool:
        return any(promised(each) for each in self.waiting)

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        command = request.command if request is not None else ""
        said = nearest(kind, command)
        if not said and isinstance(request, Command):
            return (Send(request.line),)
        what = kind if said == kind else f"{said} for {kind}"
        text = AUTH_TEXT if said == "454" and command == "AUTH" else TEXTS[said]
        line = f"{said} {text}\r\n".encode()
        # A backend that waits for the rest of DATA or AUTH can only be left by a FIN.
        if said == "421" or (request is not None and request.tag == INSIDE):
            return (Reply(line, what), Close())
        if command in UNDOING and isinstance(request, Command) and self._due(request):
            request.instead = line
            return (Send(RESET, what=what, instead=True),)
        return (Reply(line, what),)

    def _due(self, request: Request) -> bool:
        """Whether its reply has still to come."""
        return any(each is request for each in self.waiting)


def nearest(kind: str, command: str) -> str:
    """The code that a server gives to ``command`` where ``kind`` is meant (RFC 5321 s4.3.2).

    Empty: it gives none of that kind, and does what it is asked for.
    """
    if kind == "421":
        return kind
    if command in NEVER_FAIL or (command in GREETINGS and kind not in REFUSALS):
        return ""
    if command == "STARTTLS" or (command == "AUTH" and kind not in REFUSALS):
        return "454"
    if kind == "454" and command in MAIL_COMMANDS:
        return "451"
    return kind
