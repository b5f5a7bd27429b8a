"""RESP: where commands and replies end, pub/sub included."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.protocols.redis import Redis
from tests.protocols.chunking import (
    Message,
    Turn,
    alike_in_runs,
    cpu,
    cuts,
    garbled,
    joined,
    messages,
    pieces,
    talk,
    thorough,
)

OK = b"+OK\r\n"


def command(*words: bytes) -> bytes:
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def array(*words: bytes, mark: bytes = b"*") -> bytes:
    """An array of strings as the server sends it, ending in a number."""
    return mark + command(*words)[1:-2] + b"\r\n"


def confirmed(word: bytes, channel: bytes, left: int, mark: bytes = b"*") -> bytes:
    """What (un)subscribing answers for each channel."""
    return b"%s3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:%d\r\n" % (
        mark,
        len(word),
        word,
        len(channel),
        channel,
        left,
    )


SET = command(b"SET", b"user:1", b"\r\n*3\r\n")
GET = command(b"get", b"user:1")
LONG = command(b"SET", b"k" * 600, b"v" * 300)
NESTED = b"*3\r\n*2\r\n:1\r\n$-1\r\n*-1\r\n*1\r\n*0\r\n"
RESP3 = (
    b"%2\r\n+a\r\n~2\r\n#t\r\n_\r\n+b\r\n|1\r\n+ttl\r\n:9\r\n,1.5\r\n",
    b"|1\r\n+key\r\n*2\r\n:1\r\n:2\r\n=7\r\ntxt:abc\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"!9\r\nERR a\r\nb \r\n",
)
PUSH = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nuser:1\r\n"
DIALOGUE: list[Turn] = [
    ("client", SET + GET + b"PING\r\n" + b"set a b\n" + LONG + command(b"PING")),
    ("backend", OK + b"$9\r\n\r\n*3\r\n+OK\r\n" + b"+PONG\r\n" + OK + b"-ERR no\r\n"),
    ("client", command(b"LRANGE", b"l", b"0", b"-1") + command(b"HELLO", b"3") + b"\r\n" + GET * 3),
    ("backend", b"+PONG\r\n" + NESTED + RESP3[0] + PUSH + RESP3[1] + RESP3[2] + RESP3[3]),
    ("client", command(b"CLIENT", b"REPLY", b"SKIP") + SET + GET + b"*0\r\n" + b"*-1\r\n"),
    ("backend", b"$0\r\n\r\n"),
]
PUBSUB: list[Turn] = [
    ("client", GET + command(b"SUBSCRIBE", b"a", b"b") + command(b"PING")),
    ("backend", b"*2\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n"),
    ("backend", confirmed(b"subscribe", b"a", 1) + confirmed(b"subscribe", b"b", 2)),
    ("backend", array(b"message", b"a", b"hi") + array(b"pong", b"")),
    ("client", command(b"PSUBSCRIBE", b"*") + b"UNSUBSCRIBE\r\n" + GET),
    ("backend", array(b"pmessage", b"*", b"a", b"hi") + confirmed(b"psubscribe", b"*", 3)),
    ("backend", confirmed(b"unsubscribe", b"a", 2) + confirmed(b"unsubscribe", b"b", 1)),
    ("backend", array(b"message", b"a", b"hi") + b"-ERR only (P)SUBSCRIBE\r\n"),
]


def replies(*turns: Turn) -> list[tuple[bytes, bool]]:
    """The replies of a dialogue, and whether each answers nothing."""
    transcript = talk(Redis(), turns)
    assert transcript.opaque == ""
    assert all(message.last or message.aside for message in transcript.replies)
    return [(message.data, message.aside) for message in transcript.replies]


def names(data: bytes) -> list[str]:
    """What the commands in ``data`` are called."""
    return [m.request.name for m in talk(Redis(), [("client", data)]).requests if m.request]


def test_a_dialogue_is_cut_into_its_messages() -> None:
    """Pipelines, inline commands, every type of reply and pushes are told apart."""
    transcript = talk(Redis(), DIALOGUE)

    assert transcript.opaque == ""
    assert [(m.request.name, m.reply) for m in transcript.requests if m.request] == [
        ("SET user:1", True),
        ("GET user:1", True),
        ("PING", True),
        ("SET a", True),
        ("SET " + "k" * 64 + "…", True),
        ("PING", True),
        ("LRANGE l", True),
        ("HELLO 3", True),
        ("", False),
        ("GET user:1", True),
        ("GET user:1", True),
        ("GET user:1", True),
        ("CLIENT REPLY", False),
        ("SET user:1", False),
        ("GET user:1", True),
        ("", False),
        ("", False),
    ]
    assert [(m.data, m.aside) for m in transcript.replies][5:] == [
        (b"+PONG\r\n", False),
        (NESTED, False),
        (RESP3[0], False),
        (PUSH, True),
        (RESP3[1], False),
        (RESP3[2], False),
        (RESP3[3], False),
        (b"$0\r\n\r\n", False),
    ]


def test_deliveries_are_told_from_replies() -> None:
    """In RESP2 a message is an array like any other but for its first word."""
    assert replies(*PUBSUB) == [
        (b"*2\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n", False),
        (confirmed(b"subscribe", b"a", 1) + confirmed(b"subscribe", b"b", 2), False),
        (array(b"message", b"a", b"hi"), True),
        (array(b"pong", b""), False),
        (array(b"pmessage", b"*", b"a", b"hi"), True),
        (confirmed(b"psubscribe", b"*", 3), False),
        (confirmed(b"unsubscribe", b"a", 2), False),
        (confirmed(b"unsubscribe", b"b", 1) + array(b"message", b"a", b"hi"), True),
        (b"-ERR only (P)SUBSCRIBE\r\n", False),
    ]


def test_resp3_confirms_subscriptions_by_pushes() -> None:
    """A push that confirms is the reply; an array that looks like a delivery is one too."""
    confirmation = confirmed(b"subscribe", b"a", 1, b">")

    assert replies(
        ("client", command(b"SUBSCRIBE", b"a") + GET),
        ("backend", array(b"message", b"a", b"hi", mark=b">") + confirmation),
        ("backend", array(b"message", b"a", b"hi")),
    ) == [
        (array(b"message", b"a", b"hi", mark=b">"), True),
        (confirmation, False),
        (array(b"message", b"a", b"hi"), False),
    ]


def test_a_refused_subscription_has_one_reply() -> None:
    """An error answers SUBSCRIBE whole, however many channels it named."""
    assert replies(
        ("client", command(b"SUBSCRIBE", b"a", b"b") + GET),
        ("backend", b"-NOPERM no\r\n*0\r\n"),
    ) == [(b"-NOPERM no\r\n", False), (b"*0\r\n", False)]


@thorough
@given(cuts(DIALOGUE))
def test_chunks_do_not_change_the_messages(turns: list[Turn]) -> None:
    """The same messages are found wherever the bytes are cut."""
    assert talk(Redis(), turns) == talk(Redis(), DIALOGUE)


@thorough
@given(cuts(PUBSUB))
def test_chunks_do_not_change_deliveries(turns: list[Turn]) -> None:
    """Pub/sub is cut the same wherever the bytes are cut."""
    assert talk(Redis(), turns) == talk(Redis(), PUBSUB)


SHORT = [
    command(b"SET", b"user:%d" % n, b"v" * (n % 70)) + command(b"GET", b"user:%d" % n)
    for n in (0, 7, 9, 10, 63, 64, 65, 99, 1000)
]
VALUES = b"+OK\r\n$-1\r\n:12\r\n-ERR no\r\n$0\r\n\r\n$64\r\n" + b"\r\n" * 32 + b"\r\n$1\r\n+\r\n"
PIPELINES: list[Turn] = [
    ("client", b"".join(SHORT)),
    ("backend", VALUES * 2),
    ("client", command(b"DEL", b"\r\n*1\r\n$4\r\nPING", b"") + command(b"ping") * 20 + SHORT[3]),
    ("backend", VALUES + b"*2\r\n:1\r\n:2\r\n" + VALUES + PUSH + b"+OK\r\n" * 3),
    (
        "client",
        command(b"\xff\r\n", b"a") + command(b"CONFIG", b"GET", b"a") + GET * 3 + b"PING\r\n",
    ),
    (
        "client",
        command(b"MULTI") + SHORT[0] + command(b"EXEC") + SHORT[1] + command(b"HELLO", b"3"),
    ),
    ("backend", OK * 15 + b"+extra\r\n+extra\r\n" + b"$2\r\nab\r\n"),
    ("client", SHORT[4] + command(b"client", b"reply", b"skip") + SHORT[5] + SHORT[6]),
    ("backend", b"_\r\n#t\r\n,1.5\r\n(12\r\n" + OK),
    ("client", command(b"SUBSCRIBE", b"a") + SHORT[0]),
    ("backend", confirmed(b"subscribe", b"a", 1) + array(b"message", b"a", b"b") + OK * 2),
    ("client", command(b"monitor") + SHORT[0]),
    ("backend", OK + OK),
]


@thorough
@given(cuts(PIPELINES), st.lists(st.booleans(), max_size=12))
def test_runs_change_nothing_but_the_frames(turns: list[Turn], runs: list[bool]) -> None:
    """Where messages need not be told apart, as many come, of the same bytes."""
    alike_in_runs(Redis, turns, runs)


@thorough
@given(garbled(PIPELINES), st.lists(st.booleans(), max_size=12))
def test_runs_change_nothing_in_garbled_bytes(turns: list[Turn], runs: list[bool]) -> None:
    """The frame is lost at the same byte."""
    alike_in_runs(Redis, turns, runs)


def test_a_pipeline_is_one_run() -> None:
    """Commands of different lengths make one frame, named after the last of them."""
    redis = Redis()
    redis.runs = True
    (frame,) = redis.request(b"".join(SHORT[:4]))
    (reply,) = redis.reply(b"$9\r\n123456789\r\n" * 8)

    assert (frame.messages, reply.messages) == (8, 8)
    assert frame.request is not None
    assert frame.request.name == "GET user:10"


@thorough
@given(garbled(DIALOGUE))
def test_bytes_without_sense_pass_unchanged(turns: list[Turn]) -> None:
    """Mutated and random bytes raise nothing, and none of them is lost."""
    talk(Redis(), turns)


@thorough
@given(garbled(PUBSUB))
def test_garbled_deliveries_pass_unchanged(turns: list[Turn]) -> None:
    """The same in a dialogue with subscriptions."""
    talk(Redis(), turns)


def test_a_whole_message_is_passed_without_a_copy() -> None:
    """A chunk that is exactly one message comes back as the same object."""
    redis = Redis()
    (frame,) = redis.request(SET)
    (reply,) = redis.reply(OK)

    assert frame.data is SET
    assert reply.data is OK


def test_values_stream() -> None:
    """Once name and key are there, a command passes as it comes; so do replies."""
    redis = Redis()
    big = command(b"SET", b"key", b"x" * 1000)

    assert redis.request(big[:19]) == []
    assert [(f.first, f.last) for f in redis.request(big[19:500])] == [(True, False)]
    assert [(f.first, f.last) for f in redis.request(big[500:])] == [(False, True)]
    assert [(f.first, f.last) for f in redis.reply(b"$2147483648\r\nabc")] == [(True, False)]


def test_a_huge_length_is_not_allocated() -> None:
    """A declared length of 2^63 costs nothing until the bytes come."""
    redis = Redis()
    redis.request(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9223372036854775807\r\nabc")
    redis.reply(b"*9223372036854775807\r\n:1\r\n")

    assert redis.opaque == ""
    assert redis.upstream.held == redis.downstream.held == b""


@pytest.mark.parametrize(
    "data",
    [
        b"*a\r\n",
        b"*20000000000000000000000000000\r\n",
        b"*3\r\n$3\r\nSET\r\n$-1\r\n",
        b"*3\r\n$3\r\nSET\r\n$x\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n+v\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$-5\r\n",
        b"*1\r\n:1\r\n",
        b"*1" + b"0" * 30,
        b"\x16\x03\x01\x02\x00\x01",
        b"\x80\x00\x01",
        b"x" * 70_000,
    ],
)
def test_what_the_server_would_refuse_is_not_cut(data: bytes) -> None:
    """Bytes that are no command pass at once, whole, and the protocol says why."""
    redis = Redis()

    assert joined(redis.request(data)) == data
    assert redis.opaque


@pytest.mark.parametrize("data", [b"hello\r\n", b"$-2\r\n", b"*x\r\n", b"$" + b"1" * 30 + b"\r\n"])
def test_a_backend_that_does_not_speak_resp_is_not_cut(data: bytes) -> None:
    """Bytes that are no reply pass at once, whole."""
    redis = Redis()
    redis.request(GET)

    assert joined(redis.reply(data)) == data
    assert redis.opaque


def test_a_stream_of_another_kind_is_left_alone() -> None:
    """After MONITOR and in replication the server speaks on its own; a refusal changes nothing."""
    monitor = command(b"MONITOR")

    refused: list[Turn] = [("client", monitor + GET), ("backend", b"-NOPERM no\r\n$-1\r\n")]
    assert talk(Redis(), refused).opaque == ""
    granted: list[Turn] = [("client", monitor), ("backend", OK + b'+1.2 "GET"\r\n')]
    assert talk(Redis(), granted).opaque == "MONITOR"
    sync: list[Turn] = [("client", command(b"PSYNC", b"?", b"-1")), ("backend", b"+FULLRESYNC\r\n")]
    assert talk(Redis(), sync).opaque == "replication"


def test_the_reply_to_monitor_ends_its_exchange() -> None:
    """``+OK`` is a whole reply; the first line of the log is not part of it."""
    redis = Redis()
    redis.request(command(b"MONITOR"))

    assert [frame.data for frame in redis.reply(OK + b"+1\r\n")] == [OK, b"+1\r\n"]


def test_muted_commands_get_no_reply() -> None:
    """CLIENT REPLY OFF lasts until ON, SKIP for one command, RESET ends both."""
    off = command(b"client", b"reply", b"off")
    on = b"CLIENT REPLY ON\r\n"
    skip = command(b"CLIENT", b"REPLY", b"SKIP")
    data = off + GET + on + GET + skip + GET + GET + off + command(b"RESET") + GET
    transcript = talk(Redis(), [("client", data + command(b"CLIENT", b"GETNAME"))])

    assert [message.reply for message in transcript.requests] == [
        *(False, False, True, True),
        *(False, False, True),
        *(False, True, True, True),
    ]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (command(b"AUTH", b"s3cret"), "AUTH"),
        (b"auth user s3cret\r\n", "AUTH"),
        (command(b"HELLO", b"3", b"AUTH", b"user", b"s3cret"), "HELLO 3"),
        (command(b"CONFIG", b"SET", b"requirepass", b"s3cret"), "CONFIG SET"),
        (command(b"EVAL", b"return 's3cret'", b"0"), "EVAL"),
        (command(b"get", b"\xff\x00"), "GET \\xff\x00"),
        (command(b"x" * 70, b"k"), "X" * 64 + " k"),
    ],
)
def test_a_request_is_named_without_secrets(data: bytes, name: str) -> None:
    """Command and key name a request; passwords and scripts stay out."""
    assert names(data) == [name]


def test_the_key_is_whole_where_the_name_is_cut() -> None:
    """Faults match on up to 512 bytes of a key; people read 64."""
    (message,) = talk(Redis(), [("client", LONG)]).requests

    assert message.request is not None
    assert message.request.key == "k" * 512


def test_a_request_answered_here_is_forgotten() -> None:
    """Replies go to the requests that the server has seen."""
    redis = Redis()
    frames = redis.request(GET + command(b"SUBSCRIBE", b"a", b"b") + GET)
    redis.dropped(frames[1].request)
    redis.dropped(frames[1].request)

    assert messages(redis.reply(OK + OK)) == [Message(OK), Message(OK)]
    assert not redis.waiting


@pytest.mark.parametrize(
    "data",
    [
        command(b"SET", b"k", b"v" * (1 << 20)),
        command(b"SET", b"k" * (1 << 20), b"v"),
        GET * 40_000,
        b"SET " + b"k" * 60_000 + b" v\r\n",
        b"*100000\r\n" + b"$4\r\nabcd\r\n" * 100_000,
    ],
    ids=["value", "key", "commands", "line", "arguments"],
)
def test_small_pieces_cost_no_more_than_their_bytes(data: bytes) -> None:
    """1 MiB in pieces of 64 bytes: a scan from the start each time takes 9 s, this 0.01 to 0.2."""
    parts = pieces(data, 64)

    def work() -> None:
        redis = Redis()
        for part in parts:
            redis.request(part)

    assert cpu(work) < 1.5


@pytest.mark.parametrize(
    "data",
    [b"$1048576\r\n" + bytes(1 << 20), b"+" + b"x" * (1 << 20), b"*60000\r\n" + b":1\r\n" * 60_000],
    ids=["bulk", "line", "array"],
)
def test_replies_in_small_pieces_cost_no_more_than_their_bytes(data: bytes) -> None:
    """The same for what the server sends."""
    parts = pieces(data, 64)

    def work() -> None:
        redis = Redis()
        redis.request(GET)
        for part in parts:
            redis.reply(part)

    assert cpu(work) < 1.5
