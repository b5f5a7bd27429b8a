"""An SMTP server, aiosmtpd, that puts each message into a maildir."""

from __future__ import annotations

import mailbox
import smtplib
import sys

from tests.servers.server import Server


class SMTP(Server):
    """An ``aiosmtpd`` in a process of its own; options are those of its command line."""

    def command(self) -> list[str]:
        handler = ["-c", "aiosmtpd.handlers.Mailbox", str(self.directory / "mail")]
        return [sys.executable, "-m", "aiosmtpd", "-n", "-l", self.address, *self.options, *handler]

    def ping(self) -> None:
        with smtplib.SMTP(self.host, self.port, timeout=2) as client:
            client.noop()

    @property
    def messages(self) -> list[mailbox.MaildirMessage]:
        """What it has taken so far."""
        return list(mailbox.Maildir(self.directory / "mail"))
