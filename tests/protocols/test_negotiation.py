"""Requests for TLS, as tables: what comes in, what is passed on, answered and decided."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from chaostui.actions import Action, Reply, Send
from chaostui.protocol import Frame, Negotiation, Protocol
from chaostui.protocols.postgres import Postgres
from tests.protocols.test_tls import HELLO

SSL = bytes.fromhex("0000000804d2162f")
GSS = bytes.fromhex("0000000804d21630")
START = bytes.fromhex("0000002000030000") + b"user\0app\0database\0shop\0\0"


def seen(frames: Iterable[Frame]) -> list[tuple[bytes, bytes, str]]:
    """What is passed on, answered and decided, frame by frame."""
    return [(frame.data, frame.answer, frame.tls) for frame in frames]


def rest(frames: Iterable[Frame]) -> bytes:
    """What was held back."""
    return b"".join(frame.data for frame in frames)


@pytest.mark.parametrize(
    ("mode", "asked", "becomes"),
    [
        ("", SSL, (SSL, b"", "")),
        ("", GSS, (GSS, b"", "")),
        ("refuse", SSL, (SSL, b"N", "")),
        ("refuse", GSS, (GSS, b"N", "")),
        ("grant", SSL, (SSL, b"S", "client")),
        ("grant", GSS, (GSS, b"N", "")),
        ("ask", SSL, (SSL, b"", "asks")),
        ("ask", GSS, (GSS, b"N", "")),
    ],
)
def test_postgres_is_asked(
    mode: Negotiation, asked: bytes, becomes: tuple[bytes, bytes, str]
) -> None:
    """GSSAPI is not spoken here; what becomes of TLS is the mode's."""
    assert seen(Postgres(tls=mode).request(asked)) == [becomes]


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_postgres_goes_on_after_a_refusal(size: int) -> None:
    """Both requests for encryption, then the login, in any pieces."""
    postgres, data = Postgres(tls="refuse"), GSS + SSL + START
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    frames = [frame for piece in pieces for frame in postgres.request(piece)]

    assert seen(frames) == [(GSS, b"N", ""), (SSL, b"N", ""), (START, b"", "")]
    request = frames[-1].request
    assert request is not None
    assert (request.name, frames[-1].first, frames[-1].last) == ("CONNECT shop", True, True)


@pytest.mark.parametrize(("mode", "step"), [("grant", "client"), ("ask", "asks")])
def test_nothing_behind_a_request_for_tls_is_read(mode: Negotiation, step: str) -> None:
    """It is held back, given out once, and then the protocol goes on where it was."""
    postgres = Postgres(tls=mode)
    frames = postgres.request(SSL + START)
    assert [frame.tls for frame in frames] == [step]
    assert rest(postgres.request_end()) == START
    (login,) = postgres.request(START)
    assert login.request is not None
    assert login.request.name == "CONNECT shop"
    assert not postgres.opaque


@pytest.mark.parametrize(("answer", "step"), [(b"S", "both"), (b"N", "refused")])
def test_a_postgres_server_decides(answer: bytes, step: str) -> None:
    """What it sends behind a yes can only be TLS; behind a no there is nothing to hold."""
    postgres = Postgres(tls="ask")
    postgres.request(SSL)
    postgres.request_end()
    (frame,) = postgres.reply(answer)
    assert (frame.data, frame.tls, frame.first, frame.last) == (answer, step, False, False)
    assert rest(postgres.reply_end()) == b""
    postgres.request(START)
    replied = postgres.reply(bytes.fromhex("520000000800000000 5a0000000549"))
    assert [frame.last for frame in replied] == [True]
    assert not postgres.opaque


def test_what_a_postgres_server_sends_behind_its_yes_is_not_read() -> None:
    """It would be plain text inside of TLS (CVE-2021-23222)."""
    postgres = Postgres(tls="ask")
    postgres.request(SSL)
    postgres.request_end()
    assert seen(postgres.reply(b"SE\0\0\0\x10injected")) == [(b"S", b"", "both")]
    assert rest(postgres.reply_end()) == b"E\0\0\0\x10injected"


def test_a_postgres_that_knows_no_tls_says_so_in_its_way() -> None:
    """Servers before 7.4 answered with an error: it is passed on."""
    postgres = Postgres(tls="ask")
    postgres.request(SSL)
    postgres.request_end()
    assert rest(postgres.reply(b"Eunknown")) == b"Eunknown"
    assert postgres.opaque


@pytest.mark.parametrize(
    ("mode", "actions"),
    [("", (Reply(b"N"),)), ("grant", (Send(b""),)), ("ask", (Send(SSL),))],
)
def test_an_error_waits_for_the_login(mode: Negotiation, actions: tuple[Action, ...]) -> None:
    """In place of this byte no client understands it."""
    postgres = Postgres(tls=mode)
    postgres.request(SSL)
    assert postgres.error("starting_up") == actions


@pytest.mark.parametrize("kind", [Postgres])
@pytest.mark.parametrize(
    ("mode", "step"), [("refuse", "refused"), ("grant", "client"), ("ask", "both")]
)
def test_tls_that_begins_unasked(kind: type[Protocol], mode: Negotiation, step: str) -> None:
    """Direct TLS, ldaps: with the backend it begins so too."""
    protocol = kind(tls=mode)
    assert seen(protocol.request(HELLO)) == [(b"", b"", step)]
    assert rest(protocol.request_end()) == HELLO
    assert not protocol.opaque
