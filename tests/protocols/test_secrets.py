"""What is shown of a connection's bytes: no password, no token, and the same length."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from chaostui.protocol import Frame, Protocol
from chaostui.protocols.http import Http
from chaostui.protocols.memcached import Memcached
from chaostui.protocols.mysql import MySQL
from chaostui.protocols.postgres import Postgres
from chaostui.protocols.redis import Redis
from chaostui.protocols.smtp import Smtp

SECRET = b"hunter2"
STARS = b"*******"


def shown(protocol: Protocol, *pieces: bytes, upstream: bool = True) -> bytes:
    """What a reader sees of bytes that came in pieces."""
    cut: Callable[[bytes], list[Frame]] = protocol.request if upstream else protocol.reply
    end = protocol.request_end if upstream else protocol.reply_end
    frames = [frame for piece in pieces for frame in cut(piece)] + end()
    return b"".join(protocol.redact(frame, upstream=upstream) for frame in frames)


def resp(*words: bytes) -> bytes:
    """A command of Redis's."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: hunter2",
        b"authorization:hunter2",
        b"Proxy-Authorization: hunter2",
        b"Cookie: hunter2",
        b"X-Api-Key:  hunter2",
        b"Referer: http://hunter2@host/",
        b"Referer: http://host/?a=1&api_key=hunter2&b=2",
    ],
)
def test_http_fields_are_hidden(line: bytes) -> None:
    """The value becomes stars; name, other fields and body stay."""
    head = b"POST /a HTTP/1.1\r\nHost: b\r\n%s\r\nContent-Length: 7\r\n\r\n"

    assert shown(Http(), (head + SECRET) % line) == (head + SECRET) % line.replace(SECRET, STARS)


@pytest.mark.parametrize(
    "target",
    [
        b"/a?password=hunter2",
        b"/a?b=1&access_token=hunter2&c=2",
        b"/a?client-secret=hunter2#d",
        b"http://hunter2@host/a?b=1",
    ],
)
def test_urls_are_hidden_in_part(target: bytes) -> None:
    """Who logs in and secret keys of a query; the rest of a URL stays."""
    request = b"\r\nGET %s HTTP/1.1\r\nHost: b\r\n\r\n"

    assert shown(Http(), request % target) == request % target.replace(SECRET, STARS)


def test_replies_of_http_are_hidden_too() -> None:
    """Cookies that are set, also before the final reply, and where a redirect leads."""
    protocol = Http()
    protocol.request(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n")
    early = b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: hunter2\r\n\r\n"
    reply = (
        b"HTTP/1.1 302 Found\r\nSet-Cookie: hunter2\r\nLocation: /?token=hunter2\r\n"
        b"Content-Length: 19\r\n\r\nSet-Cookie: hunter2"
    )

    head, end, body = reply.partition(b"\r\n\r\n")
    expected = (early + head).replace(SECRET, STARS) + end + body
    assert shown(protocol, early + reply, upstream=False) == expected


@pytest.mark.parametrize(
    ("words", "visible"),
    [
        ((b"AUTH", SECRET), 1),
        ((b"auth", b"user", SECRET), 1),
        ((b"HELLO", b"3", b"AUTH", b"user", SECRET), 2),
        ((b"ACL", b"SETUSER", b"bob", b">" + SECRET), 2),
        ((b"CONFIG", b"set", b"requirepass", SECRET), 2),
        ((b"SENTINEL", b"SET", b"main", b"auth-pass", SECRET), 2),
        ((b"MIGRATE", b"h", b"1", b"k", b"0", b"9", b"AUTH", SECRET), 1),
    ],
)
def test_redis_commands_are_hidden_after_their_names(
    words: tuple[bytes, ...], visible: int
) -> None:
    """As arrays and as lines; the next command is shown again."""
    plain, line = resp(*words) + resp(b"GET", SECRET), b" ".join(words) + b"\r\n"
    keep = len(b"*1\r\n") + sum(len(b"$1\r\n%s\r\n" % word) for word in words[:visible])
    stars = b"*" * (len(resp(*words)) - keep)

    assert shown(Redis(), plain) == plain[:keep] + stars + resp(b"GET", SECRET)
    keep = len(b" ".join(words[:visible]))
    assert shown(Redis(), line) == line[:keep] + b"*" * (len(line) - keep)


@pytest.mark.parametrize(
    "words",
    [(b"SET", b"a", SECRET), (b"CONFIG", b"GET", b"x"), (b"ACL", b"LIST"), (b"HELLO", b"3")],
)
def test_other_commands_of_redis_are_shown(words: tuple[bytes, ...]) -> None:
    """Data is what a reader came for."""
    assert shown(Redis(), resp(*words)) == resp(*words)


def test_logins_of_smtp_are_hidden() -> None:
    """What comes with AUTH, what is asked for after it, and a line that is no command."""
    protocol = Smtp()
    protocol.reply(b"220 hi\r\n")
    assert shown(protocol, b"AUTH PLAIN hunter2\r\n") == b"AUTH PLAIN *******\r\n"
    protocol.reply(b"235 ok\r\n")
    assert shown(protocol, b"AUTH LOGIN\r\n") == b"AUTH LOGIN\r\n"
    protocol.reply(b"334 VXNlcm5hbWU6\r\n")
    assert shown(protocol, b"hunter2\r\n") == b"*******\r\n"
    protocol.reply(b"334 UGFzc3dvcmQ6\r\n")
    assert shown(protocol, b"hunter2\r\nhunter2\r\n") == b"*******\r\n*******\r\n"
    protocol.reply(b"235 ok\r\n500 what\r\n")
    assert shown(protocol, b"MAIL FROM:<hunter2>\r\n") == b"MAIL FROM:<hunter2>\r\n"


@pytest.mark.parametrize("opcode", [0x21, 0x22])
def test_sasl_of_memcached_is_hidden(opcode: int) -> None:
    """Of a binary login only the header is shown; a set's value stays."""
    head = bytes([0x80, opcode, 0, 5, 0, 0, 0, 0, 0, 0, 0, 12]) + bytes(12)

    assert shown(Memcached(), head + b"PLAIN" + SECRET) == head + b"*" * 12
    late = b"get a\r\nset a 0 0 7\r\nhunter2\r\n"
    assert shown(Memcached(), late) == late


@pytest.mark.parametrize(
    ("data", "visible"),
    [
        (b"set login 0 0 12\r\nuser hunter2\r\n", 18),
        (b"set a 0 0 7 noreply\r\nhunter2\r\n", 21),
        (b"ms a 7\r\nhunter2\r\n", None),
        (b"add a 0 0 7\r\nhunter2\r\n", None),
        (b"\x80\1\0\1\0\0\0\0\0\0\0\x08" + bytes(12) + b"ahunter2", None),
    ],
)
def test_the_first_set_of_memcached_may_be_a_login(data: bytes, visible: int | None) -> None:
    """A server with an auth file takes its value for user and password; a later one is shown."""
    again = b"set b 0 0 7\r\nhunter2\r\n"
    hidden = data if visible is None else data[:visible] + b"*" * len(data[visible:])

    assert shown(Memcached(), data + again) == hidden + again


GUARDED = [
    ((b"CONFIG", b"GET", b"requirepass"), b"*2\r\n$11\r\nrequirepass\r\n$7\r\nhunter2\r\n"),
    ((b"config", b"get", b"master*"), b"%1\r\n$10\r\nmasterauth\r\n$7\r\nhunter2\r\n"),
    ((b"ACL", b"LIST"), b"*1\r\n$23\r\nuser bob on #hunter2 ~*\r\n"),
    ((b"acl", b"getuser", b"bob"), b"*2\r\n$9\r\npasswords\r\n*1\r\n$7\r\nhunter2\r\n"),
    ((b"ACL", b"GENPASS"), b"$7\r\nhunter2\r\n"),
    ((b"SENTINEL", b"CONFIG", b"GET", b"*"), b"*2\r\n+sentinel-pass\r\n+hunter2\r\n"),
]
PLAIN = [
    ((b"GET", b"a"), b"$7\r\nhunter2\r\n"),
    ((b"CONFIG", b"RESETSTAT"), b"+hunter2\r\n"),
    ((b"ACL", b"WHOAMI"), b"+hunter2\r\n"),
]


@pytest.mark.parametrize(("words", "reply"), GUARDED)
def test_replies_with_passwords_of_redis_are_hidden(words: tuple[bytes, ...], reply: bytes) -> None:
    """All of the reply, in a pipeline too; what comes before and after is shown."""
    other = b"$7\r\nhunter2\r\n"
    for pieces in ([other + reply + other], [other, reply[:9], reply[9:-4], reply[-4:] + other]):
        protocol = Redis()
        frames = protocol.request(resp(b"GET", b"a") + resp(*words) + resp(b"GET", b"a"))

        stars = b"*" * len(reply)
        assert shown(protocol, *pieces, upstream=False) == other + stars + other
        assert [SECRET.decode() in repr(frame.request) for frame in frames] == [False] * 3


@pytest.mark.parametrize(("words", "reply"), PLAIN)
def test_other_replies_of_redis_are_shown(words: tuple[bytes, ...], reply: bytes) -> None:
    """What an application reads from its database is what a reader came for."""
    protocol = Redis()
    protocol.request(resp(*words))

    assert shown(protocol, reply, upstream=False) == reply


@pytest.mark.parametrize(("queued", "hidden"), [(GUARDED[0][0], True), (PLAIN[0][0], False)])
def test_a_transaction_hides_what_one_of_its_replies_would(
    queued: tuple[bytes, ...], hidden: bool
) -> None:
    """EXEC answers all at once; the transaction after it is shown again."""
    protocol = Redis()
    transaction = resp(b"MULTI") + resp(*queued) + resp(b"EXEC")
    protocol.request(transaction + resp(b"MULTI") + resp(b"EXEC"))
    answers, result = b"+OK\r\n+QUEUED\r\n", b"*1\r\n$7\r\nhunter2\r\n"

    seen = shown(protocol, answers + result + b"+OK\r\n*0\r\n", upstream=False)
    assert (SECRET not in seen) == hidden
    assert len(seen) == len(answers + result) + 9
    assert seen.endswith(b"+OK\r\n*0\r\n")


@pytest.mark.parametrize("kind", [Http, Memcached, MySQL, Postgres, Redis, Smtp])
def test_nothing_is_shown_once_the_frame_is_lost(kind: Any) -> None:
    """What cannot be followed is shown as its length alone."""
    protocol = kind()
    protocol.request(b"\x16\x03\x01" if kind is not MySQL else b"hunter2 hunter2")
    assert protocol.opaque

    assert shown(protocol, b"Authorization: hunter2\r\n") == b"*" * 24
    assert shown(protocol, b"hunter2", upstream=False) == STARS


HIDDEN = {
    Http: b"GET /?token=hunter2 HTTP/1.1\r\nCookie: a=hunter2\r\n\r\n",
    Redis: resp(b"AUTH", b"user", b"hunter2") + b"AUTH hunter2\r\n",
    Smtp: b"AUTH PLAIN hunter2\r\n",
    Memcached: bytes([0x80, 0x21, 0, 5, 0, 0, 0, 0, 0, 0, 0, 12]) + bytes(12) + b"PLAIN" + SECRET,
}


@pytest.mark.parametrize("kind", HIDDEN)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_chunks_cannot_split_a_secret(kind: Any, data: st.DataObject) -> None:
    """However the bytes come, not even a part of the secret is shown, and lengths are kept."""
    whole = HIDDEN[kind]
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=8).map(sorted))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(edges) if a < b]

    visible = shown(kind(), *pieces)
    assert len(visible) == len(whole)
    assert not any(part in visible for part in (b"hun", b"nte", b"ter2"))
