"""PostgreSQL: units of work and their replies, the connection's start, and true errors."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, strategies as st

from chaostui.actions import Action, Close, Reply, Send
from chaostui.handler import Context
from chaostui.handlers.errors import Errors
from chaostui.protocol import Frame, Request
from chaostui.protocols.postgres import Postgres
from chaostui.protocols.postgres_errors import ERRORS
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


def packet(kind: bytes, body: bytes = b"") -> bytes:
    """A message: type, length, body."""
    return kind + struct.pack(">i", len(body) + 4) + body


def start(code: int, body: bytes = b"") -> bytes:
    """A message from before the types: length, code, body."""
    return struct.pack(">iI", len(body) + 8, code) + body


SSL, GSS = start(80877103), start(80877104)
STARTUP = start(196608, b"user\0bob\0database\0shop\0options\0-c x=hunter2\0\0")
MD5 = packet(b"R", struct.pack(">i", 5) + b"salt")
LOGGED_IN = packet(b"R", bytes(4)) + packet(b"S", b"TimeZone\0UTC\0") + packet(b"K", bytes(8))
IDLE, IN_TRANSACTION, FAILED = packet(b"Z", b"I"), packet(b"Z", b"T"), packet(b"Z", b"E")
DONE = packet(b"C", b"SELECT 1\0")
ERROR = packet(b"E", b"SERROR\0C22012\0Mdivision by zero\0\0")
ROW = packet(b"D", b"\0\1" + b"x" * 40)
ROWS = packet(b"T", b"\0\1abc\0" + bytes(18)) + ROW * 5
SYNC, FLUSH, EXECUTE = packet(b"S"), packet(b"H"), packet(b"E", bytes(5))
PARSED, BOUND, NO_DATA = packet(b"1"), packet(b"2"), packet(b"n")
COPY_IN = packet(b"G", b"\0\0\1\0\0")


def query(text: bytes) -> bytes:
    """A simple query."""
    return packet(b"Q", text + b"\0")


def parse(text: bytes, name: bytes = b"") -> bytes:
    """A Parse that gives a statement its text."""
    return packet(b"P", name + b"\0" + text + b"\0\0\0")


def bind(name: bytes = b"") -> bytes:
    """A Bind of the unnamed portal to a statement."""
    return packet(b"B", b"\0" + name + b"\0" + bytes(6))


def logged_in(status: bytes = b"I") -> Postgres:
    """A connection whose login is over."""
    protocol = Postgres(dice=random.Random(1))
    protocol.request(STARTUP)
    protocol.reply(LOGGED_IN + packet(b"Z", status))
    return protocol


def asked(protocol: Postgres, data: bytes) -> Request:
    """Send one request; what its frames carry."""
    request = protocol.request(data)[-1].request
    assert request is not None
    return request


LOGIN: list[Turn] = [
    ("client", STARTUP),
    ("backend", MD5),
    ("client", packet(b"p", b"md5hunter2\0")),
    ("backend", LOGGED_IN + IDLE),
]
SIMPLE: list[Turn] = [
    ("client", query(b"select 1 from t where name = 'hunter2'")),
    ("backend", packet(b"N", b"Mhello\0\0") + ROWS + packet(b"N", b"Mhi\0\0") + DONE + IDLE),
    ("backend", packet(b"A", bytes(4) + b"channel\0payload\0") + packet(b"S", b"a\0b\0")),
    ("client", query(b"begin; select 1; insert into t values (" + b"1, " * 200 + b"2)")),
    ("backend", packet(b"C", b"BEGIN\0") + ROWS + DONE + IN_TRANSACTION),
    ("client", query(b"select 1/0") + query(b"rollback") + packet(b"F", bytes(14))),
    ("backend", ERROR + FAILED + packet(b"C", b"ROLLBACK\0") + IDLE),
    ("backend", packet(b"V", b"\0\0\0\1x") + IDLE),
    ("client", query(b"")),
    ("backend", packet(b"I") + IDLE),
]
EXTENDED: list[Turn] = [
    ("client", parse(b"select $1", b"s1") + packet(b"D", b"Ss1\0") + SYNC),
    ("backend", PARSED + packet(b"t", b"\0\1\0\0\0\x17") + packet(b"T", bytes(2)) + IDLE),
    ("client", bind(b"s1") + packet(b"D", b"P\0") + EXECUTE + SYNC),
    (
        "client",
        bind(b"s2") + packet(b"E", b"cursor\0\0\0\0\5") + SYNC + packet(b"C", b"Ss1\0") + SYNC,
    ),
    ("backend", BOUND + ROWS + DONE + IDLE + BOUND + ROW * 2 + packet(b"s") + IN_TRANSACTION),
    ("backend", packet(b"3") + IDLE),
    ("client", packet(b"X")),
]
FLUSHED: list[Turn] = [
    # One step at a time, as asyncpg prepares a statement.
    ("client", parse(b"select 1") + packet(b"D", b"S\0") + FLUSH),
    ("backend", PARSED + packet(b"t", bytes(2)) + NO_DATA),
    ("client", bind() + EXECUTE + SYNC + FLUSH),
    ("backend", BOUND + packet(b"N", b"Mhi\0\0") + DONE + IDLE),
    # A pipeline in which the first step fails: the server skips up to Sync.
    ("client", parse(b"select 1/0") + bind() + FLUSH + bind() + EXECUTE + FLUSH + SYNC),
    ("backend", PARSED + ERROR + IDLE),
    ("client", parse(b"select 3") + FLUSH),
    ("backend", ERROR),
    ("client", SYNC),
    ("backend", IDLE),
]
COPIES: list[Turn] = [
    ("client", query(b"copy t from stdin")),
    ("backend", COPY_IN),
    ("client", packet(b"d", b"1\thunter2\n") * 3 + packet(b"d", b"x" * 900) + packet(b"c")),
    ("backend", packet(b"C", b"COPY 4\0") + IDLE),
    # In extended messages the server drops the Sync that comes before the data.
    ("client", parse(b"copy t from stdin") + bind() + EXECUTE + SYNC),
    ("backend", PARSED + BOUND + COPY_IN),
    ("client", packet(b"d", b"1\n") + packet(b"f", b"enough\0") + SYNC),
    ("backend", ERROR + IDLE),
    ("client", parse(b"copy t from stdin") + bind() + EXECUTE + SYNC),
    ("backend", PARSED + BOUND + COPY_IN + ERROR),
    ("client", SYNC),
    ("backend", IDLE),
    ("client", query(b"copy t to stdout")),
    (
        "backend",
        packet(b"H", b"\0\0\1\0\0") + packet(b"d", b"1\n") * 9 + packet(b"c") + DONE + IDLE,
    ),
    # The client gives up and goes on.
    ("client", query(b"copy t from stdin")),
    ("backend", COPY_IN + ERROR + IDLE),
    ("client", packet(b"d", b"1\n") + query(b"select 2")),
    ("backend", DONE + IDLE),
]
DIALOGUES = [[*LOGIN, *turns] for turns in (SIMPLE, FLUSHED, COPIES, EXTENDED)]
SHORT = [[*turns[:4], *turns[at : at + 6]] for turns in DIALOGUES for at in range(4, len(turns), 6)]


@thorough
@given(st.data(), st.sampled_from(DIALOGUES))
def test_messages_do_not_depend_on_how_bytes_are_cut(
    data: st.DataObject, dialogue: list[Turn]
) -> None:
    """Any chunks of a dialogue make the same messages of the same bytes."""
    assert talk(Postgres(), data.draw(cuts(dialogue))) == talk(Postgres(), dialogue)


@thorough
@given(st.sampled_from(SHORT).flatmap(garbled))
def test_no_byte_is_lost_where_the_bytes_make_no_sense(turns: list[Turn]) -> None:
    """A garbled dialogue raises nothing and passes whole."""
    talk(Postgres(), turns)


@thorough
@given(st.lists(st.tuples(st.sampled_from(["client", "backend"]), st.binary(max_size=60))))
def test_noise_passes_whole(turns: list[Turn]) -> None:
    """Random bytes from both sides raise nothing and pass whole."""
    talk(Postgres(), turns)
    protocol = logged_in()
    for side, data in turns:
        protocol.request(data) if side == "client" else protocol.reply(data)


def named(turns: Sequence[Turn]) -> list[tuple[str, bool]]:
    """The requests of a dialogue by name, and whether each gets a reply."""
    return [(m.request.name, m.reply) for m in talk(Postgres(), turns).requests if m.request]


def replies(turns: Sequence[Turn]) -> list[bytes]:
    """The replies of a dialogue, without what answers nothing."""
    return [m.data for m in talk(Postgres(), turns).replies if not m.aside]


def test_the_login_is_cut_where_it_is_the_clients_turn() -> None:
    """Each step of the login is an exchange, and no password shows."""
    assert named(LOGIN) == [("CONNECT shop", True), ("PASSWORD", True)]
    assert replies(LOGIN) == [MD5, LOGGED_IN + IDLE]


def test_a_simple_query_is_answered_up_to_ready() -> None:
    """Several results, errors and pipelined queries each end at ReadyForQuery."""
    assert [name for name, _ in named([*LOGIN, *SIMPLE])[2:]] == [
        "select 1 from t where name = ?",
        "begin; select 1; insert into t values (1, 1, 1, 1, 1, 1, 1,…",
        "select 1/0",
        "rollback",
        "CALL",
        "",
    ]
    found = talk(Postgres(), [*LOGIN, *SIMPLE]).replies[2:]
    assert [m.aside for m in found] == [True, False, True] + [False] * 5
    assert all(m.last for m in found if not m.aside)


def test_a_unit_of_extended_messages_is_answered_up_to_ready() -> None:
    """A unit ends with Sync, and a prepared statement is known by its text."""
    assert named([*LOGIN, *EXTENDED])[2:] == [
        ("select $1", True),
        ("select $1", True),
        ("BIND s2", True),
        ("CLOSE s1", True),
        ("TERMINATE", False),
    ]
    assert len(replies([*LOGIN, *EXTENDED])) == 6


def test_a_flush_ends_a_unit_of_its_own() -> None:
    """A reply up to Flush is known by its count; after an error the rest gets none."""
    assert [reply for _, reply in named([*LOGIN, *FLUSHED])[2:]] == [
        True, True, False, True, True, True, True, True,
    ]  # fmt: skip
    assert replies([*LOGIN, *FLUSHED])[2:] == [
        PARSED + packet(b"t", bytes(2)) + NO_DATA,
        BOUND + packet(b"N", b"Mhi\0\0") + DONE + IDLE,
        PARSED + ERROR,
        b"",
        IDLE,
        ERROR,
        IDLE,
    ]


def test_copied_data_is_a_message_without_a_reply() -> None:
    """What COPY reads belongs to the statement's exchange: it gets no reply of its own."""
    assert [each for each in named([*LOGIN, *COPIES])[2:] if each[0] != "copy t from stdin"] == [
        ("COPY data", False),
        ("COPY data", False),
        ("SYNC", False),
        ("copy t to stdout", True),
        ("COPY data", False),
        ("select 2", True),
    ]
    found = replies([*LOGIN, *COPIES])[2:]
    assert len(found) == 6
    assert all(reply.endswith(IDLE) for reply in found)


def test_refused_encryption_is_part_of_the_connections_start() -> None:
    """Requests for encryption and the startup are one exchange, answered in steps."""
    protocol = Postgres()
    steps = [protocol.request(GSS), protocol.reply(b"N"), protocol.request(SSL)]
    steps += [protocol.reply(b"N"), protocol.request(STARTUP), protocol.reply(LOGGED_IN + IDLE)]

    assert [(f.first, f.last) for step in steps[::2] for f in step] == [
        (True, True), (False, True), (False, True),
    ]  # fmt: skip
    assert [(f.first, f.last) for step in steps[1::2] for f in step] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip
    assert len({id(f.request) for step in steps[::2] for f in step}) == 1
    assert protocol.opaque == ""


@pytest.mark.parametrize(("answer", "why"), [(b"S", "TLS"), (b"G", "GSSAPI encryption")])
def test_encryption_ends_the_reading(answer: bytes, why: str) -> None:
    """Once encryption was granted, bytes of both sides pass as they are."""
    protocol = Postgres()
    protocol.request(SSL)

    assert protocol.reply(answer) == [Frame(answer)]
    assert joined(protocol.request(b"\x16\x03\x01")) == b"\x16\x03\x01"
    assert protocol.opaque == why
    assert joined(protocol.reply(b"\x16\x03\x03")) == b"\x16\x03\x03"


@pytest.mark.parametrize(
    ("client", "backend"),
    [
        (b"\x16\x03\x01\x02\0", b""),
        (b"GET / HTTP/1.1\r\n", b""),
        (b"\0\0\0\x08\0\2\0\0", b""),
        (b"\0\1\0\0\0\3\0\0", b""),
        (SSL, b"Esorry\0"),
        (STARTUP, b"HTTP/1.1 400 Bad Request\r\n"),
        (STARTUP, packet(b"R", b"\0")),
        (STARTUP, packet(b"Z")),
        (STARTUP, packet(b"W", b"\0\0\1\0\0") + b"d"),
        (STARTUP + b"GET / HTTP/1.1\r\n", b""),
        (STARTUP + packet(b"S", b"x"), b""),
        (STARTUP + b"Q\xff\xff\xff\xff", b""),
    ],
)
def test_what_is_not_postgresql_passes_as_it_is(client: bytes, backend: bytes) -> None:
    """TLS from the first byte, other protocols, replication: the frame is lost, no byte is."""
    assert talk(Postgres(), [("client", client), ("backend", backend)]).opaque


def test_a_whole_message_is_passed_on_as_the_object_it_was() -> None:
    """A chunk that is one request, or one reply, is not copied."""
    protocol, request, reply = logged_in(), query(b"select 1"), ROWS + DONE + IDLE

    assert protocol.request(request)[0].data is request
    assert protocol.reply(reply)[0].data is reply


def test_a_long_message_streams_through() -> None:
    """Only the head of a long request, and no more than a head of a reply, is held back."""
    protocol = logged_in()
    request = packet(b"Q", b"x" * 100_000)
    reply = packet(b"D", b"y" * 100_000) + IDLE

    assert joined(protocol.request(request[:300])) == request[:300]
    assert joined(protocol.request(request[300:50_000])) == request[300:50_000]
    assert joined(protocol.request(request[50_000:-1])) == request[50_000:-1]
    assert protocol.request(request[-1:])[0].last
    assert joined(protocol.reply(reply[:7])) == reply[:7]
    assert joined(protocol.reply(reply[7:-3])) == reply[7:-6]
    assert protocol.reply(reply[-3:])[-1].last


@pytest.mark.parametrize("size", [b"\x7f\xff\xff\xff", b"\x40\0\0\0"])
def test_a_declared_length_takes_no_memory(size: bytes) -> None:
    """A message that claims to be of two gigabytes costs what was sent of it."""
    protocol = logged_in()
    tracemalloc.start()
    protocol.request(b"Q" + size + b"x" * 1000)
    protocol.reply(b"D" + size + b"x" * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 100_000


@pytest.mark.parametrize(
    ("client", "data"),
    [
        (True, packet(b"Q", b"x" * (1 << 20))),
        (True, (bind() + EXECUTE) * 30_000),
        (True, packet(b"d", b"x" * 25) * 35_000),
        (False, ROW * 21_000),
        (False, packet(b"D", b"x" * (1 << 20))),
    ],
)
def test_small_pieces_cost_little(client: bool, data: bytes) -> None:
    """A mebibyte in pieces of 64 bytes costs by its messages, not by its pieces."""
    parts = pieces(data[: 1 << 20], 64)

    def work() -> None:
        protocol = logged_in()
        protocol.request(query(b"select 1"))
        cut = protocol.request if client else protocol.reply
        for part in parts:
            cut(part)

    assert cpu(work) < 0.5


def test_a_cancel_may_come_after_a_request_for_encryption() -> None:
    """It goes on with the start of its connection, and gets no reply."""
    protocol = Postgres()
    protocol.request(SSL)
    protocol.reply(b"N")

    assert [(f.first, f.last) for f in protocol.request(start(80877102, bytes(8)))] == [
        (False, True)
    ]


def test_a_described_statement_is_known_by_its_text() -> None:
    """A unit that begins with Describe has the name of the statement."""
    protocol = logged_in()
    protocol.request(parse(b"select 1", b"s1") + SYNC)

    assert asked(protocol, packet(b"D", b"Ss1\0") + SYNC).name == "select 1"
    assert asked(protocol, packet(b"D", b"Pc1\0") + SYNC).name == "DESCRIBE c1"


def test_requests_do_not_pile_up_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that never reads its replies costs only so much memory."""
    monkeypatch.setattr("chaostui.protocols.lengths.MAX_WAITING", 5)
    protocol, many = logged_in(), query(b"select 1") * 6

    assert joined(protocol.request(many)) == many
    assert protocol.opaque == "more than 5 requests wait for their replies"


def test_statements_that_a_client_prepares_are_not_remembered_without_end() -> None:
    """Only so many statements are known by their texts."""
    protocol = logged_in()
    for number in range(2000):
        protocol.request(parse(b"select 1", b"s%d" % number) + SYNC)

    assert len(protocol.session.statements) == 1000


# -- errors -----------------------------------------------------------------------------------


GOLDEN = {
    "starting_up": "E 00000068 SFATAL VFATAL C57P03 Mthe database system is starting up",
    "shutting_down": "E 0000006a SFATAL VFATAL C57P03 Mthe database system is shutting down",
    "too_many_connections": "E 00000055 SFATAL VFATAL C53300 Msorry, too many clients already",
    "admin_shutdown": "E 00000074 SFATAL VFATAL C57P01 "
    "Mterminating connection due to administrator command",
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_an_error_is_what_the_real_server_sends(kind: str) -> None:
    """Byte for byte what was captured from a PostgreSQL 15."""
    _, size, severity, nonlocal_severity, code, text = GOLDEN[kind].split(maxsplit=5)
    said, closed = logged_in().error(kind)

    assert closed == Close()
    assert isinstance(said, Reply)
    assert said.data[:5] == b"E" + bytes.fromhex(size)
    assert len(said.data) == 1 + int(size, 16)
    assert said.data[5:].split(b"\0")[:4] == [
        part.encode() for part in (severity, nonlocal_severity, code, text)
    ]


def first_error(actions: tuple[Action, ...]) -> bytes:
    """The first message of a reply made here."""
    assert isinstance(actions[0], Reply)
    return actions[0].data


PASSWORD = packet(b"p", b"md5hunter2\0")


@pytest.mark.parametrize("kind", ERRORS)
def test_a_login_fails_only_as_logins_do(kind: str) -> None:
    """What ends sessions ends a login too; a deadlock can only come later, so the login passes."""
    protocol = Postgres()
    said = [protocol.error(kind, request=asked(protocol, STARTUP))]
    protocol.reply(MD5)
    said.append(protocol.error(kind, request=asked(protocol, PASSWORD)))

    if ERRORS[kind].severity == "ERROR":
        assert said == [(Send(STARTUP),), (Send(PASSWORD),)]
    else:
        assert all(b"SFATAL\0VFATAL\0" in first_error(actions) for actions in said)
        assert [actions[1:] for actions in said] == [(Close(),), (Close(),)]


def test_encryption_is_not_refused_for_an_error_that_comes_later() -> None:
    """A request for encryption passes where the login does."""
    protocol = Postgres()

    assert protocol.error("deadlock", request=asked(protocol, SSL)) == (Send(SSL),)
    assert protocol.reply(b"S") == [Frame(b"S")]


def test_nothing_is_said_before_the_client_has_begun() -> None:
    """A server cannot speak first: at open no kind is spoken."""
    assert [Postgres().error(kind, "open") for kind in ("", *ERRORS)] == [()] * (len(ERRORS) + 1)


def test_an_error_waits_for_the_startup() -> None:
    """Encryption is refused first, the error answers the startup: one exchange, two steps."""
    protocol = Postgres()
    context = Context("upstream", protocol, random.Random(1))
    handler = Errors(Errors.Options(kind="starting_up"), context)
    said: list[Action] = list(handler.on_open())
    for step in (GSS, SSL, STARTUP):
        for frame in protocol.request(step):
            context.request = frame.request
            said += handler.on_data(frame)
            if frame.first:
                protocol.dropped(frame.request)

    assert said[:2] == [Reply(b"N"), Reply(b"N")]
    assert isinstance(said[2], Reply)
    assert b"starting up" in said[2].data
    assert said[3:] == [Close()]


@pytest.mark.parametrize("unit", [query(b"select 1"), bind() + EXECUTE + SYNC])
def test_an_idle_client_gets_one_error_and_ready(unit: bytes) -> None:
    """Outside a transaction the answer is made here, for simple and extended requests alike."""
    protocol = logged_in()
    actions = protocol.error("deadlock", request=asked(protocol, unit))

    assert first_error(actions).startswith(b"E\0")
    assert first_error(actions).endswith(packet(b"Z", b"I"))
    assert b"SERROR\0VERROR\0C40P01\0Mdeadlock detected\0" in first_error(actions)
    assert len(actions) == 1


def statement(text: bytes) -> bytes:
    """A statement in extended messages."""
    return parse(text) + bind() + EXECUTE + SYNC


FORGOTTEN = packet(b"C", b"S\0") + SYNC
CLOSED = packet(b"3")
NOTICE, NOTIFIED = packet(b"N", b"SWARNING\0\0"), packet(b"A", b"\0\0\0\1a\0b\0")


@pytest.mark.parametrize("cut", [0, 3, 7])
def test_the_statement_without_a_name_is_forgotten(cut: int) -> None:
    """A Parse that failed has ended the one before, which a Bind behind it must not find."""
    protocol = logged_in()
    (action,) = protocol.error("deadlock", request=asked(protocol, statement(b"select 1")))

    assert action == Send(FORGOTTEN)
    assert protocol.promised
    answer = NOTICE + CLOSED + IDLE
    frames = protocol.reply(answer[:cut]) + protocol.reply(answer[cut:])
    shown = b"".join(frame.data for frame in frames)
    assert shown.startswith(NOTICE + b"E\0")
    assert shown.endswith(b"\0\0" + IDLE)
    assert CLOSED not in shown
    assert [frame.last for frame in frames][-1]
    assert not protocol.promised


@pytest.mark.parametrize("status", [b"T", b"E"])
@pytest.mark.parametrize("made", [query, statement], ids=["simple", "extended"])
@pytest.mark.parametrize(
    "ending",
    [b"COMMIT", b"/* x */ end work", b"ROLLBACK", b"abort", b"prepare transaction 'a'",
     b"rollback and chain", b"commit transaction"],
)  # fmt: skip
def test_what_ends_a_transaction_ends_it_whatever_is_said(
    status: bytes, made: Callable[[bytes], bytes], ending: bytes
) -> None:
    """The server rolls back and is idle; the client gets the error, and that all is idle."""
    protocol = logged_in(status)
    (action,) = protocol.error("deadlock", request=asked(protocol, made(ending)))

    assert isinstance(action, Send)
    assert b"ROLLBACK\0" in action.data
    assert action.data.endswith(SYNC)
    answer = PARSED + BOUND + NOTIFIED + packet(b"C", b"ROLLBACK\0") + NOTIFIED + IDLE
    for cut in range(1, len(answer)):
        again = logged_in(status)
        again.error("deadlock", request=asked(again, made(ending)))
        frames = again.reply(answer[:cut]) + again.reply(answer[cut:])
        shown = b"".join(frame.data for frame in frames)
        assert shown.startswith(NOTIFIED + b"E\0")
        assert shown.endswith(b"\0\0" + NOTIFIED + IDLE)
        assert [frame.last for frame in messages(frames)] == [True] * len(messages(frames))
        assert not again.promised


@pytest.mark.parametrize(
    "text",
    [b"rollback to a", b"ROLLBACK WORK TO SAVEPOINT a", b"commit prepared 'a'", b"savepoint a"],
)
def test_what_goes_back_to_a_savepoint_ends_nothing(text: bytes) -> None:
    """It fails, and the transaction with it, until it is rolled back."""
    protocol = logged_in(b"T")
    (action,) = protocol.error("out_of_memory", request=asked(protocol, query(text)))
    assert isinstance(action, Send)
    assert b"RAISE EXCEPTION" in action.data


def test_a_transaction_that_has_failed_says_that_it_has() -> None:
    """The server says 25P02 to everything but its end, so no other error can be said there."""
    protocol = logged_in(b"E")
    (action,) = protocol.error("deadlock", request=asked(protocol, query(b"select 1")))
    assert isinstance(action, Send)
    assert action.what == "failed transaction for deadlock"
    assert protocol.reply(ERROR + FAILED) == [Frame(ERROR + FAILED)]


def test_a_commit_up_to_a_flush_leaves_the_server_to_skip_what_follows() -> None:
    """It has rolled back and then failed: until Sync it takes nothing more."""
    protocol = logged_in(b"T")
    unit = parse(b"commit") + bind() + EXECUTE + FLUSH
    (action,) = protocol.error("deadlock", request=asked(protocol, unit))
    assert isinstance(action, Send)
    assert action.data.index(b"ROLLBACK") < action.data.index(b"RAISE EXCEPTION")
    assert action.data.endswith(FLUSH)
    done = packet(b"C", b"ROLLBACK\0")
    frames = protocol.reply(PARSED + BOUND + done + PARSED + BOUND + ERROR)
    assert b"".join(frame.data for frame in frames) == ERROR
    protocol.request(SYNC)
    assert b"".join(frame.data for frame in protocol.reply(IDLE)) == IDLE


@pytest.mark.parametrize(
    ("kind", "asks", "said", "text"),
    [
        ("read_only", b"update t set a = 1", "read_only", "cannot execute UPDATE in"),
        ("read_only", b"create table t (a int)", "read_only", "cannot execute CREATE TABLE in"),
        ("read_only", b"copy t from stdin", "read_only", "cannot execute COPY FROM in"),
        ("read_only", b"select 1", "read_only", "cannot execute SELECT FOR UPDATE in"),
        ("read_only", b"begin", "statement_timeout for read_only", "statement timeout"),
        ("recovery_conflict", b"select 1", "recovery_conflict", "conflict with recovery"),
        ("recovery_conflict", b"delete from t", "read_only for recovery_conflict", "DELETE"),
        ("serialization", b"update t set a = 1", "serialization", "due to concurrent update"),
        ("serialization", b"select 1", "serialization", "read/write dependencies"),
        ("serialization", b"commit", "serialization", "read/write dependencies"),
        ("deadlock", b"select 1", "deadlock", "deadlock detected"),
        ("deadlock", b"set a = 1", "statement_timeout for deadlock", "statement timeout"),
        ("lock_not_available", b"show a", "statement_timeout for lock_not_available", "timeout"),
        ("idle_in_transaction", b"select 1", "idle_session for idle_in_transaction", "57P05"),
        ("out_of_memory", b"begin", "out_of_memory", "out of memory"),
    ],
)
def test_a_kind_is_said_where_a_server_says_it(
    kind: str, asks: bytes, said: str, text: str
) -> None:
    """In its own words for the statement; else the nearest, which the event names."""
    protocol = logged_in()
    action = protocol.error(kind, request=asked(protocol, query(asks)))[0]
    assert isinstance(action, Reply)
    assert action.what == said
    assert text.encode() in action.data


@pytest.mark.parametrize("unit", [query(b"select 1"), parse(b"select 1") + bind() + EXECUTE + SYNC])
def test_in_a_transaction_the_server_itself_raises_the_error(unit: bytes) -> None:
    """The server's transaction must fail too, so the server gets a block that raises."""
    protocol = logged_in(b"T")
    (action,) = protocol.error("serialization", request=asked(protocol, unit))

    assert isinstance(action, Send)
    assert action.data.startswith(b"Q")
    assert b"RAISE EXCEPTION" in action.data
    assert b"ERRCODE='40001'" in action.data
    assert len(action.data) == 1 + struct.unpack(">i", action.data[1:5])[0]
    assert protocol.reply(ERROR + FAILED) == [Frame(ERROR + FAILED)]


def test_behind_unanswered_requests_the_server_raises_the_error() -> None:
    """Whether they begin a transaction is not known yet, so the server decides."""
    protocol = logged_in()
    protocol.request(query(b"begin"))
    (action,) = protocol.error("deadlock", request=asked(protocol, query(b"select 1")))

    assert isinstance(action, Send)


def test_up_to_a_flush_the_server_raises_the_error_and_waits_for_sync() -> None:
    """No ReadyForQuery is due yet, and the server must skip what follows."""
    protocol = logged_in()
    unit = parse(b"select 1") + packet(b"D", b"S\0") + FLUSH
    (action,) = protocol.error("deadlock", request=asked(protocol, unit))

    assert isinstance(action, Send)
    assert action.data.startswith(b"P")
    assert action.data.endswith(FLUSH)
    assert protocol.reply(PARSED + BOUND + ERROR) == [Frame(PARSED + BOUND + ERROR)]
    protocol.request(SYNC)
    assert protocol.reply(IDLE) == [Frame(IDLE)]


def test_after_a_flush_the_server_raises_the_error_unless_it_skips() -> None:
    """A query would be skipped, and never answered, where the step before has failed."""
    protocol = logged_in()
    protocol.request(parse(b"select 1") + FLUSH)
    protocol.reply(ERROR)
    (action,) = protocol.error("deadlock", request=asked(protocol, bind() + EXECUTE + SYNC))

    assert isinstance(action, Send)
    assert action.data.startswith(b"P")
    assert action.data.endswith(SYNC)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (query(b"copy t from stdin"), b""),
        (parse(b"copy t from stdin") + bind() + EXECUTE + SYNC, SYNC),
    ],
)
def test_copied_data_is_given_up(begin: bytes, end: bytes) -> None:
    """The server waits for data: it is told that there is none, and fails the COPY itself."""
    protocol = logged_in()
    protocol.request(begin)
    protocol.reply(COPY_IN)
    data = asked(protocol, packet(b"d", b"1\n") + packet(b"c") + end)

    (action,) = protocol.error("disk_full", request=data)

    assert isinstance(action, Send)
    assert action.data == packet(b"f", ERRORS["disk_full"].text.encode() + b"\0") + end
    failed = packet(b"E", b"SERROR\0C57014\0MCOPY from stdin failed: could not extend\0\0")
    shown = b"".join(frame.data for frame in protocol.reply(failed + IDLE))
    assert b"C53100\0" in shown
    assert b"57014" not in shown
    assert shown.endswith(IDLE)


@pytest.mark.parametrize("kind", ["read_only", "recovery_conflict", "serialization"])
def test_copied_data_cannot_fail_in_every_way(kind: str) -> None:
    """What is refused with the statement itself cannot come later: its time runs out."""
    protocol = logged_in()
    protocol.request(query(b"copy t from stdin"))
    protocol.reply(COPY_IN)
    (action,) = protocol.error(kind, request=asked(protocol, packet(b"d", b"1\n") + packet(b"c")))
    assert isinstance(action, Send)
    assert action.what == f"statement_timeout for {kind}"


def test_what_gets_no_reply_passes_although_it_is_hit() -> None:
    """A cancel or the end of a session is not answered, so not by an error either."""
    cancel = start(80877102, b"\0\0\0\1\0\0\0\2")
    connection, canceller = logged_in(), Postgres()

    assert connection.error("deadlock", request=asked(connection, packet(b"X"))) == (
        Send(packet(b"X")),
    )
    assert canceller.error("deadlock", request=asked(canceller, cancel)) == (Send(cancel),)


@pytest.mark.parametrize("kind", ERRORS)
def test_a_sync_alone_does_not_fail(kind: str) -> None:
    """A client that has asked nothing since the last Sync takes no error for an answer."""
    protocol = logged_in()
    request = asked(protocol, SYNC)

    assert protocol.error(kind, request=request) == (Send(SYNC),)


def test_likely_errors_depend_on_the_phase() -> None:
    """A new connection is refused; one that is there is told of shutdowns and timeouts."""
    fresh = Postgres(dice=random.Random(7))
    request = asked(fresh, STARTUP)
    refused = {first_error(fresh.error(request=request)) for _ in range(50)}
    ready = logged_in()
    request = asked(ready, query(b"select 1"))
    told = {first_error(ready.error(request=request)) for _ in range(50)}

    assert {error[20:25] for error in refused} <= {b"57P03", b"53300", b"C57P0", b"C5330"}
    assert len(refused) == 4
    assert len(told) == 5


def test_a_crash_is_told_by_a_notice() -> None:
    """The server's own last words are a warning, then it closes."""
    said = first_error(logged_in().error("crash"))

    assert said.startswith(b"N")
    assert len(said) == 1 + 0x18B


def test_an_unknown_kind_is_refused() -> None:
    """Only errors that the protocol lists can be asked for."""
    with pytest.raises(ValueError, match="'nope'"):
        logged_in().error("nope")


def test_passwords_are_not_shown() -> None:
    """Of a step of the login only the length shows, in whatever pieces it passes."""
    protocol = Postgres()
    start_, step = protocol.request(STARTUP)[0], protocol.request(PASSWORD)[0]
    long = protocol.request(packet(b"p", b"x" * 9000)[:5000])[0]

    assert protocol.redact(start_, upstream=True) == STARTUP
    assert protocol.redact(step, upstream=True) == PASSWORD[:5] + b"*" * 11
    assert protocol.redact(long, upstream=True)[5:] == b"*" * 4995
    (more,) = protocol.request(b"hunter2")
    assert protocol.redact(more, upstream=True) == b"*" * 7
    (reply,) = protocol.reply(MD5)
    assert protocol.redact(reply, upstream=False) == MD5


def test_a_password_that_breaks_off_is_not_shown() -> None:
    """What is still held back at the client's FIN is no less secret."""
    protocol = Postgres()
    protocol.request(STARTUP + PASSWORD[:-3])

    (rest,) = protocol.request_end()
    assert protocol.redact(rest, upstream=True) == PASSWORD[:5] + b"*" * 8


def test_a_dropped_request_leaves_no_gap() -> None:
    """After an answer made here, replies belong to the requests that were passed on."""
    protocol = logged_in()
    frames = protocol.request(query(b"select 1") + query(b"select 2") + query(b"select 3"))
    protocol.dropped(frames[1].request)

    found = messages(protocol.reply(ROWS + DONE + IDLE + ROWS + DONE + IDLE))

    assert [message.last for message in found] == [True, True]
    assert not protocol.waiting
