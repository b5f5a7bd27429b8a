"""HTTP/1.1: what is a message and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.protocols.http import Http
from tests.protocols.chunking import (
    Message,
    Turn,
    alike_in_runs,
    cpu,
    cuts,
    garbled,
    joined,
    pieces,
    talk,
    thorough,
)

GET = b"GET /a?token=s3cret HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nTrailer: X\r\n\r\n"
    b"5;note=x\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX: y\r\nZ: \r\n\r\n"
)
EXPECT = b"POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9000\r\n\r\n"
OF_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
IN_CHUNKS = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\n"
    b"A\r\n0\r\n\r\n56789\r\n000\r\nTrailer: x\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
UNTIL_END = b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nand so on\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
DIALOGUE: list[Turn] = [
    ("client", GET + HEAD + b"\r\n" + POST + CHUNKED),
    ("backend", OK + OF_HEAD + IN_CHUNKS),
    ("client", GET),
    ("backend", HINTS + NOT_MODIFIED + NO_CONTENT),
    ("client", EXPECT),
    ("backend", CONTINUE),
    ("client", b"ok" + GET),
    ("backend", EMPTY + UNTIL_END),
]


AGAIN: list[Turn] = [
    ("client", GET),
    ("backend", OK),
    ("client", GET),
    ("backend", OK),
    ("client", POST),
    ("client", POST),
    ("backend", OK),
    ("backend", OK),
    ("client", HEAD),
    ("backend", OF_HEAD),
    ("client", GET),
    ("backend", OF_HEAD + b"x" * 9000),
    ("client", HEAD),
    ("backend", OF_HEAD),
    ("client", HEAD),
    ("backend", OF_HEAD),
    ("client", GET),
    ("backend", CONTINUE),
    ("backend", CONTINUE),
    ("backend", OK),
]


def one(data: bytes) -> Message:
    """The only message that a client's ``data`` is."""
    transcript = talk(Http(), [("client", data)])
    assert transcript.opaque == ""
    (message,) = transcript.requests
    return message


def opaque(*turns: Turn) -> str:
    """Why the frame of a dialogue is lost; no byte of it is."""
    return talk(Http(), turns).opaque


def test_a_dialogue_is_cut_into_its_messages() -> None:
    """Pipelining, chunks, interim replies and replies without a body are told apart."""
    transcript = talk(Http(), DIALOGUE)

    assert transcript.opaque == ""
    assert [message.data for message in transcript.requests] == [
        GET,
        HEAD,
        b"\r\n" + POST,
        CHUNKED,
        GET,
        EXPECT + b"ok",
        GET,
    ]
    assert [(m.data, m.aside, m.last) for m in transcript.replies] == [
        (OK, False, True),
        (OF_HEAD, False, True),
        (IN_CHUNKS, False, True),
        (HINTS, True, False),
        (NOT_MODIFIED, False, True),
        (NO_CONTENT, False, True),
        (CONTINUE, True, False),
        (EMPTY, False, True),
        (UNTIL_END, False, False),
    ]


@thorough
@given(st.sampled_from([DIALOGUE, AGAIN]).flatmap(cuts), st.lists(st.booleans(), max_size=8))
def test_runs_change_nothing_but_the_frames(turns: list[Turn], runs: list[bool]) -> None:
    """What is remembered of one message does not spoil the next one."""
    alike_in_runs(Http, turns, runs)
    alike_in_runs(Http, AGAIN, runs)


def test_the_same_bytes_again_are_the_same_message() -> None:
    """One by one, whole in one piece: each is a message, and each request its own."""
    protocol = Http()
    frames = [protocol.request(GET) for _ in range(3)]
    replies = [protocol.reply(data) for data in (OK, OK, OK)]

    assert [[(f.data, f.first, f.last) for f in each] for each in frames] == [
        [(GET, True, True)]
    ] * 3
    assert len({id(each[0].request) for each in frames}) == 3
    assert [[(f.data, f.first, f.last) for f in each] for each in replies] == [
        [(OK, True, True)]
    ] * 3
    assert not protocol.waiting


def test_the_same_bytes_answer_head_without_their_body() -> None:
    """After a reply to GET the same bytes are two things in answer to HEAD."""
    protocol = Http()
    protocol.request(GET + HEAD)
    protocol.reply(OK)

    assert [(f.data, f.first) for f in protocol.reply(OK)] == [(OK[:-2], True), (b"hi", True)]
    assert protocol.opaque


@thorough
@given(st.sampled_from([DIALOGUE, AGAIN]), st.data())
def test_chunks_do_not_change_the_messages(dialogue: list[Turn], data: st.DataObject) -> None:
    """The same messages are found wherever the bytes are cut."""
    assert talk(Http(), data.draw(cuts(dialogue))) == talk(Http(), dialogue)


@thorough
@given(garbled(DIALOGUE))
def test_bytes_without_sense_pass_unchanged(turns: list[Turn]) -> None:
    """Mutated and random bytes raise nothing, and none of them is lost."""
    talk(Http(), turns)


def test_a_whole_message_is_passed_without_a_copy() -> None:
    """A chunk that is exactly one message comes back as the same object."""
    http = Http()
    (frame,) = http.request(GET)
    (reply,) = http.reply(OK)

    assert frame.data is GET
    assert reply.data is OK


def test_a_body_streams() -> None:
    """Only the head is held back; a body passes as it comes."""
    http = Http()

    assert http.request(POST[:20]) == []
    (first,) = http.request(POST[20:-5])
    (last,) = http.request(POST[-5:])
    assert (first.first, first.last, first.data) == (True, False, POST[:-5])
    assert (last.first, last.last, last.data) == (False, True, POST[-5:])
    assert first.request is last.request


def test_a_chunks_end_is_not_held_back() -> None:
    """An event stream's reader gets each chunk whole, before the next one comes."""
    http = Http()
    http.request(GET)
    http.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    assert joined(http.reply(b"3\r\nabc\r\n")) == b"3\r\nabc\r\n"


@pytest.mark.parametrize(
    ("head", "name", "command", "key"),
    [
        (b"GET /a HTTP/1.1", "GET /a", "GET", "/a"),
        (b"GET /a?password=x HTTP/1.1", "GET /a?…", "GET", "/a"),
        (b"GET http://u:p@h/a@b HTTP/1.1", "GET http://h/a@b", "GET", "http://h/a@b"),
        (b"GET http://h/a@b HTTP/1.1", "GET http://h/a@b", "GET", "http://h/a@b"),
        (b"OPTIONS * HTTP/1.1", "OPTIONS *", "OPTIONS", "*"),
        (b"GET /" + b"x" * 500 + b" HTTP/1.1", "GET /" + "x" * 119 + "…", "GET", "/" + "x" * 119),
    ],
)
def test_a_request_is_named_without_secrets(head: bytes, name: str, command: str, key: str) -> None:
    """Method and path name a request; query and password stay out."""
    request = one(head + b"\r\nHost: a\r\n\r\n").request

    assert request is not None
    assert (request.name, request.command, request.key) == (name, command, key)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nA: a\r\n folded\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 17 + b"\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 9000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / RTSP/1.0\r\n\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000,
        b"\r\n" * 6 + GET,
        b"\x16\x03\x01\x02\x00\x01",
        b"hello\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"(GET) / HTTP/1.1\r\n\r\n",
        b"GET\x00",
        b"GET / HTTP/1.1\r\nX: \x01",
    ],
)
def test_what_servers_may_read_differently_is_not_cut(data: bytes) -> None:
    """Doubtful bytes pass at once, whole, and the protocol says why it gave up."""
    http = Http()

    assert joined(http.request(data)) == data
    assert http.opaque


OWN: list[Turn] = [
    (
        "client",
        b"BAN /a HTTP/1.1\r\nHost: a\r\n\r\n"
        b"purge.all /caf\xc3\xa9?q=\xff HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
    ),
    ("backend", OK),
    ("client", b"GET /lf HTTP/1.1\nHost: a\nContent-Length: 3\n\n\n\n\n" + GET),
    ("backend", b"HTTP/1.1 200 OK\nContent-Length: 3\n\n\n\n\n" + OK + OK),
    ("client", b"\nPUT /m HTTP/1.1\r\nHost: a\nTransfer-Encoding: chunked\n\r\n0\r\n\n"),
    ("backend", EMPTY),
]


def test_what_the_standards_let_servers_take_is_taken() -> None:
    """Methods of one's own, lines that end in LF alone, bytes beyond ASCII in a target."""
    transcript = talk(Http(), OWN)

    assert transcript.opaque == ""
    names = [message.request.name for message in transcript.requests if message.request]
    assert names == ["BAN /a", "purge.all /caf\u00e9?…", "GET /lf", "GET /a?…", "PUT /m"]
    assert all(message.last for message in (*transcript.requests, *transcript.replies))
    assert len(transcript.replies) == 5


@thorough
@given(cuts(OWN))
def test_chunks_do_not_change_unusual_messages(turns: list[Turn]) -> None:
    """They are found wherever the bytes are cut."""
    assert talk(Http(), turns) == talk(Http(), OWN)


def test_http_2_is_another_protocol() -> None:
    """Its preface is no nonsense: it is not read, as it should not be."""
    http = Http()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    assert joined(http.request(preface)) == preface
    assert (http.opaque, http.desync) == ("HTTP/2", False)


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 20 x\r\n\r\n", b"HTTP/1.1 OK\n\n", b"\0"]
)
def test_a_backend_that_does_not_speak_http_is_not_cut(data: bytes) -> None:
    """Bytes that are no HTTP reply pass at once, whole."""
    http = Http()
    http.request(GET)

    assert joined(http.reply(data)) == data
    assert http.opaque


def test_heads_of_64_kib_are_still_heads() -> None:
    """A head that a server might just accept is still cut."""
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * 65_536 + b"\r\n\r\n"

    assert one(head).data == head


def test_tunnels_are_left_alone() -> None:
    """After CONNECT or 101 the bytes are the tunnel's; a refusal goes on as HTTP."""
    connect = b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"
    upgrade = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    denied = b"HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx"

    tunnel = b"HTTP/1.1 200 Established\r\nContent-Length: 5\r\n\r\n\x16\x03"
    assert opaque(("client", connect), ("backend", tunnel)) == "CONNECT"
    assert opaque(("client", upgrade), ("backend", switching + b"\x81\x00")) == "upgraded"
    assert opaque(("client", connect), ("backend", denied), ("client", GET)) == ""
    assert opaque(("client", upgrade), ("backend", OK), ("client", GET)) == ""


def test_the_reply_that_opens_a_tunnel_ends_its_exchange() -> None:
    """101 is a whole reply; what follows it in the same chunk is not part of it."""
    http = Http()
    http.request(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

    reply, rest = http.reply(switching + b"\x81\x00")
    assert (reply.data, reply.first, reply.last) == (switching, True, True)
    assert rest.data == b"\x81\x00"


def test_a_reply_that_nobody_asked_for_answers_nothing() -> None:
    """408 on an idle connection is no reply to a request."""
    timeout = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 2\r\n\r\nno"
    transcript = talk(Http(), [("backend", timeout)])

    assert transcript.replies == [Message(timeout, last=False, aside=True)]


def test_a_request_answered_here_is_forgotten() -> None:
    """The reply to the next request is not taken for one to HEAD."""
    http = Http()
    frames = http.request(GET + HEAD + GET)
    http.dropped(frames[1].request)

    assert [frame.last for frame in http.reply(OK + OK)] == [True, True]
    assert not http.waiting


def test_the_newest_request_is_forgotten_when_none_is_named() -> None:
    """Without a request, ``dropped`` means the newest; with none left it does nothing."""
    http = Http()
    http.request(GET)
    http.dropped()
    http.dropped()

    assert not http.waiting


def test_what_is_held_back_comes_out_at_the_end() -> None:
    """A head that breaks off is passed on with the FIN."""
    http = Http()

    assert http.request(GET[:9]) == []
    assert http.reply(b"HTT") == []
    assert joined(http.request_end()) == GET[:9]
    assert joined(http.reply_end()) == b"HTT"
    assert http.request_end() == []


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + bytes(1 << 20),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"2\r\nab\r\n" * 150_000,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 260_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 43_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 170_000,
    ],
    ids=["body", "chunks", "long field", "many fields", "trailers"],
)
def test_small_pieces_cost_no_more_than_their_bytes(data: bytes) -> None:
    """1 MiB in pieces of 64 bytes: a scan from the start each time takes 9 s, this 0.01 to 0.2."""
    parts = pieces(data, 64)

    def work() -> None:
        http = Http()
        for part in parts:
            http.request(part)

    assert cpu(work) < 1.5
