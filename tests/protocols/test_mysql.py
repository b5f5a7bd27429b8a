"""MySQL and MariaDB: commands and their results, logins, and errors with the right numbers."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from chaostui.actions import Action, Close, Reply, Send
from chaostui.protocol import Frame, Request
from chaostui.protocols.mysql import MySQL
from chaostui.protocols.mysql_errors import ERRORS
from tests.protocols.chunking import (
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

PROTOCOL_41, TLS, COMPRESS = 0x200, 0x800, 0x20
DEPRECATE_EOF, OPTIONAL_METADATA, ATTRIBUTES = 1 << 24, 1 << 25, 1 << 27
MYSQL_8 = 0xDFFFFFFF
MARIADB = 0x81FFF7FE
"""What the servers can, as their greetings say it."""
CACHE_METADATA = 1 << 4


def packets(number: int, *payloads: bytes) -> bytes:
    """Packets with their sequence numbers from ``number`` on."""
    return b"".join(
        len(payload).to_bytes(3, "little") + bytes(((number + at) % 256,)) + payload
        for at, payload in enumerate(payloads)
    )


def greeting(version: bytes = b"8.0.36", capabilities: int = MYSQL_8, extended: int = 0) -> bytes:
    """A server's greeting."""
    flags = struct.pack("<I", capabilities)
    payload = b"\n" + version + b"\0" + struct.pack("<I", 7) + b"saltsalt\0" + flags[:2]
    payload += b"\xff\2\0" + flags[2:] + b"\x15" + bytes(6) + struct.pack("<I", extended)
    return packets(0, payload + b"saltsaltsalt\0caching_sha2_password\0")


def login(capabilities: int = PROTOCOL_41, extended: int = 0) -> bytes:
    """A client's answer to it."""
    head = struct.pack("<IIB19xI", capabilities, 1 << 24, 33, extended)
    return packets(1, head + b"bob\0\x08hunter2!caching_sha2_password\0")


TLS_REQUEST = packets(1, login(PROTOCOL_41 | TLS)[4:36])


def ok(status: int = 2) -> bytes:
    """The payload of OK, of which the status is what counts."""
    return b"\0\1\0" + struct.pack("<HH", status, 0)


def eof(status: int = 2) -> bytes:
    """The payload of EOF."""
    return b"\xfe\0\0" + struct.pack("<H", status)


def final(status: int = 2) -> bytes:
    """The payload that ends rows where EOF is deprecated."""
    return b"\xfe\0\0" + struct.pack("<HH", status, 0) + b"info" * 3


MORE, IN_TRANSACTION, CURSOR = 2 | 8, 2 | 1, 2 | 0x40
ERR = b"\xff\x15\x04#28000Access denied"
COLUMN = b"\3def\4shop\5users\5users\4name\4name\x0c?\0\1\0\0\0\xfd\x81\0\0\0\0"
ROW, LONG_ROW = b"\x01x\xfb", b"\xfe" + (1000).to_bytes(8, "little") + b"x" * 1000


def query(text: bytes) -> bytes:
    """A COM_QUERY."""
    return packets(0, b"\3" + text)


def rows(*values: bytes, status: int = 2, first: int = 1) -> bytes:
    """A result set of two columns."""
    return packets(first, b"\2", COLUMN, COLUMN, eof(status), *values, eof(status))


def execute(number: int = 1) -> bytes:
    """A COM_STMT_EXECUTE without parameters."""
    return packets(0, b"\x17" + struct.pack("<IBI", number, 0, 1))


def opened(capabilities: int = PROTOCOL_41, version: bytes = b"8.0.36", status: int = 2) -> MySQL:
    """A connection whose login is over."""
    protocol = MySQL(dice=random.Random(1))
    protocol.reply(greeting(version))
    protocol.request(login(capabilities))
    protocol.reply(packets(2, ok(status)))
    return protocol


def asked(protocol: MySQL, data: bytes) -> Request:
    """Send one command; what its frames carry."""
    request = protocol.request(data)[-1].request
    assert request is not None
    return request


LOGIN: list[Turn] = [
    ("backend", greeting()),
    ("client", login()),
    ("backend", packets(2, b"\1\3") + packets(3, ok())),
]
QUERIES: list[Turn] = [
    ("client", query(b"select 'hunter2', 1")),
    ("backend", rows(ROW, b"\xfb\xfb", b"\1y\1z")),
    ("client", query(b'insert into t values ("hunter2")')),
    ("backend", packets(1, ok(IN_TRANSACTION))),
    ("client", query(b"select nothing")),
    ("backend", packets(1, ERR)),
    ("client", query(b"select 1; do 1; select 2")),
    ("backend", rows(ROW, status=MORE) + packets(7, ok(MORE)) + rows(ROW, ROW, first=8)),
    ("client", query(b"select sleep(1) from t")),
    ("backend", packets(1, b"\2", COLUMN, COLUMN, eof(), ROW, ERR)),
    ("client", query(b"alter table t force")),
    ("backend", packets(1, b"\xff\xff\xff\1\1\1\0\0\0\4copy", ok())),
    ("client", packets(0, b"\2shop")),
    ("backend", packets(1, ok())),
    ("client", packets(0, b"\x09")),
    ("backend", packets(1, b"Uptime: 7  Threads: 1")),
    ("client", packets(0, b"\x04t\0%")),
    ("backend", packets(1, COLUMN, COLUMN, eof())),
    ("client", packets(0, b"\x1b\0\0")),
    ("backend", packets(1, eof())),
    ("client", packets(0, b"\x0e") + packets(0, b"\x1f")),
    ("backend", packets(1, ok()) + packets(1, ok())),
    ("backend", packets(0, b"\xff\xbf\x0f#HY000The client was disconnected by the server")),
    ("client", packets(0, b"\1")),
]
STATEMENTS: list[Turn] = [
    ("client", packets(0, b"\x16select ?, ?")),
    ("backend", packets(1, b"\0\1\0\0\0\1\0\2\0\0\0\0", COLUMN, COLUMN, eof(), COLUMN, eof())),
    ("client", packets(0, b"\x18\1\0\0\0\0\0hunter2") + execute()),
    ("backend", packets(1, b"\1", COLUMN, eof(), b"\0\0\1x", b"\0\0\1y", eof())),
    ("client", execute()),
    ("backend", packets(1, b"\1", COLUMN, eof(CURSOR))),
    ("client", packets(0, b"\x1c\1\0\0\0\1\0\0\0")),
    ("backend", packets(1, b"\0\0\1x", eof(CURSOR | 0x80))),
    ("client", packets(0, b"\x1a\1\0\0\0")),
    ("backend", packets(1, ok())),
    ("client", packets(0, b"\x19\1\0\0\0") + packets(0, b"\x16do 1")),
    ("backend", packets(1, b"\0\2\0\0\0\0\0\0\0\0\0\0")),
    ("client", execute(1)),
    ("backend", packets(1, ERR)),
    ("client", packets(0, b"\x16nonsense")),
    ("backend", packets(1, ERR)),
]
FILES: list[Turn] = [
    ("client", query(b"load data local infile 'hunter2.csv' into table t")),
    ("backend", packets(1, b"\xfbhunter2.csv")),
    ("client", packets(2, *[b"1,hunter2\n"] * 300, b"")),
    ("backend", packets(47, ok())),
    ("client", query(b"load data local infile 'none' into table t")),
    ("backend", packets(1, b"\xfbnone")),
    ("client", packets(2, b"")),
    ("backend", packets(3, ERR)),
    ("client", packets(0, b"\x11eve\0\x08hunter2!\0")),
    ("backend", packets(1, b"\xfesha256_password\0salt")),
    ("client", packets(2, b"\1")),
    ("backend", packets(3, b"\1-----BEGIN PUBLIC KEY-----")),
    ("client", packets(4, b"hunter2")),
    ("backend", packets(5, ERR)),
    ("client", query(b"select 1")),
    ("backend", rows()),
]
WITHOUT_EOF: list[Turn] = [
    ("backend", greeting()),
    ("client", login(PROTOCOL_41 | DEPRECATE_EOF | OPTIONAL_METADATA | ATTRIBUTES)),
    ("backend", packets(2, b"\1\4")),
    ("client", packets(3, b"\2")),
    ("backend", packets(4, b"\1-----BEGIN PUBLIC KEY-----")),
    ("client", packets(5, b"hunter2" * 40)),
    ("backend", packets(6, ok())),
    ("client", query(b"\0\1select 'hunter2'")),
    ("backend", packets(1, b"\1\2", COLUMN, COLUMN, ROW, LONG_ROW, final(MORE))),
    ("backend", packets(7, b"\0\2", ROW, final())),
    ("client", query(b"\1\1\0\1\3\0\4namehunter2select 1")),
    ("backend", packets(1, ok())),
    ("client", packets(0, b"\x16select ?")),
    ("backend", packets(1, b"\0\1\0\0\0\1\0\1\0\0\0\0\1", COLUMN, COLUMN)),
    ("client", execute()),
    ("backend", packets(1, b"\1\1", COLUMN, b"\0\0\1x", final(CURSOR))),
    ("client", packets(0, b"\x16select 2")),
    ("backend", packets(1, b"\0\2\0\0\0\1\0\0\0\0\0\0\0")),
]
CACHED: list[Turn] = [
    ("backend", greeting(b"5.5.5-10.11.8-MariaDB", MARIADB, 0x1D)),
    ("client", login(PROTOCOL_41, CACHE_METADATA)),
    ("backend", packets(2, b"\xfemysql_native_password\0salt\0")),
    ("client", packets(3, b"")),
    ("backend", packets(4, ok())),
    ("client", packets(0, b"\x16select ?")),
    ("backend", packets(1, b"\0\1\0\0\0\1\0\1\0\0\0\0", COLUMN, eof(), COLUMN, eof())),
    ("client", execute()),
    ("backend", packets(1, b"\1\1", COLUMN, eof(), b"\0\0\1x", eof())),
    ("client", execute()),
    ("backend", packets(1, b"\1\0", eof(), b"\0\0\1x", eof())),
]
DIALOGUES = [
    [*LOGIN, *QUERIES],
    [*LOGIN, *STATEMENTS],
    [*LOGIN, *FILES],
    WITHOUT_EOF,
    CACHED,
]
SHORT = [[*turns[:3], *turns[at : at + 6]] for turns in DIALOGUES for at in range(3, len(turns), 6)]


@thorough
@given(st.data(), st.sampled_from(DIALOGUES))
def test_messages_do_not_depend_on_how_bytes_are_cut(
    data: st.DataObject, dialogue: list[Turn]
) -> None:
    """Any chunks of a dialogue make the same messages of the same bytes."""
    assert talk(MySQL(), data.draw(cuts(dialogue))) == talk(MySQL(), dialogue)


@thorough
@given(st.sampled_from(SHORT).flatmap(garbled))
def test_no_byte_is_lost_where_the_bytes_make_no_sense(turns: list[Turn]) -> None:
    """A garbled dialogue raises nothing and passes whole."""
    talk(MySQL(), turns)


@thorough
@given(st.lists(st.tuples(st.sampled_from(["client", "backend"]), st.binary(max_size=60))))
def test_noise_passes_whole(turns: list[Turn]) -> None:
    """Random bytes from both sides raise nothing and pass whole."""
    talk(MySQL(), turns)
    protocol = opened()
    for side, data in turns:
        protocol.request(data) if side == "client" else protocol.reply(data)


def named(turns: Sequence[Turn]) -> list[tuple[str, bool]]:
    """The requests of a dialogue by name, and whether each gets a reply."""
    return [(m.request.name, m.reply) for m in talk(MySQL(), turns).requests if m.request]


@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_every_request_is_answered_once(dialogue: list[Turn]) -> None:
    """Replies that are due and replies that came are the same number, each with its end."""
    found = talk(MySQL(), dialogue)

    assert found.opaque == ""
    assert [m.last for m in found.replies if not m.aside] == [True] * sum(
        m.reply for m in found.requests
    )
    assert all(m.last for m in found.requests)


def test_a_login_is_cut_where_it_is_the_clients_turn() -> None:
    """The greeting answers nothing; each step of the login is an exchange without secrets."""
    assert named(WITHOUT_EOF)[:3] == [
        ("LOGIN bob", True), ("AUTHENTICATION", True), ("AUTHENTICATION", True),
    ]  # fmt: skip
    found = talk(MySQL(), LOGIN).replies
    assert [(m.aside, m.data) for m in found] == [
        (True, greeting()),
        (False, packets(2, b"\1\3") + packets(3, ok())),
    ]


def test_queries_are_known_by_their_text() -> None:
    """Names show what is asked, and no strings."""
    assert named([*LOGIN, *QUERIES])[1:] == [
        ("select ?, 1", True),
        ("insert into t values (?)", True),
        ("select nothing", True),
        ("select 1; do 1; select 2", True),
        ("select sleep(1) from t", True),
        ("alter table t force", True),
        ("USE shop", True),
        ("STATISTICS", True),
        ("FIELD LIST t", True),
        ("SET OPTION", True),
        ("PING", True),
        ("RESET CONNECTION", True),
        ("QUIT", False),
    ]


def test_statements_are_known_by_their_text() -> None:
    """An execute has the name of what was prepared, until that is closed."""
    assert named([*LOGIN, *STATEMENTS])[1:] == [
        ("select ?, ?", True),
        ("LONG DATA 1", False),
        ("select ?, ?", True),
        ("select ?, ?", True),
        ("FETCH 1", True),
        ("RESET 1", True),
        ("CLOSE 1", False),
        ("do 1", True),
        ("EXECUTE 1", True),
        ("nonsense", True),
    ]


def test_a_files_bytes_are_a_message_without_a_reply() -> None:
    """What LOAD DATA LOCAL reads belongs to the statement's exchange."""
    assert named([*LOGIN, *FILES])[1:] == [
        ("load data local infile ? into table t", True),
        ("LOCAL INFILE data", False),
        ("load data local infile ? into table t", True),
        ("LOCAL INFILE data", False),
        ("CHANGE USER eve", True),
        ("AUTHENTICATION", True),
        ("AUTHENTICATION", True),
        ("select 1", True),
    ]


def test_query_attributes_stand_before_the_text() -> None:
    """MySQL 8 clients may send attributes; where there are none the text has its name."""
    assert [name for name, _ in named(WITHOUT_EOF)[3:5]] == ["select ?", "QUERY"]


def test_a_payload_of_many_packets_is_one_message() -> None:
    """What fills a packet goes on in the next, in both directions."""
    protocol = opened()
    full = b"\xff\xff\xff"
    frames = protocol.request(full + b"\0" + b"\3insert " + b"x" * (0xFFFFFF - 8))
    frames += protocol.request(full + b"\1" + b"x" * 0xFFFFFF) + protocol.request(b"\0\0\0\2")
    (sent,) = messages(frames)
    (action,) = protocol.error("deadlock", request=sent.request)
    frames = protocol.reply(packets(3, b"\1", COLUMN, eof()) + full + b"\6" + b"\xfe" * 0xFFFFFF)
    frames += protocol.reply(b"\0\0\0\7" + packets(8, eof()))

    assert sent.last
    assert len(sent.data) == 2 * 0xFFFFFF + 12
    assert isinstance(action, Reply)
    assert action.data[3] == 3
    assert [m.last for m in messages(frames)] == [True]


def test_a_result_may_have_many_columns() -> None:
    """A count over 250 takes more bytes, and so do the definitions."""
    protocol = opened()
    result = packets(1, b"\xfc\x2c\1", *[COLUMN] * 300, eof(), ROW, eof())
    protocol.request(query(b"select *"))

    (found,) = messages(frame for piece in pieces(result, 37) for frame in protocol.reply(piece))

    assert found.last
    assert found.data == result


@pytest.mark.parametrize("before", [[b"\2", COLUMN], [b"\1", COLUMN]])
def test_an_error_may_come_at_any_place_of_a_result(before: list[bytes]) -> None:
    """Where a definition or the end of them is due, an error ends the reply."""
    protocol = opened()
    protocol.request(query(b"select 1"))

    assert protocol.reply(packets(1, *before, ERR))[0].last


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([("backend", greeting()), ("client", TLS_REQUEST), ("client", b"\x16")],
         "TLS"),
        ([("backend", greeting()), ("client", TLS_REQUEST), ("backend", b"\x16")], "TLS"),
        ([("backend", greeting()), ("client", login(PROTOCOL_41 | COMPRESS)),
          ("backend", packets(2, ok())), ("client", b"x")], "compression"),
        ([*LOGIN, ("client", packets(0, b"\x12") + b"x")], "replication"),
        ([*LOGIN, ("client", packets(0, b"\xfe"))], "no known command 0xfe"),
        ([*LOGIN, ("client", packets(1, b"\3select 1"))], "no command of MySQL's begins like this"),
        ([("client", b"GET / HTTP/1.1\r\n")], "the client has spoken before the server's greeting"),
        ([("backend", b"HTTP/1.1 400 Bad Request\r\n\r\n")], "no greeting of MySQL's protocol 10"),
        ([("backend", packets(0, b"\x093.23.58\0"))], "no greeting of MySQL's protocol 10"),
        ([("backend", greeting()), ("client", packets(1, b"\5\0\0\0\0bob\0"))],
         "no login of MySQL 4.1 or later"),
        ([*LOGIN, ("client", query(b"select 1")), ("backend", packets(1, b""))],
         "an empty packet of a MySQL server's"),
        ([*LOGIN, ("client", query(b"select 1")), ("backend", packets(1, b"\1", COLUMN, ROW))],
         "no EOF packet after the column definitions"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_passes_as_it_is(turns: list[Turn], why: str) -> None:
    """TLS, compression, replication and other protocols: the frame is lost, no byte is."""
    assert talk(MySQL(), turns).opaque == why


def test_tls_can_be_hidden_from_clients() -> None:
    """With ``tls = "refuse"`` a greeting offers neither TLS nor compression."""
    protocol = MySQL(tls="refuse")
    hidden = TLS | COMPRESS | 1 << 26

    assert joined(protocol.reply(greeting())) == greeting(capabilities=MYSQL_8 & ~hidden)
    protocol.request(login(PROTOCOL_41 | COMPRESS))
    protocol.reply(packets(2, ok()))
    assert protocol.request(query(b"select 1"))[0].last
    assert not protocol.opaque


def test_a_whole_message_is_passed_on_as_the_object_it_was() -> None:
    """A chunk that is one command, or one result, is not copied."""
    protocol, command, result = opened(), query(b"select 1"), rows(ROW)

    assert protocol.request(command)[0].data is command
    assert protocol.reply(result)[0].data is result


def test_a_long_packet_streams_through() -> None:
    """Only the head of a command is held back, and of a reply no more than a few bytes."""
    protocol = opened()
    command, result = query(b"x" * 100_000), packets(1, b"\1", COLUMN, eof(), LONG_ROW)

    assert joined(protocol.request(command[:300])) == command[:300]
    assert joined(protocol.request(command[300:-1])) == command[300:-1]
    assert protocol.request(command[-1:])[0].last
    assert joined(protocol.reply(result[:-7])) == result[:-7]
    assert joined(protocol.reply(result[-7:])) == result[-7:]


def test_a_declared_length_takes_no_memory() -> None:
    """Packets that claim to be of 16 MiB cost what was sent of them."""
    protocol = opened()
    tracemalloc.start()
    protocol.request(b"\xff\xff\xff\0\3" + b"x" * 1000)
    protocol.reply(b"\xff\xff\xff\1" + b"x" * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 100_000


@pytest.mark.parametrize(
    ("client", "data"),
    [
        (True, query(b"x" * (1 << 20))),
        (False, packets(1, b"\1", COLUMN, eof(), *[b"\x1b" + b"x" * 27] * 32_000)),
        (False, packets(1, b"\1", COLUMN, eof(), b"\xfd\xff\xff\x0f" + b"x" * (1 << 20))),
    ],
)
def test_small_pieces_cost_little(client: bool, data: bytes) -> None:
    """A mebibyte in pieces of 64 bytes costs by its packets, not by its pieces."""
    parts = pieces(data[: 1 << 20], 64)

    def work() -> None:
        protocol = opened()
        cut = protocol.request if client else protocol.reply
        if not client:
            protocol.request(query(b"select 1"))
        for part in parts:
            cut(part)

    assert cpu(work) < 0.5


def test_statements_that_a_client_prepares_are_not_remembered_without_end() -> None:
    """Only so many statements are known by their texts."""
    protocol = opened()
    for number in range(2000):
        protocol.request(packets(0, b"\x16do 1"))
        protocol.reply(packets(1, b"\0" + struct.pack("<I", number) + bytes(7)))

    assert len(protocol.session.statements) == 1000


# -- errors -----------------------------------------------------------------------------------


def spoken(actions: tuple[Action, ...]) -> bytes:
    """The reply made here."""
    assert isinstance(actions[0], Reply)
    return actions[0].data


def test_a_refused_connection_gets_an_error_for_a_greeting() -> None:
    """Byte for byte what MariaDB sends at its limit: number 0 and no SQLSTATE."""
    golden = bytes.fromhex("17 00 00 00 ff 10 04") + b"Too many connections"

    assert MySQL().error("too_many_connections", "open") == (Reply(golden), Close())
    assert MySQL().error("", "open") == (Reply(golden), Close())
    assert MySQL().error("deadlock", "open") == ()


@pytest.mark.parametrize(
    ("kind", "golden"),
    [
        ("lock_wait_timeout", b"\x3f\0\0\1\xff\xb5\4#HY000"
         b"Lock wait timeout exceeded; try restarting transaction"),
        ("deadlock", b"\x4b\0\0\1\xff\xbd\4#40001"
         b"Deadlock found when trying to get lock; try restarting transaction"),
        ("interrupted", b"\x28\0\0\1\xff\x25\5#70100Query execution was interrupted"),
    ],
)  # fmt: skip
def test_an_error_is_what_the_real_server_sends(kind: str, golden: bytes) -> None:
    """Byte for byte what was captured from MariaDB."""
    protocol = opened()

    assert protocol.error(kind, request=asked(protocol, query(b"select 1"))) == (Reply(golden),)


@pytest.mark.parametrize(
    ("version", "number", "state"),
    [(b"8.0.36", 3024, b"HY000"), (b"5.5.5-10.11.8-MariaDB", 1969, b"70100")],
)
def test_each_server_has_its_own_timeout(version: bytes, number: int, state: bytes) -> None:
    """MySQL and MariaDB tell a statement's timeout by different numbers."""
    protocol = opened(version=version)
    said = spoken(protocol.error("query_timeout", request=asked(protocol, query(b"select 1"))))

    assert said[4:13] == b"\xff" + struct.pack("<H", number) + b"#" + state


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_the_number_after_the_commands(kind: str) -> None:
    """The sequence number goes on from the request's."""
    protocol = opened()
    actions = protocol.error(kind, request=asked(protocol, query(b"select 1")))

    assert spoken(actions)[3] == 1
    assert actions[1:] == ((Close(),) if ERRORS[kind].closes else ())


@pytest.mark.parametrize("kind", ERRORS)
def test_a_login_fails_only_as_logins_do(kind: str) -> None:
    """It is refused or told of a shutdown; a deadlock can only come later, so it passes."""
    protocol = MySQL()
    protocol.reply(greeting())
    actions = protocol.error(kind, request=asked(protocol, login()))

    if kind in ("too_many_connections", "host_blocked", "shutdown", "out_of_memory",
                "resource_limit"):  # fmt: skip
        assert spoken(actions)[3] == 2
        assert actions[1:] == (Close(),)
    else:
        assert actions == (Send(login()),)


def test_a_wish_for_tls_passes_although_it_is_hit() -> None:
    """It gets no answer that an error could take the place of."""
    protocol = MySQL()
    protocol.reply(greeting())

    assert protocol.error("shutdown", request=asked(protocol, TLS_REQUEST)) == (Send(TLS_REQUEST),)


def test_a_deadlock_rolls_the_transaction_back() -> None:
    """The server gets a ROLLBACK; the client gets the error in place of the answer to it."""
    protocol = opened(status=IN_TRANSACTION)
    request = asked(protocol, execute(5))

    assert protocol.error("deadlock", request=request) == (Send(packets(0, b"\3ROLLBACK")),)
    answer = packets(1, ok(2))
    frames = protocol.reply(answer[:9]) + protocol.reply(answer[9:])
    assert [(f.first, f.last, f.data[3:7]) for f in frames] == [(True, True, b"\1\xff\xbd\4")]
    assert len(protocol.error("deadlock", request=asked(protocol, execute(5)))) == 1


ROLLBACK, RESET = packets(0, b"\3ROLLBACK"), packets(0, b"\x1a\1\0\0\0")
LONG = packets(0, b"\x18\1\0\0\0\0\0hunter2")


@pytest.mark.parametrize(
    ("before", "data", "status", "sent"),
    [
        (b"", query(b"commit"), IN_TRANSACTION, ROLLBACK),
        (b"", query(b"/* x */ COMMIT AND CHAIN"), IN_TRANSACTION, ROLLBACK),
        (b"", query(b"rollback work"), IN_TRANSACTION, ROLLBACK),
        (b"", query(b"rollback to a"), IN_TRANSACTION, b""),
        (b"", query(b"ROLLBACK WORK TO SAVEPOINT a"), IN_TRANSACTION, b""),
        (b"", query(b"commit"), 2, b""),
        (query(b"begin"), query(b"commit"), 2, ROLLBACK),
        (b"", query(b"insert into t values (1)"), IN_TRANSACTION, b""),
        (b"", packets(0, b"\x16commit"), IN_TRANSACTION, packets(0, b"\x16")),
        (b"", packets(0, b"\x16select 1"), 2, packets(0, b"\x16")),
        (LONG, execute(), 2, RESET),
        (LONG, execute(2), 2, b""),
        (LONG, packets(0, b"\xfa\1\0\0\0\0\0"), 2, RESET),
        (LONG + execute(), execute(), 2, b""),
    ],
)
def test_the_server_undoes_what_a_failed_command_would_leave(
    before: bytes, data: bytes, status: int, sent: bytes
) -> None:
    """It gets a command that makes its state what the client takes it for; else nothing."""
    protocol = opened(status=status)
    protocol.request(before)
    request = asked(protocol, data)

    (action,) = protocol.error("interrupted", request=request)
    if not sent:
        assert isinstance(action, Reply)
        assert not protocol.promised
        return
    assert action == Send(sent)
    assert protocol.promised
    for _ in range(2 if before and before != LONG else 1):
        frames = protocol.reply(packets(1, ERR if sent == packets(0, b"\x16") else ok()))
    assert frames[-1].data[4:7] == b"\xff\x25\5"
    assert not protocol.promised


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (query(b"show tables"), "deadlock", "interrupted for deadlock"),
        (query(b"set a = 1"), "read_only", "interrupted for read_only"),
        (packets(0, b"\2shop"), "disk_full", "interrupted for disk_full"),
        (query(b"select 1"), "deadlock", "deadlock"),
        (query(b"begin"), "query_timeout", "query_timeout"),
        (packets(0, b"\x0e"), "shutdown", "shutdown"),
    ],
)
def test_a_kind_is_said_where_a_server_says_it(data: bytes, kind: str, said: str) -> None:
    """Else the nearest, which the event names."""
    protocol = opened()
    action = protocol.error(kind, request=asked(protocol, data))[0]
    assert isinstance(action, Reply)
    assert action.what == said


@pytest.mark.parametrize("data", [b"\x0e", b"\x09", b"\x1f", b"\x1b\0\0", b"\x1a\1\0\0\0"])
@pytest.mark.parametrize("kind", ["deadlock", "query_timeout", "out_of_memory"])
def test_what_runs_no_statement_passes(data: bytes, kind: str) -> None:
    """A ping, statistics, a reset: only their connection can fail."""
    protocol = opened(status=IN_TRANSACTION)
    assert protocol.error(kind, request=asked(protocol, packets(0, data))) == (
        Send(packets(0, data)),
    )


def test_what_two_commands_would_have_to_undo_ends_the_connection() -> None:
    """A deadlock in a transaction, of a statement with long data: the server forgets all."""
    protocol = opened(status=IN_TRANSACTION)
    protocol.request(LONG)
    actions = protocol.error("deadlock", request=asked(protocol, execute()))
    assert actions[1:] == (Close(),)


def test_a_file_is_given_up_and_the_statement_fails() -> None:
    """The server waits for the file: it gets an empty one, the client the error."""
    protocol = opened()
    protocol.request(query(b"load data local infile 'a' into table t"))
    protocol.reply(packets(1, b"\xfba"))
    request = asked(protocol, packets(2, b"1\n", b"2\n", b""))

    assert protocol.error("disk_full", request=request) == (Send(packets(2, b"")),)
    (frame,) = protocol.reply(packets(3, ok()))
    assert frame.last
    assert frame.data[3:7] == b"\5\xff\x5a\4"


def test_what_gets_no_reply_passes_although_it_is_hit() -> None:
    """A close is not answered, so not by an error either; half a parameter ends it all."""
    protocol = opened()
    close, long = packets(0, b"\x19\1\0\0\0"), packets(0, b"\x18\1\0\0\0\0\0" + b"x" * 900)

    assert protocol.error("deadlock", request=asked(protocol, close)) == (Send(close),)
    assert protocol.error("deadlock", request=asked(protocol, long)) == (Close(),)


def test_likely_errors_depend_on_the_phase() -> None:
    """Without a kind a login is refused, and a command fails in one of several ways."""
    protocol = MySQL(dice=random.Random(3))
    protocol.reply(greeting())
    request = asked(protocol, login())
    refused = {spoken(protocol.error(request=request))[5:7] for _ in range(20)}
    ready = opened()
    request = asked(ready, query(b"select 1"))
    failed = {int.from_bytes(spoken(ready.error(request=request))[5:7], "little")
              for _ in range(50)}  # fmt: skip

    assert refused == {b"\x10\4"}
    assert failed == {1053, 1205, 1213, 3024}


def test_an_unknown_kind_is_refused() -> None:
    """Only errors that the protocol lists can be asked for."""
    with pytest.raises(ValueError, match="'nope'"):
        opened().error("nope")


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (packets(0, b"\x11eve\0\x08hunter2!\0"), packets(0, b"\x11eve\0")[4:]),
        (query(b"select 'hunter2'"), query(b"select 'hunter2'")[4:]),
    ],
)
def test_passwords_are_not_shown(data: bytes, shown: bytes) -> None:
    """Of a login, and of a change of user, only the user's name shows; queries show."""
    fresh, protocol = MySQL(), opened()
    fresh.reply(greeting())
    (first,) = fresh.request(login())
    (step,) = fresh.request(packets(3, b"hunter2"))
    (later,) = protocol.request(data)
    hidden = len(data) - 4 - len(shown)

    assert fresh.redact(first, upstream=True) == login()[:40] + b"*" * (len(login()) - 40)
    assert fresh.redact(step, upstream=True) == packets(3, b"hunter2")[:4] + b"*" * 7
    assert protocol.redact(later, upstream=True) == data[:4] + shown + b"*" * hidden
    assert protocol.redact(Frame(b"x"), upstream=False) == b"x"


def test_a_login_that_breaks_off_is_not_shown() -> None:
    """What is still held back at the client's FIN is no less secret; more than a login passes."""
    protocol = MySQL()
    protocol.reply(greeting())
    protocol.request(login()[:50])
    (rest,) = protocol.request_end()
    long = MySQL()
    long.reply(greeting())
    data = packets(1, login()[4:] + b"x" * 6000)
    (begin,) = long.request(data[:5000])
    (end,) = long.request(data[5000:])

    assert protocol.redact(rest, upstream=True) == login()[:4] + b"*" * 46
    assert long.redact(begin, upstream=True) == data[:40] + b"*" * 4960
    assert long.redact(end, upstream=True) == b"*" * (len(data) - 5000)


def test_a_dropped_command_leaves_no_gap() -> None:
    """After an answer made here, replies belong to the commands that were passed on."""
    protocol = opened()
    frames = protocol.request(query(b"select 1") + packets(0, b"\x09"))
    protocol.dropped(frames[0].request)

    assert protocol.reply(packets(1, b"Uptime: 1")) == [Frame(packets(1, b"Uptime: 1"))]
