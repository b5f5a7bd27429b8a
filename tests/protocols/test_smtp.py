"""SMTP's errors: which keep the connection and which end it."""

from __future__ import annotations

import random

import pytest

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame
from chaostui.protocols.smtp import Smtp
from tests.protocols.chunking import (
    Turn,
)

BANNER = b"220-mail.example.com ESMTP\r\n220 hello\r\n"
GO_ON = b"354 End data with <CR><LF>.<CR><LF>\r\n"


def spoken(*turns: Turn) -> Smtp:
    """A connection after the banner and ``turns``."""
    smtp = Smtp()
    smtp.reply(BANNER)
    for side, data in turns:
        if side == "client":
            smtp.request(data)
        else:
            smtp.reply(data)
    assert smtp.opaque == ""
    return smtp


def codes(actions: list[tuple[Action, ...]]) -> set[bytes]:
    """The codes of error replies."""
    return {first.data[:3] for first, *_ in actions if isinstance(first, Reply)}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("450", b"450 4.2.1 Requested mail action not taken: mailbox unavailable\r\n"),
        ("451", b"451 4.3.0 Requested action aborted: local error in processing\r\n"),
        ("452", b"452 4.3.1 Requested action not taken: insufficient system storage\r\n"),
        ("550", b"550 5.1.1 Requested action not taken: mailbox unavailable\r\n"),
    ],
)
def test_errors_keep_the_connection(kind: str, said: bytes) -> None:
    """A refused command leaves the dialogue as it was."""
    smtp = spoken(("client", b"RCPT TO:<b@y>\r\n"))

    assert smtp.error(kind) == (Reply(said),)


def test_authentication_fails_in_its_own_words() -> None:
    """454 means another thing where it answers AUTH."""
    smtp = spoken(("client", b"AUTH PLAIN x\r\n"))

    assert smtp.error("454") == (Reply(b"454 4.7.0 Temporary authentication failure\r\n"),)


def test_every_error_is_a_whole_reply() -> None:
    """What the errors say is cut as one reply by the framer itself."""
    for kind in Smtp.kinds:
        smtp = spoken(("client", b"DATA\r\n"))
        reply = smtp.error(kind.name)[0]
        assert isinstance(reply, Reply)
        assert smtp.reply(reply.data) == [Frame(reply.data)]


def test_a_server_that_shuts_down_says_so_and_ends() -> None:
    """421 stands instead of the banner, or of any reply, and the connection ends."""
    said = b"421 4.3.2 Service not available, closing transmission channel\r\n"

    assert Smtp().error("421", "open") == (Reply(said), Close())
    assert spoken(("client", b"NOOP\r\n")).error("421") == (Reply(said), Close())
    assert Smtp().error("450", "open") == ()


def test_an_error_in_the_middle_ends_the_connection() -> None:
    """A backend that waits for mail or credentials cannot be told to stop in any other way."""
    data = spoken(("client", b"DATA\r\n"), ("backend", GO_ON), ("client", b"x\r\n.\r\n"))
    auth = spoken(("client", b"AUTH LOGIN\r\n"), ("backend", b"334 \r\n"), ("client", b"x\r\n"))

    assert data.error("452")[1:] == (Close(),)
    assert auth.error("454") == (
        Reply(b"454 4.7.0 Temporary authentication failure\r\n"),
        Close(),
    )


def test_an_error_without_a_kind_fits_its_command() -> None:
    """A mail fails in four ways; other commands are only refused by a server that shuts down."""
    hello = spoken(("client", b"EHLO x\r\n"))
    mail = spoken(("client", b"RCPT TO:<b@y>\r\n"))
    mail.dice = hello.dice = random.Random(1)

    assert codes([mail.error() for _ in range(100)]) == {b"421", b"450", b"451", b"452"}
    assert codes([hello.error() for _ in range(20)]) == {b"421"}
    assert codes([hello.error("", "open") or (Reply(b"---"),) for _ in range(100)]) == {
        b"421",
        b"---",
    }


def test_an_unknown_error_is_refused() -> None:
    """A kind that does not exist is named in the exception."""
    with pytest.raises(ValueError, match="smtp has no error named '500'"):
        Smtp().error("500")


MAIL, BDAT = b"MAIL FROM:<a@x>\r\n", b"BDAT 4\r\nhalf"
BUSY = b"451 4.3.0 Requested action aborted: local error in processing\r\n"


@pytest.mark.parametrize("data", [MAIL, BDAT, b"BDAT 4 LAST\r\nhalf"])
@pytest.mark.parametrize("answer", [b"250 ok\r\n", b"250-ok\r\n250 so it is\r\n"])
def test_a_mail_that_has_failed_is_forgotten(data: bytes, answer: bytes) -> None:
    """The backend is reset, so that it refuses what comes next; the client gets the error."""
    for cut in range(len(answer)):
        smtp = spoken()
        request = smtp.request(data)[-1].request
        assert smtp.error("451", request=request) == (Send(b"RSET\r\n"),)
        assert smtp.promised
        frames = smtp.reply(answer[:cut]) + smtp.reply(answer[cut:])
        assert b"".join(frame.data for frame in frames) == BUSY
        assert [frame.last for frame in frames][-1]
        assert not smtp.promised
        assert [frame.data for frame in smtp.reply(b"250 more\r\n")] == [b"250 more\r\n"]


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        (b"RSET\r\n", "451", b""),
        (b"noop x\r\n", "550", b""),
        (b"QUIT\r\n", "452", b""),
        (b"EHLO me\r\n", "450", b""),
        (b"EHLO me\r\n", "554", b"554"),
        (b"HELO me\r\n", "421", b"421"),
        (b"AUTH PLAIN x\r\n", "450", b"454"),
        (b"STARTTLS\r\n", "550", b"454"),
        (b"RCPT TO:<b@y>\r\n", "454", b"451"),
        (b"RCPT TO:<b@y>\r\n", "550", b"550"),
        (b"VRFY b\r\n", "550", b"550"),
    ],
)
def test_a_kind_is_said_where_a_server_says_it(line: bytes, kind: str, said: bytes) -> None:
    """Else the nearest, which the event names; what cannot fail so passes."""
    smtp = spoken(("client", line))
    action = smtp.error(kind)[0]
    if not said:
        assert action == Send(line)
        return
    assert isinstance(action, Reply)
    assert action.data.startswith(said)
    assert action.what == (kind if said == kind.encode() else f"{said.decode()} for {kind}")
