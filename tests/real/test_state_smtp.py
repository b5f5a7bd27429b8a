"""What an error leaves behind at a mail server: no mail that its client was told has failed."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.tcp import free_port


class Chunking(SMTP):
    """aiosmtpd with BDAT (RFC 3030), which it has not by itself."""

    async def smtp_BDAT(self, arg: str) -> None:  # noqa: N802
        """Take a chunk; the last one delivers."""
        size, _, last = arg.partition(" ")
        chunk = await self._reader.readexactly(int(size))
        envelope: Any = self.envelope
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        envelope.content = (envelope.content or b"") + chunk
        if last.upper() == "LAST":
            self.event_handler.mails.append(envelope)
            self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push("250 2.0.0 OK")


class Mails:
    """Keeps what was delivered."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: object, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        self.mails.append(envelope)
        return "250 2.0.0 OK"


class Running(Controller):
    """The server in a thread."""

    def factory(self) -> Chunking:
        """One for each connection."""
        return Chunking(self.handler, hostname="mail.example.org")


@pytest.fixture
def server() -> Iterator[Any]:
    """Run the mail server."""
    running = Running(Mails(), hostname="127.0.0.1", port=free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def proxy(server: Any, chaos: Proxies) -> Chaos:
    """Put a proxy before it."""
    return chaos(f"127.0.0.1:{server.port}", "smtp")


@pytest.fixture
def client(proxy: Chaos) -> Iterator[smtplib.SMTP]:
    """A client that has said EHLO."""
    made = smtplib.SMTP(proxy.host, proxy.port, local_hostname="client", timeout=5)
    with closing(made) as client:
        client.ehlo()
        yield client


ENVELOPE = ["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>"]
CHUNKS = ["BDAT 5\r\nfirst", "BDAT 6\r\nsecond", "BDAT 4 LAST\r\nlast"]
STEPS = [*ENVELOPE, *CHUNKS]


def say(client: smtplib.SMTP, steps: list[str], *, pipelined: bool) -> list[int]:
    """Send commands, one after the other or in one go; their codes."""
    lines = [step if step.startswith("BDAT") else f"{step}\r\n" for step in steps]
    if pipelined:
        client.send("".join(lines))
        return [client.getreply()[0] for _ in steps]
    codes = []
    for line in lines:
        client.send(line)
        codes.append(client.getreply()[0])
    return codes


both = pytest.mark.parametrize("pipelined", [False, True], ids=["one by one", "pipelined"])


@both
@pytest.mark.parametrize("hit", range(len(STEPS)))
def test_a_mail_that_was_hit_is_not_delivered(
    client: smtplib.SMTP, proxy: Chaos, server: Any, hit: int, pipelined: bool
) -> None:
    """Whichever step is hit: the later chunks are refused, and half of it is never delivered."""
    with proxy.fault("errors", kind="451", every=hit + 1, max_hits=1):
        codes = say(client, STEPS, pipelined=pipelined)

    assert codes[:hit] == [250] * hit
    assert codes[hit] == 451
    assert all(code == 503 for code in codes[max(hit + 1, 2) :])
    assert server.handler.mails == []
    assert say(client, ["RSET", *STEPS], pipelined=pipelined) == [250] * 6
    assert [mail.content for mail in server.handler.mails] == [b"firstsecondlast"]


@both
def test_a_sender_that_was_refused_does_not_inherit(
    client: smtplib.SMTP, proxy: Chaos, server: Any, pipelined: bool
) -> None:
    """A mail that was begun before and given up is not sent on behalf of the next one."""
    assert say(client, ENVELOPE, pipelined=pipelined) == [250, 250]
    other = ["MAIL FROM:<c@example.org>", "RCPT TO:<d@example.org>", "BDAT 4 LAST\r\nmine"]
    with proxy.fault("errors", kind="451", max_hits=1):
        codes = say(client, other, pipelined=pipelined)

    assert codes == [451, 503, 503]
    assert server.handler.mails == []


@pytest.mark.parametrize("command", ["DATA", "message"])
def test_a_mail_after_data_that_was_hit_is_not_delivered(
    client: smtplib.SMTP, proxy: Chaos, server: Any, command: str
) -> None:
    """Nor is a mail whose text is hit: there the connection ends."""
    with (
        proxy.fault("errors", kind="452", match={"command": command}, max_hits=1),
        pytest.raises(smtplib.SMTPDataError),
    ):
        client.sendmail("a@example.org", ["b@example.org"], "Subject: lost\r\n\r\nlost")

    assert server.handler.mails == []
    if client.sock is None:
        client.connect(proxy.host, proxy.port)
    if command == "DATA":
        client.rset()
        client.sendmail("a@example.org", ["b@example.org"], "Subject: kept\r\n\r\nkept")
        assert len(server.handler.mails) == 1


def test_a_recipient_that_was_hit_gets_nothing_and_the_others_do(
    client: smtplib.SMTP, proxy: Chaos, server: Any
) -> None:
    """The refusal is that of one recipient."""
    with proxy.fault("errors", kind="450", match={"key": "b@*"}, max_hits=1):
        refused = client.sendmail("a@example.org", ["b@example.org", "c@example.org"], "\r\n")

    assert list(refused) == ["b@example.org"]
    assert [mail.rcpt_tos for mail in server.handler.mails] == [["c@example.org"]]
