"""SMTP: where commands, mail and replies end, and what stays secret."""

from __future__ import annotations

import pytest
from hypothesis import given

from chaostui.protocols.smtp import Smtp
from tests.protocols.chunking import (
    Message,
    Turn,
    cpu,
    cuts,
    garbled,
    joined,
    messages,
    pieces,
    talk,
    thorough,
)

BANNER = b"220-mail.example.com ESMTP\r\n220 hello\r\n"
EXTENSIONS = b"250-mail.example.com\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 CHUNKING\r\n"
OK = b"250 2.0.0 Ok\r\n"
GO_ON = b"354 End data with <CR><LF>.<CR><LF>\r\n"
MAIL = b"Subject: x\r\n\r\n..\r\n.x\r\nQUIT\r\n\n.\n\r\r\n..\r\n\r\n.\r\n"
DIALOGUE: list[Turn] = [
    ("backend", BANNER),
    ("client", b"EHLO client\r\n"),
    ("backend", EXTENSIONS),
    ("client", b"AUTH LOGIN\r\n"),
    ("backend", b"334 VXNlcm5hbWU6\r\n"),
    ("client", b"Ym9i\r\n"),
    ("backend", b"334 UGFzc3dvcmQ6\r\n"),
    ("client", b"czNjcmV0\r\n"),
    ("backend", b"235 2.7.0 Ok\r\n"),
    ("client", b"MAIL FROM:<a@x> SIZE=9\r\nrcpt TO:<b@y>\r\nRCPT TO:<c@y>\r\nDATA\r\n"),
    ("backend", OK + b"450 4.2.1 busy\r\n" + OK + GO_ON),
    ("client", MAIL + b"MAIL FROM:<>\r\nRCPT TO:<b@y>\r\nBDAT 7\r\n\r\n.\r\nab"),
    ("backend", OK * 3),
    ("client", b"BDAT 0 LAST\r\nBDAT 2 LAST\r\n\r\nDATA\r\n"),
    ("backend", OK + OK + OK + b"354\r\n"),
    ("client", b".\r\nNOOP\r\nQUIT\r\n"),
    ("backend", OK + OK + b"221 2.0.0 Bye\r\n421 late\r\n"),
]


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


def names(*lines: bytes) -> list[str]:
    """What the requests in ``lines`` are called."""
    transcript = talk(Smtp(), [("client", b"".join(lines))])
    return [message.request.name for message in transcript.requests if message.request]


def test_a_dialogue_is_cut_into_its_messages() -> None:
    """Pipelined commands, answers to AUTH, mail and chunks are told apart."""
    transcript = talk(Smtp(), DIALOGUE)

    assert transcript.opaque == ""
    assert [message.request.name for message in transcript.requests if message.request] == [
        "EHLO client",
        "AUTH LOGIN",
        "AUTH …",
        "AUTH …",
        "MAIL a@x",
        "RCPT b@y",
        "RCPT c@y",
        "DATA",
        "message",
        "MAIL",
        "RCPT b@y",
        "BDAT",
        "BDAT",
        "BDAT",
        "DATA",
        "message",
        "NOOP",
        "QUIT",
    ]
    assert [message.data for message in transcript.requests][8] == MAIL
    assert [message.data for message in transcript.requests][15] == b".\r\n"
    assert [(m.data, m.aside) for m in transcript.replies[:2]] == [
        (BANNER, True),
        (EXTENSIONS, False),
    ]
    assert [m.aside for m in transcript.replies].count(True) == 2
    assert transcript.replies[-1] == Message(b"421 late\r\n", last=False, aside=True)


@thorough
@given(cuts(DIALOGUE))
def test_chunks_do_not_change_the_messages(turns: list[Turn]) -> None:
    """The same messages are found wherever the bytes are cut."""
    assert talk(Smtp(), turns) == talk(Smtp(), DIALOGUE)


@thorough
@given(garbled(DIALOGUE))
def test_bytes_without_sense_pass_unchanged(turns: list[Turn]) -> None:
    """Mutated and random bytes raise nothing, and none of them is lost."""
    talk(Smtp(), turns)


def test_a_whole_message_is_passed_without_a_copy() -> None:
    """A chunk that is exactly one message comes back as the same object."""
    smtp = spoken()
    line = b"NOOP\r\n"
    (frame,) = smtp.request(line)
    (reply,) = smtp.reply(OK)

    assert frame.data is line
    assert reply.data is OK


def test_the_banner_answers_nothing() -> None:
    """Also where a hasty client has already said something."""
    smtp = Smtp()
    smtp.request(b"EHLO hasty\r\n")

    assert [(frame.first, frame.last) for frame in smtp.reply(BANNER)] == [(False, False)]
    assert [(frame.first, frame.last) for frame in smtp.reply(EXTENSIONS)] == [(True, True)]


def test_mail_streams() -> None:
    """Mail passes as it comes, the beginning of its end included."""
    smtp = spoken(("client", b"DATA\r\n"), ("backend", GO_ON))
    parts = [b"x", b"\r", b"\n", b".", b"\r", b"\n"]
    frames = [frame for part in parts for frame in smtp.request(part)]

    assert [frame.data for frame in frames] == parts
    assert [frame.last for frame in frames] == [False] * 5 + [True]


def test_a_refused_data_brings_no_mail() -> None:
    """After anything but 354 the client speaks commands."""
    smtp = spoken(("client", b"DATA\r\n"), ("backend", b"554 no\r\n"))
    (frame,) = smtp.request(b"RSET\r\n")

    assert frame.request is not None
    assert frame.request.name == "RSET"


def test_tls_is_left_alone() -> None:
    """After a granted STARTTLS, or with TLS from the first byte, the bytes are TLS."""
    granted: list[Turn] = [("client", b"STARTTLS\r\n"), ("backend", b"220 go\r\n")]
    hello = b"\x16\x03\x01"
    assert talk(Smtp(), [("backend", BANNER), *granted, ("client", hello)]).opaque == "STARTTLS"
    assert talk(Smtp(), [("client", hello)]).opaque == "TLS"

    smtp = spoken(("client", b"STARTTLS\r\n"), ("backend", b"454 not now\r\n"))
    assert len(smtp.request(b"NOOP\r\n")) == 1


def test_the_reply_to_starttls_ends_its_exchange() -> None:
    """``220`` is a whole reply; what follows it is not part of it."""
    smtp = spoken(("client", b"STARTTLS\r\n"))

    assert [frame.data for frame in smtp.reply(b"220 go\r\n\x16\x03")] == [
        b"220 go\r\n",
        b"\x16\x03",
    ]


@pytest.mark.parametrize("data", [b"NOOP \x01\r\n", b"\0", b"LHLO me\r\n", b"x" * 70_000])
def test_what_is_no_smtp_is_not_cut(data: bytes) -> None:
    """Bytes that are no commands, and LMTP, pass at once, whole."""
    smtp = spoken()

    assert joined(smtp.request(data)) == data
    assert smtp.opaque


@pytest.mark.parametrize("data", [b"HTTP/1.1 400\r\n", b"2x0 \r\n", b"250_\r\n", b"6", b"\x15\x03"])
def test_a_backend_that_does_not_speak_smtp_is_not_cut(data: bytes) -> None:
    """Bytes that are no reply pass at once, whole."""
    smtp = Smtp()

    assert joined(smtp.reply(data)) == data
    assert smtp.opaque


def test_a_reply_inside_the_mail_loses_the_frame() -> None:
    """A server that ends mail at a bare LF is not followed any further."""
    smtp = spoken(("client", b"DATA\r\n"), ("backend", GO_ON))
    smtp.request(b"x\n.\n")

    assert joined(smtp.reply(OK)) == OK
    assert smtp.opaque == "a reply before the end of the mail"


def test_secrets_are_not_named() -> None:
    """Answers to AUTH, and lines that may be passwords, are not shown."""
    assert names(b"AUTH PLAIN AGJvYgBzM2NyZXQ=\r\n") == ["AUTH PLAIN"]
    assert names(b"s3cret\r\n", b"XYZZY s3cret\r\n", b"\r\n") == ["unknown command"] * 3
    assert names(b"VRFY bob\r\n", b"MAIL FROM: a\r\n", b"BDAT x\r\n") == [
        "VRFY bob",
        "MAIL",
        "BDAT",
    ]


def test_a_request_answered_here_is_forgotten() -> None:
    """A DATA that the backend never saw brings no mail with the next 354."""
    smtp = spoken()
    data, _ = smtp.request(b"DATA\r\nNOOP\r\n")
    smtp.dropped(data.request)

    assert messages(smtp.reply(OK)) == [Message(OK)]
    assert not smtp.waiting


@pytest.mark.parametrize(
    "data",
    [
        b"DATA\r\n" + b"x" * (1 << 20) + b"\r\n.\r\n",
        b"DATA\r\n" + b"\r\n" * (1 << 19),
        b"BDAT 1048576\r\n" + bytes(1 << 20),
        b"NOOP\r\n" * 40_000,
        b"NOOP " + b"x" * 65_000,
    ],
    ids=["line of mail", "mail", "chunk", "commands", "line"],
)
def test_small_pieces_cost_no_more_than_their_bytes(data: bytes) -> None:
    """1 MiB in pieces of 64 bytes: a scan from the start each time takes 9 s, this 0.01 to 0.2."""
    parts = pieces(data, 64)

    def work() -> None:
        smtp = spoken()
        smtp.request(parts[0][:6])
        if parts[0].startswith(b"DATA"):
            smtp.reply(GO_ON)
        smtp.request(parts[0][6:])
        for part in parts[1:]:
            smtp.request(part)

    assert cpu(work) < 1.5
