"""memcached: where commands and replies end, in all three of its languages."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given

from chaostui.protocols.memcached import Memcached
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

SET = b"set user:1 0 60 10\r\nend\r\nget \0\r\n"
GET = b"get user:1 user:2\r\n"
QUIET_SET = b"set user:1 0 60 2 noreply\r\nhi\r\n"
FOUND = b"VALUE user:1 0 11\r\nEND\r\n\r\nabc\0\r\nVALUE user:2 1 0 77\r\n\r\nEND\r\n"
STATS = b"STAT pid 1\r\nSTAT version 1.6.18\r\nEND\r\n"
METADUMP = b"key=a exp=-1\r\nkey=b exp=-1\r\nEND\r\n"
TEXT: list[Turn] = [
    ("client", SET + GET + b"gat 60 k\r\n" + QUIET_SET + b"cas k 0 0 1 7\r\nx\r\n"),
    ("backend", b"STORED\r\n" + FOUND + b"END\r\nEXISTS\r\n"),
    ("client", b"incr n 1\nstats\r\nlru_crawler metadump all\r\nget noreply\r\n"),
    ("backend", b"6\r\n" + STATS + METADUMP + b"VALUE noreply 0 1\r\nx\r\nEND\r\n"),
    ("client", b"delete k noreply\r\nverbosity 1 noreply\r\nversion\r\nquit\r\n"),
    ("backend", b"ERROR\r\n"),
]
META: list[Turn] = [
    (
        "client",
        b"mg a v\r\nms b 2 T0\r\nhi\r\nmg c v q\r\nmg d q v k\r\nmd e q\r\nms f 1 q\r\nx\r\n",
    ),
    ("client", b"mn\r\nme a\r\nma n N0 J1\r\n"),
    ("backend", b"VA 4 t0\r\n\r\n\r\n\r\nHD\r\nVA 2 kd\r\nhi\r\nNF\r\nMN\r\n"),
    ("backend", b"ME a exp=-1\r\nHD\r\n"),
]


def packet(
    opcode: int, opaque: int, key: bytes = b"", extras: bytes = b"", value: bytes = b""
) -> bytes:
    """A binary request."""
    body = extras + key + value
    head = struct.pack(
        ">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, len(body), opaque, 0
    )
    return head + body


def answer(
    opcode: int, opaque: int, status: int = 0, key: bytes = b"", value: bytes = b""
) -> bytes:
    """A binary reply."""
    body = key + value
    return (
        struct.pack(">BBHBBHIIQ", 0x81, opcode, len(key), 0, 0, status, len(body), opaque, 0) + body
    )


GETQ, NOOP, STAT, SETQ = 0x09, 0x0A, 0x10, 0x11
BINARY: list[Turn] = [
    ("client", packet(0, 1, b"user:1") + packet(1, 2, b"k", b"\0" * 8, b"\x80" * 40)),
    (
        "client",
        packet(GETQ, 3, b"a") + packet(GETQ, 4, b"b") + packet(SETQ, 5, b"c") + packet(10, 6),
    ),
    ("backend", answer(0, 1, value=b"\0\0\0\0hello") + answer(1, 2)),
    ("backend", answer(GETQ, 4, value=b"\0\0\0\0\x81") + answer(SETQ, 5, 0x82, value=b"no")),
    ("backend", answer(NOOP, 6)),
    ("client", packet(STAT, 7) + packet(STAT, 8, b"nothing") + packet(0, 9, b"x" * 600)),
    (
        "backend",
        answer(STAT, 7, key=b"pid", value=b"1") + answer(STAT, 7, key=b"a") + answer(STAT, 7),
    ),
    ("backend", answer(STAT, 8, 1, value=b"Not found") + answer(0, 9, 1)),
]


def exchanges(turns: list[Turn]) -> tuple[list[tuple[str, bool]], list[tuple[bytes, bool]]]:
    """The names of a dialogue's requests with whether they are answered, and the replies."""
    transcript = talk(Memcached(), turns)
    assert transcript.opaque == ""
    return (
        [
            (message.request.name, message.reply)
            for message in transcript.requests
            if message.request
        ],
        [(message.data, message.aside) for message in transcript.replies],
    )


def test_a_classic_dialogue_is_cut_into_its_messages() -> None:
    """Values are counted, not searched; ``noreply`` and ``quit`` get no reply."""
    requests, replies = exchanges(TEXT)

    assert requests == [
        ("set user:1", True),
        ("get user:1", True),
        ("gat k", True),
        ("set user:1", False),
        ("cas k", True),
        ("incr n", True),
        ("stats", True),
        ("lru_crawler metadump", True),
        ("get noreply", True),
        ("delete k", False),
        ("verbosity 1", False),
        ("version", True),
        ("quit", False),
    ]
    assert replies == [
        (b"STORED\r\n", False),
        (FOUND, False),
        (b"END\r\n", False),
        (b"EXISTS\r\n", False),
        (b"6\r\n", False),
        (STATS, False),
        (METADUMP, False),
        (b"VALUE noreply 0 1\r\nx\r\nEND\r\n", False),
        (b"ERROR\r\n", False),
    ]


def test_a_meta_dialogue_is_cut_into_its_messages() -> None:
    """What quiet commands say before ``MN`` answers no request that waits."""
    requests, replies = exchanges(META)

    assert requests == [
        ("mg a", True),
        ("ms b", True),
        ("mg c", False),
        ("mg d", False),
        ("md e", False),
        ("ms f", False),
        ("mn", True),
        ("me a", True),
        ("ma n", True),
    ]
    assert replies == [
        (b"VA 4 t0\r\n\r\n\r\n\r\n", False),
        (b"HD\r\n", False),
        (b"VA 2 kd\r\nhi\r\nNF\r\n", True),
        (b"MN\r\n", False),
        (b"ME a exp=-1\r\n", False),
        (b"HD\r\n", False),
    ]


def test_a_binary_dialogue_is_cut_into_its_messages() -> None:
    """Quiet operations answer nothing that waits; statistics end with an empty packet."""
    requests, replies = exchanges(BINARY)

    assert requests == [
        ("get user:1", True),
        ("set k", True),
        ("getq a", False),
        ("getq b", False),
        ("setq c", False),
        ("noop", True),
        ("stat", True),
        ("stat nothing", True),
        ("get " + "x" * 64 + "…", True),
    ]
    assert [aside for _, aside in replies] == [False, False, True, False, False, False, False]
    assert replies[4][0] == BINARY[6][1]


@thorough
@given(cuts(TEXT))
def test_chunks_do_not_change_classic_messages(turns: list[Turn]) -> None:
    """The same messages are found wherever the bytes are cut."""
    assert talk(Memcached(), turns) == talk(Memcached(), TEXT)


@thorough
@given(cuts(META))
def test_chunks_do_not_change_meta_messages(turns: list[Turn]) -> None:
    """The same for meta commands."""
    assert talk(Memcached(), turns) == talk(Memcached(), META)


@thorough
@given(cuts(BINARY))
def test_chunks_do_not_change_binary_messages(turns: list[Turn]) -> None:
    """The same for binary packets."""
    assert talk(Memcached(), turns) == talk(Memcached(), BINARY)


@thorough
@given(garbled(TEXT) | garbled(META) | garbled(BINARY))
def test_bytes_without_sense_pass_unchanged(turns: list[Turn]) -> None:
    """Mutated and random bytes raise nothing, and none of them is lost."""
    talk(Memcached(), turns)


def test_a_whole_message_is_passed_without_a_copy() -> None:
    """A chunk that is exactly one message comes back as the same object."""
    memcached = Memcached()
    (frame,) = memcached.request(SET)
    (reply,) = memcached.reply(FOUND)

    assert frame.data is SET
    assert reply.data is FOUND


def test_values_stream() -> None:
    """A command line is held back, its value passes as it comes; so do replies."""
    memcached = Memcached()

    assert memcached.request(b"set k 0 0 9") == []
    assert [(f.first, f.last) for f in memcached.request(b"99\r\nabc")] == [(True, False)]
    assert [(f.first, f.last) for f in memcached.reply(b"VALUE k 0 9999\r\nab")] == [(True, False)]


@pytest.mark.parametrize(
    "data",
    [
        b"set k 0 0 9223372036854775808\r\nabc",
        packet(1, 1, b"k")[:8] + b"\xff\xff\xff\xff" + packet(1, 1, b"k")[12:],
    ],
)
def test_a_huge_length_is_not_allocated(data: bytes) -> None:
    """A declared length costs nothing until the bytes come."""
    memcached = Memcached()
    (frame,) = memcached.request(data)

    assert (frame.first, frame.last) == (True, False)
    assert memcached.upstream.held == b""


def test_a_length_that_is_none_brings_no_value() -> None:
    """The server refuses the line and takes what follows for the next command."""
    memcached = Memcached()

    assert len(memcached.request(b"set k 0 0 -1\r\nset k\r\nset k 0 0 x\r\nms k\r\n\r\n")) == 5
    assert memcached.opaque == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"\x81\x00\x00",
        b"{}\r\n",
        b"get\x00",
        b"x" * 40,
        packet(0, 1, b"key")[:8] + b"\0\0\0\1" + packet(0, 1, b"key")[12:],
        b"\r\x80mn\r\n" * 2 + b"\x81",
        b"get " + b"k" * 1_100_000,
    ],
)
def test_what_the_server_would_refuse_is_not_cut(data: bytes) -> None:
    """Bytes that are no command pass at once, whole, and the protocol says why."""
    memcached = Memcached()

    assert joined(memcached.request(data)) == data
    assert memcached.opaque


@pytest.mark.parametrize("data", [b"\x80\x00", b"-ERR\r\n", b"VALUE k 0\r\n", b"VA x\r\n"])
def test_a_backend_that_does_not_speak_memcached_is_not_cut(data: bytes) -> None:
    """Bytes that are no reply pass at once, whole."""
    memcached = Memcached()
    memcached.request(GET)

    assert joined(memcached.reply(data)) == data
    assert memcached.opaque


def test_a_log_is_left_alone() -> None:
    """After ``watch`` the server speaks on its own."""
    memcached = Memcached()
    memcached.request(b"watch fetchers\r\n")

    assert [frame.data for frame in memcached.reply(b"OK\r\nts=1.2\r\n")] == [
        b"OK\r\n",
        b"ts=1.2\r\n",
    ]
    assert memcached.opaque == "watch"


def test_a_reply_that_nobody_asked_for_answers_nothing() -> None:
    """An error to a ``noreply`` command, in text or binary, is no reply to a request."""
    too_large = b"SERVER_ERROR object too large for cache\r\n"

    assert messages(Memcached().reply(too_large)) == [Message(too_large, last=False, aside=True)]
    assert messages(Memcached().reply(answer(1, 2)))[0].aside


def test_a_request_answered_here_is_forgotten() -> None:
    """``MN`` is waited for no more, so the next reply is not taken for an aside."""
    memcached = Memcached()
    frames = memcached.request(b"mn\r\nmg a v\r\n")
    memcached.dropped(frames[0].request)

    assert messages(memcached.reply(b"EN\r\n")) == [Message(b"EN\r\n")]


@pytest.mark.parametrize(
    "data",
    [
        b"set k 0 0 1048576\r\n" + bytes(1 << 20),
        b"get " + b"key " * 260_000 + b"\r\n",
        GET * 50_000,
        packet(1, 1, b"k", b"\0" * 8, bytes(1 << 20)),
        packet(0, 1, b"key") * 38_000,
    ],
    ids=["value", "line", "commands", "binary value", "binary commands"],
)
def test_small_pieces_cost_no_more_than_their_bytes(data: bytes) -> None:
    """1 MiB in pieces of 64 bytes: a scan from the start each time takes 9 s, this 0.01 to 0.2."""
    parts = pieces(data, 64)

    def work() -> None:
        memcached = Memcached()
        for part in parts:
            memcached.request(part)

    assert cpu(work) < 1.5
