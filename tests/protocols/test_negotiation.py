"""Requests for TLS, as tables: what comes in, what is passed on, answered and decided."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from chaostui.actions import Action, Reply, Send
from chaostui.protocol import Frame, Negotiation, Protocol
from chaostui.protocols.ldap import LDAP
from chaostui.protocols.mysql import MySQL
from chaostui.protocols.postgres import Postgres
from chaostui.protocols.smtp import Smtp
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


@pytest.mark.parametrize("kind", [Postgres, LDAP])
@pytest.mark.parametrize(
    ("mode", "step"), [("refuse", "refused"), ("grant", "client"), ("ask", "both")]
)
def test_tls_that_begins_unasked(kind: type[Protocol], mode: Negotiation, step: str) -> None:
    """Direct TLS, ldaps: with the backend it begins so too."""
    protocol = kind(tls=mode)
    assert seen(protocol.request(HELLO)) == [(b"", b"", step)]
    assert rest(protocol.request_end()) == HELLO
    assert not protocol.opaque


def packet(number: int, payload: bytes) -> bytes:
    """A packet of MySQL's."""
    return len(payload).to_bytes(3, "little") + bytes((number,)) + payload


def greeting(*, tls: bool, packing: bool = True) -> bytes:
    """What a server says first, with or without TLS, and with compression."""
    flags = 1 << 9 | 1 << 15 | 1 << 19 | bool(tls) << 11 | bool(packing) << 5
    low, high = (flags & 0xFFFF).to_bytes(2, "little"), (flags >> 16).to_bytes(2, "little")
    payload = b"\n8.0.1\0" + bytes(4) + b"saltsalt\0" + low + b"\x2d\2\0" + high + b"\x15"
    return packet(0, payload + bytes(10) + b"saltsaltsalt\0mysql_native_password\0")


FLAGS = 1 << 9 | 1 << 15 | 1 << 19
WISH = packet(1, (FLAGS | 1 << 11).to_bytes(4, "little") + bytes(28))


def login(number: int, *, tls: bool, user: bytes = b"app") -> bytes:
    """A login of a client."""
    flags = FLAGS | bool(tls) << 11
    return packet(number, flags.to_bytes(4, "little") + bytes(28) + user + b"\0\0mysql_native\0")


OK = b"\0\0\0\2\0\0\0"
MORE_AUTH, FAST = b"\1\4", b"\1\3"


@pytest.mark.parametrize(
    ("mode", "offered", "shown"),
    [
        ("", True, greeting(tls=True)),
        ("refuse", True, greeting(tls=False, packing=False)),
        ("grant", False, greeting(tls=True, packing=False)),
        ("ask", True, greeting(tls=True, packing=False)),
        ("ask", False, greeting(tls=False, packing=False)),
    ],
)
def test_mysql_offers_what_can_be_had(mode: Negotiation, offered: bool, shown: bytes) -> None:
    """No compression where the bytes shall be read."""
    assert rest(MySQL(tls=mode).reply(greeting(tls=offered))) == shown


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_mysql_server_never_hears_of_tls(size: int) -> None:
    """The login is numbered anew for both, in any pieces, and says nothing of TLS."""
    mysql = MySQL(tls="grant")

    def talk(data: bytes, *, up: bool) -> list[Frame]:
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        cut = mysql.request if up else mysql.reply
        return [frame for piece in pieces for frame in cut(piece)]

    talk(greeting(tls=False), up=False)
    assert seen(talk(WISH, up=True)) == [(WISH, b"", "client")]
    assert rest(mysql.request_end()) == b""
    frames = talk(login(2, tls=True), up=True)
    assert rest(frames) == login(1, tls=False)
    assert frames[0].request is not None
    assert frames[0].request.name == "LOGIN app"
    assert rest(talk(packet(2, b"\xfesha\0salt"), up=False)) == packet(3, b"\xfesha\0salt")
    assert rest(talk(packet(4, b"secret"), up=True)) == packet(3, b"secret")
    both = packet(4, FAST) + packet(5, OK)
    assert rest(talk(both, up=False)) == packet(5, FAST) + packet(6, OK)
    assert rest(talk(packet(0, b"\x0e"), up=True)) == packet(0, b"\x0e")
    assert rest(talk(packet(1, OK), up=False)) == packet(1, OK)
    assert not mysql.opaque


def test_a_long_login_is_numbered_anew_too() -> None:
    """Only its head is looked at, and it comes in parts."""
    mysql = MySQL(tls="grant")
    mysql.reply(greeting(tls=False))
    mysql.request(WISH)
    mysql.request_end()
    given = login(2, tls=True, user=b"u" * 6000)
    frames = [*mysql.request(given[:5000]), *mysql.request(given[5000:])]
    assert rest(frames) == login(1, tls=False, user=b"u" * 6000)


def test_what_passes_a_fault_in_the_login_is_numbered_anew() -> None:
    """Nobody hears of a deadlock before there is a session."""
    mysql = MySQL(tls="grant")
    mysql.reply(greeting(tls=False))
    mysql.request(WISH)
    mysql.request_end()
    mysql.request(login(2, tls=True))
    assert mysql.error("deadlock") == (Send(login(1, tls=False)),)
    (reply, _) = mysql.error("too_many_connections")
    assert isinstance(reply, Reply)
    assert reply.data[3] == 3


def test_a_mysql_server_with_tls_is_asked_at_once() -> None:
    """Its greeting was the consent; numbers stay."""
    mysql = MySQL(tls="ask")
    mysql.reply(greeting(tls=True))
    assert seen(mysql.request(WISH + HELLO)) == [(WISH, b"", "both")]
    assert mysql.error("deadlock") == (Send(WISH),)
    assert rest(mysql.request_end()) == HELLO
    assert rest(mysql.request(login(2, tls=True))) == login(2, tls=True)
    assert rest(mysql.reply(packet(3, OK))) == packet(3, OK)
    assert not mysql.opaque


def greeted(mode: Negotiation) -> Smtp:
    """An SMTP that has passed the banner."""
    smtp = Smtp(tls=mode)
    smtp.reply(b"220 hi\r\n")
    return smtp


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (b"250 a\r\n", b"250-a\r\n250 STARTTLS\r\n"),
        (b"250\r\n", b"250-\r\n250 STARTTLS\r\n"),
        (b"250-a\r\n250 SIZE 9\r\n", b"250-a\r\n250-SIZE 9\r\n250 STARTTLS\r\n"),
        (b"250-a\r\n250-STARTTLS\r\n250 SIZE\r\n", b"250-a\r\n250-STARTTLS\r\n250 SIZE\r\n"),
        (b"250-a\r\n250 StartTLS\r\n", b"250-a\r\n250 StartTLS\r\n"),
        (b"502 no\r\n", b"502 no\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 9, 1000])
def test_smtp_offers_tls_where_the_server_does_not(reply: bytes, shown: bytes, size: int) -> None:
    """Once, in any pieces, and not where the server does not know EHLO."""
    smtp = greeted("grant")
    smtp.request(b"EHLO me\r\n")
    pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
    assert rest(frame for piece in pieces for frame in smtp.reply(piece)) == shown
    smtp.request(b"NOOP\r\n")
    assert rest(smtp.reply(b"250 ok\r\n")) == b"250 ok\r\n"


def test_smtp_grants_tls_here() -> None:
    """What stands behind the command is not read; in TLS there is no second one."""
    smtp = greeted("grant")
    (frame,) = smtp.request(b"StartTLS\r\nMAIL FROM:<a@b>\r\n")
    assert (frame.answer[:4], frame.tls, frame.last, frame.reply) == (b"220 ", "client", True, True)
    assert rest(smtp.request_end()) == b"MAIL FROM:<a@b>\r\n"
    smtp.dropped(frame.request)
    smtp.secured()
    smtp.request(b"EHLO me\r\n")
    assert rest(smtp.reply(b"250-a\r\n250 STARTTLS\r\n")) == b"250-a\r\n250 X-NO-TLS\r\n"
    assert seen(smtp.request(b"STARTTLS\r\n")) == [(b"X-NO-TLS\r\n", b"", "")]
    smtp.reply(b"502 what\r\n")
    assert not smtp.opaque


def test_smtp_grants_it_again_after_a_fault() -> None:
    """A client that was told 454 may go on, and ask once more."""
    smtp = greeted("grant")
    for _ in range(2):
        (frame,) = smtp.request(b"STARTTLS\r\n")
        assert frame.tls == "client"
        assert smtp.request_end() == []
        smtp.dropped(frame.request)


@pytest.mark.parametrize(("code", "step"), [(b"220", "both"), (b"454", "refused")])
def test_an_smtp_server_decides(code: bytes, step: str) -> None:
    """On the last line of its answer, after what was due before."""
    smtp = greeted("ask")
    frames = smtp.request(b"NOOP\r\nSTARTTLS\r\n")
    assert [frame.tls for frame in frames] == ["", "asks"]
    smtp.request_end()
    assert [frame.tls for frame in smtp.reply(b"250 ok\r\n" + code + b"-wait\r\n")] == ["", ""]
    injected = b"250 injected\r\n" if step == "both" else b""
    (frame,) = smtp.reply(code + b" now\r\n" + injected)
    assert (frame.data, frame.tls) == (code + b" now\r\n", step)
    assert rest(smtp.reply_end()) == injected
    assert not smtp.opaque


START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
WHO_AM_I = bytes.fromhex("301e02010277198017") + b"1.3.6.1.4.1.4203.1.11.3"
SUCCESS = bytes.fromhex("300c02010178070a010004000400")
BUSY = bytes.fromhex("300c02010178070a013304000400")


def test_ldap_grants_tls_here() -> None:
    """What stands behind the operation is not read; in TLS there is no second one."""
    ldap = LDAP(tls="grant")
    assert seen(ldap.request(START_TLS + WHO_AM_I)) == [(START_TLS, SUCCESS, "client")]
    assert rest(ldap.request_end()) == WHO_AM_I
    ldap.dropped()
    ldap.secured()
    assert seen(ldap.request(START_TLS)) == [(START_TLS.replace(b"20037", b"29999"), b"", "")]
    assert not ldap.opaque


@pytest.mark.parametrize(("answer", "step"), [(SUCCESS, "both"), (BUSY, "refused")])
@pytest.mark.parametrize("size", [1, 5, 100])
def test_an_ldap_server_decides(answer: bytes, step: str, size: int) -> None:
    """By the result of the operation, in any pieces; nothing behind a yes is read."""
    ldap = LDAP(tls="ask")
    assert seen(ldap.request(START_TLS)) == [(START_TLS, b"", "asks")]
    ldap.request_end()
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    frames = [frame for piece in pieces for frame in ldap.reply(piece)]
    assert (rest(frames), frames[-1].tls) == (answer, step)
    assert seen(ldap.request(WHO_AM_I)) == [(WHO_AM_I, b"", "")]
    assert not ldap.opaque


def test_what_an_ldap_server_sends_behind_its_yes_is_not_read() -> None:
    """It would be plain text inside of TLS."""
    ldap = LDAP(tls="ask")
    ldap.request(START_TLS)
    ldap.request_end()
    assert seen(ldap.reply(SUCCESS + BUSY)) == [(SUCCESS, b"", "both")]
    assert rest(ldap.reply_end()) == BUSY


def test_ldap_hides_tls_among_the_extensions() -> None:
    """In the root entry, where it is offered; the same text elsewhere stays."""
    entry = bytes.fromhex("304102010164 3c0400 3038 3036 0412") + b"supportedExtension"
    entry += bytes.fromhex("3120 0416") + b"1.3.6.1.4.1.1466.20037" + b"\4\6others"
    search = bytes.fromhex("300a0201016305040001000100")[:12]
    ldap = LDAP(tls="refuse")
    ldap.request(search)
    assert rest(ldap.reply(entry)) == entry.replace(b"20037", b"29999")
    other = entry.replace(b"supportedExtension", b"somethingDifferent")
    assert rest(ldap.reply(other)) == other
