"""smtplib before a mail server in trouble."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, code, every_kind, told
from tests.servers.smtp import SMTP

Connect = Callable[[], smtplib.SMTP]


@pytest.fixture
def proxy(smtp_server: SMTP, chaos: Proxies) -> Chaos:
    """Put a proxy before the mail server."""
    return chaos(smtp_server.address, "smtp")


def client_of(proxy: Chaos) -> smtplib.SMTP:
    """A client that has read the banner."""
    return smtplib.SMTP(proxy.host, proxy.port, local_hostname="client", timeout=5)


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make clients that have read the banner and said EHLO."""
    with ExitStack() as stack:

        def make() -> smtplib.SMTP:
            client = stack.enter_context(closing(client_of(proxy)))
            client.ehlo()
            return client

        yield make


def ask(client: smtplib.SMTP) -> object:
    """Send a mail."""
    return client.sendmail("a@example.org", ["b@example.org"], "Subject: hello\r\n\r\nbody")


@every_kind("smtp", "smtplib")
def test_a_kind_is_what_smtplib_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row
) -> None:
    """The client raises its named error; the next mail goes through, but after 421."""
    check(proxy, kind, row, connect, ask)


@pytest.mark.parametrize(
    ("command", "raised"),
    [
        ("MAIL", "SMTPSenderRefused 452"),
        ("RCPT", "SMTPRecipientsRefused"),
        ("DATA", "SMTPDataError 452"),
        ("message", "SMTPDataError 452"),
    ],
)
def test_each_step_of_a_mail_has_its_own_exception(
    proxy: Chaos, connect: Connect, command: str, raised: str
) -> None:
    """The refusal is that of the sender, of the recipients, or of the mail."""
    client = connect()
    steps = ["MAIL", "RCPT", "DATA", "message"]
    nth = steps.index(command) + 1
    with proxy.fault("errors", kind="452", every=nth, max_hits=1):
        assert told(lambda: ask(client)) == raised


def test_a_login_fails_for_a_moment(proxy: Chaos, connect: Connect) -> None:
    """454 in answer to AUTH is an SMTPAuthenticationError, and the connection goes on."""
    client = connect()
    client.esmtp_features["auth"] = "PLAIN"
    with proxy.fault("errors", kind="454"), pytest.raises(smtplib.SMTPAuthenticationError) as seen:
        client.login("user", "secret")

    assert code(seen.value) == "454"
    assert ask(client) == {}


def test_the_end_of_a_session_comes_with_any_command(proxy: Chaos, connect: Connect) -> None:
    """421 is valid at any time, and smtplib closes its side with it."""
    client = connect()
    with proxy.fault("errors", kind="421"):
        assert client.noop()[0] == 421

    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
