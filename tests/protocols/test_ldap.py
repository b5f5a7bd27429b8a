"""LDAP: operations, results in any order, StartTLS, and a server's ways to say no."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from chaostui.actions import Close, Reply, Send
from chaostui.protocol import Frame, Request
from chaostui.protocols.ldap import LDAP
from tests.protocols.chunking import (
    Turn,
    cpu,
    cuts,
    garbled,
    joined,
    pieces,
    talk,
    thorough,
)


def element(tag: int, contents: bytes, width: int = 0) -> bytes:
    """A BER element; ``width`` bytes of length where the short form would do."""
    size = len(contents)
    if size < 128 and not width:
        return bytes((tag, size)) + contents
    width = width or (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width) + contents


def message(number: int, tag: int, contents: bytes = b"", width: int = 0) -> bytes:
    """A message; OpenLDAP writes lengths in four bytes, others as short as they can."""
    written = number.to_bytes((number.bit_length() + 8) // 8)
    return element(0x30, element(2, written) + element(tag, contents, width), width)


def result(code: int = 0, text: bytes = b"") -> bytes:
    """The contents of an LDAPResult."""
    return b"\x0a\1" + bytes((code,)) + element(4, b"") + element(4, text)


def bind(number: int, entry: bytes = b"cn=admin,dc=test") -> bytes:
    """A simple bind."""
    return message(number, 0x60, b"\2\1\3" + element(4, entry) + element(0x80, b"hunter2"))


def search(number: int, base: bytes = b"dc=test", width: int = 0) -> bytes:
    """A search for a name."""
    asked = element(4, base) + b"\x0a\1\2\x0a\1\0\2\1\0\2\1\0\1\1\0"
    wanted = element(0xA3, element(4, b"cn") + element(4, b"hunter2")) + element(0x30, b"")
    return message(number, 0x63, asked + wanted, width)


def entry(number: int, size: int = 30) -> bytes:
    """An entry that a search has found."""
    return message(number, 0x64, element(4, b"cn=a") + element(0x30, b"x" * size))


def done(number: int, code: int = 0) -> bytes:
    """The result of a search."""
    return message(number, 0x65, result(code))


def extended(number: int, oid: bytes, value: bytes = b"hunter2") -> bytes:
    """An extended operation."""
    return message(number, 0x77, element(0x80, oid) + element(0x81, value))


STARTTLS = b"1.3.6.1.4.1.1466.20037"
UNBIND = message(9, 0x42)

BOUND: list[Turn] = [("client", bind(1)), ("backend", message(1, 0x61, result()))]
SEARCHES: list[Turn] = [
    ("client", search(2)),
    ("backend", entry(2) + entry(2, 300) + message(2, 0x73, element(4, b"ldap://b")) + done(2)),
    ("client", search(300, b"ou=" + b"x" * 400, 4) + search(70_000, b"")),
    ("backend", entry(70_000) + entry(300, 70_00) + done(70_000) + entry(300) + done(300, 4)),
    ("backend", message(0, 0x78, result(52) + element(0x8A, b"1.3.6.1.4.1.1466.20036"))),
]
CHANGES: list[Turn] = [
    ("client", message(2, 0x66, element(4, b"cn=a,dc=test") + element(0x30, b""))),
    ("backend", message(2, 0x67, result())),
    ("client", message(3, 0x68, element(4, b"cn=b,dc=test") + element(0x30, b"hunter2"))),
    ("client", message(4, 0x4A, b"cn=c,dc=test") + message(5, 0x6C, element(4, b"cn=d"))),
    ("client", message(6, 0x6E, element(4, b"cn=e") + element(0x30, b"hunter2"))),
    ("backend", message(4, 0x6B, result()) + message(3, 0x69, result(68))),
    ("backend", message(6, 0x6F, result(6)) + message(5, 0x6D, result())),
    ("client", extended(7, b"1.3.6.1.4.1.4203.1.11.3") + extended(8, b"1.2.3")),
    ("backend", message(7, 0x78, result()) + message(8, 0x79) + message(8, 0x78, result(2))),
    ("client", UNBIND),
]
ABANDONED: list[Turn] = [
    ("client", search(2) + search(3)),
    ("backend", entry(2)),
    ("client", message(4, 0x50, b"\2") + message(5, 0x50, b"\x63") + search(6)),
    ("backend", entry(3) + done(3)),
    ("client", message(7, 0x50, b"\6") + search(8)),
    ("backend", done(8) + entry(2)),
]
REFUSED: list[Turn] = [
    ("client", extended(2, STARTTLS)),
    ("backend", message(2, 0x78, result(2))),
]
DIALOGUES = [[*BOUND, *turns] for turns in (SEARCHES, CHANGES, ABANDONED, REFUSED)]


@thorough
@given(st.data(), st.sampled_from(DIALOGUES))
def test_messages_do_not_depend_on_how_bytes_are_cut(
    data: st.DataObject, dialogue: list[Turn]
) -> None:
    """Any chunks of a dialogue make the same messages of the same bytes."""
    assert talk(LDAP(), data.draw(cuts(dialogue))) == talk(LDAP(), dialogue)


@thorough
@given(st.sampled_from(DIALOGUES).flatmap(garbled))
def test_no_byte_is_lost_where_the_bytes_make_no_sense(turns: list[Turn]) -> None:
    """A garbled dialogue raises nothing and passes whole."""
    talk(LDAP(), turns)


@thorough
@given(st.lists(st.tuples(st.sampled_from(["client", "backend"]), st.binary(max_size=60))))
def test_noise_passes_whole(turns: list[Turn]) -> None:
    """Random bytes from both sides, or in an envelope, raise nothing and pass whole."""
    talk(LDAP(), turns)
    talk(LDAP(), [(side, element(0x30, data)) for side, data in turns])


def named(turns: Sequence[Turn]) -> list[tuple[str, bool]]:
    """The requests of a dialogue by name, and whether each gets a reply."""
    return [(m.request.name, m.reply) for m in talk(LDAP(), turns).requests if m.request]


def replies(turns: Sequence[Turn]) -> list[bytes]:
    """The replies of a dialogue, without what answers nothing."""
    return [m.data for m in talk(LDAP(), turns).replies if not m.aside]


def test_operations_are_known_by_their_entry() -> None:
    """Names show the operation and its entry: no passwords, no filters, no values."""
    assert named(BOUND + CHANGES) == [
        ("BIND cn=admin,dc=test", True),
        ("MODIFY cn=a,dc=test", True),
        ("ADD cn=b,dc=test", True),
        ("DELETE cn=c,dc=test", True),
        ("RENAME cn=d", True),
        ("COMPARE cn=e", True),
        ("WHO AM I", True),
        ("EXTENDED 1.2.3", True),
        ("UNBIND", False),
    ]
    assert named(SEARCHES) == [
        ("SEARCH dc=test", True),
        ("SEARCH ou=" + "x" * 57, True),
        ("SEARCH", True),
    ]


def test_a_reply_ends_with_its_result() -> None:
    """Entries and references come before the result of their search."""
    assert replies(BOUND) == [message(1, 0x61, result())]
    assert replies(SEARCHES[:2]) == [SEARCHES[1][1]]


def test_results_may_come_in_any_order() -> None:
    """Each result ends one reply; entries of several searches may be mixed."""
    assert replies(SEARCHES)[1:] == [
        entry(70_000) + done(70_000),
        entry(300, 70_00) + entry(300) + done(300, 4),
    ]
    assert talk(LDAP(), SEARCHES).replies[-1].aside
    assert len(replies(CHANGES)) == 7


@pytest.mark.parametrize(
    ("backend", "frames"),
    [
        (done(2) + done(1), [(2, True, True), (1, True, True)]),
        (entry(1) + entry(1) + done(1), [(1, True, True)]),
        (entry(1) + done(2) + done(1), [(1, True, False), (2, True, True), (1, False, True)]),
        (entry(1) + entry(2), [(1, True, False), (2, True, False)]),
        (entry(2) + entry(7) + done(2), [(2, True, False), (0, False, False), (2, False, True)]),
        (entry(1, 300)[:-5], [(1, True, False)]),
    ],
)
def test_a_reply_names_the_request_it_answers(
    backend: bytes, frames: list[tuple[int, bool, bool]]
) -> None:
    """A frame of a reply carries the very object that its request's frame did."""
    protocol = LDAP()
    asked = [frame.request for frame in protocol.request(search(1) + search(2))]
    given = [(frame.request, frame.first, frame.last) for frame in protocol.reply(backend)]

    assert len(given) == len(frames)
    for (request, *ends), (number, *expected) in zip(given, frames, strict=True):
        assert request is (asked[number - 1] if number else None)
        assert ends == expected


def test_a_reply_goes_on_after_another_one() -> None:
    """Between pieces of a search's entries others may come; it begins only once."""
    protocol = LDAP()
    protocol.request(search(1) + search(2))
    given = [protocol.reply(data) for data in (entry(1), entry(2), entry(1), done(1), done(2))]

    assert [(f.first, f.last) for frames in given for f in frames] == [
        (True, False), (True, False), (False, False), (False, True), (False, True),
    ]  # fmt: skip


def test_another_reply_may_begin_between_messages() -> None:
    """Not inside one that has come in part; a head that is held back has not begun."""
    protocol = LDAP()
    protocol.request(search(1))
    told = []
    for piece in (entry(1, 1000)[:500], entry(1, 1000)[500:], done(1)[:5], done(1)[5:]):
        protocol.reply(piece)
        told.append(protocol.between())

    assert told == [False, True, True, True]


def test_an_abandoned_search_is_over() -> None:
    """No result comes for it: its reply ends where the next message begins."""
    found = talk(LDAP(), [*BOUND, *ABANDONED])

    assert [m.data for m in found.replies[1:]] == [
        entry(2), entry(3) + done(3), b"", done(8), entry(2),
    ]  # fmt: skip
    assert [m.last for m in found.replies[1:]] == [True, True, True, True, False]
    assert [m.reply for m in found.requests] == [
        True, True, True, False, False, True, False, True,
    ]  # fmt: skip


def test_starttls_ends_the_reading() -> None:
    """Once the server agrees to TLS, bytes of both sides pass as they are."""
    protocol = LDAP()
    agreed = message(1, 0x78, result())
    assert protocol.request(extended(1, STARTTLS))[0].request == Request("STARTTLS", "STARTTLS")
    assert protocol.reply(agreed)[0].data is agreed

    assert joined(protocol.request(b"\x16\x03\x01")) == b"\x16\x03\x01"
    assert joined(protocol.reply(b"\x16\x03\x03")) == b"\x16\x03\x03"
    assert protocol.opaque == "TLS"


@pytest.mark.parametrize(
    "turns",
    [
        [("client", b"\x16\x03\x01")],
        [("client", b"GET / HTTP/1.1\r\n")],
        [("client", b"\x30\x80\2\1\1\x60\0")],
        [("client", b"\x30\x85\0\0\0\0\7\2\1\1\x60\2\0\0")],
        [("client", b"\x30\5\4\1\1\x60\0")],
        [("client", b"\x30\x08\2\5\1\1\1\1\1\x60")],
        [("client", b"\x30\0" + bind(1))],
        [("client", message(1, 0x61, result()))],
        [("backend", b"HTTP/1.1 400 Bad Request\r\n")],
        # A bind that wraps what follows for integrity.
        [*BOUND, ("client", b"\0\0\0\x40" + b"x" * 60)],
    ],
)
def test_what_is_not_ldap_passes_as_it_is(turns: list[Turn]) -> None:
    """TLS, other protocols, wrapped messages: the frame is lost, no byte is."""
    assert talk(LDAP(), turns).opaque


def test_a_whole_message_is_passed_on_as_the_object_it_was() -> None:
    """A chunk that is one operation, or one reply, is not copied."""
    protocol, request, reply = LDAP(), search(1), entry(1) + done(1)

    (frame,) = protocol.request(request)
    assert frame.data is request
    assert protocol.reply(reply) == [Frame(reply, request=frame.request)]
    assert protocol.request(request)[0].data is request


def test_a_long_message_streams_through() -> None:
    """Only the first 256 bytes of a message are held back."""
    protocol = LDAP()
    request = message(1, 0x68, element(4, b"cn=a") + element(0x30, b"x" * 100_000))

    assert protocol.request(request[:200]) == []
    assert joined(protocol.request(request[200:300])) == request[:300]
    assert joined(protocol.request(request[300:-1])) == request[300:-1]
    assert protocol.request(request[-1:])[0].last


def test_a_declared_length_takes_no_memory() -> None:
    """A message that claims to be of four gigabytes costs what was sent of it."""
    protocol = LDAP()
    tracemalloc.start()
    protocol.request(b"\x30\x84\xff\xff\xff\xff\2\1\1\x68\x84\xff\xff\xff\xf0" + b"x" * 1000)
    protocol.reply(b"\x30\x84\xff\xff\xff\xff\2\1\1\x64\x84\xff\xff\xff\xf0" + b"x" * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 100_000


@pytest.mark.parametrize(
    ("client", "data"),
    [
        (True, message(2, 0x68, element(4, b"cn=a") + b"x" * (1 << 20))),
        (False, entry(1, 1 << 20)),
        (False, entry(1) * 24_000),
    ],
)
def test_small_pieces_cost_little(client: bool, data: bytes) -> None:
    """A mebibyte in pieces of 64 bytes costs by its messages, not by its pieces."""
    parts = pieces(data[: 1 << 20], 64)

    def work() -> None:
        protocol = LDAP()
        protocol.request(search(1))
        cut = protocol.request if client else protocol.reply
        for part in parts:
            cut(part)

    assert cpu(work) < 0.5


# -- errors -----------------------------------------------------------------------------------


CODES = {
    "busy": 51, "unavailable": 52, "unwilling": 53, "time_limit": 3, "size_limit": 4,
    "admin_limit": 11, "other": 80,
}  # fmt: skip
OPERATIONS = [
    (bind(5), 0x61), (search(5), 0x65), (message(5, 0x66, b""), 0x67), (message(5, 0x68), 0x69),
    (message(5, 0x4A), 0x6B), (message(5, 0x6C), 0x6D), (message(5, 0x6E), 0x6F),
    (extended(5, STARTTLS), 0x78),
]  # fmt: skip


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize(("request_", "tag"), OPERATIONS)
def test_an_error_is_the_result_of_its_operation(kind: str, request_: bytes, tag: int) -> None:
    """The result has the operation's own tag and message id, and the code that was asked for."""
    protocol = LDAP()
    request = protocol.request(request_)[0].request
    (said,) = protocol.error(kind, request=request)

    assert isinstance(said, Reply)
    assert said.data[1] == len(said.data) - 2
    assert said.data[2:5] == b"\2\1\5"
    assert said.data[5] == tag
    limited = kind in ("time_limit", "size_limit") and tag != 0x65
    assert said.data[7:10] == bytes((0x0A, 1, CODES["admin_limit" if limited else kind]))


def test_pipelined_operations_are_answered_by_their_ids() -> None:
    """An error answers the operation it is for, as the client has written its id."""
    protocol = LDAP()
    frames = protocol.request(search(300) + bind(301))
    said = [protocol.error("busy", request=frame.request)[0] for frame in frames]

    assert [each.data[2:7] for each in said if isinstance(each, Reply)] == [
        b"\2\2\1\x2c\x65", b"\2\2\1\x2d\x61",
    ]  # fmt: skip


def test_a_disconnection_is_announced() -> None:
    """The notice has message id 0 and its own name; then the connection is closed."""
    protocol = LDAP()
    said, closed = protocol.error("disconnect", request=protocol.request(bind(1))[0].request)

    assert closed == Close()
    assert isinstance(said, Reply)
    assert said.data[2:6] == b"\2\1\0\x78"
    assert said.data.endswith(element(0x8A, b"1.3.6.1.4.1.1466.20036"))
    assert talk(LDAP(), [("backend", said.data)]).replies[0].aside


def test_what_gets_no_reply_passes_although_it_is_hit() -> None:
    """An unbind is not answered, so not by an error either."""
    protocol = LDAP()

    assert protocol.error("busy", request=protocol.request(UNBIND)[0].request) == (Send(UNBIND),)


def test_likely_errors_are_those_of_a_server_in_trouble() -> None:
    """Without a kind the server is busy, unavailable, or says good-bye."""
    protocol = LDAP(dice=random.Random(5))
    request = protocol.request(bind(1))[0].request
    said = {protocol.error(request=request)[0] for _ in range(30)}

    assert len(said) == 3


def test_an_unknown_kind_is_refused() -> None:
    """Only errors that the protocol lists can be asked for."""
    with pytest.raises(ValueError, match="'nope'"):
        LDAP().error("nope")


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (bind(1), -9),
        (bind(1, b"cn=" + b"x" * 300), -9),
        (extended(1, b"1.3.6.1.4.1.4203.1.11.1"), -9),
        (message(1, 0x60, b"\2\1\3"), None),
        (message(1, 0x60), None),
        (search(1), None),
    ],
)
def test_passwords_are_not_shown(data: bytes, kept: int | None) -> None:
    """Of a bind the entry's name shows, of a change of a password that it is one."""
    protocol = LDAP()
    (frame,) = protocol.request(data)
    shown = protocol.redact(frame, upstream=True)

    assert shown == (data if kept is None else data[:kept] + b"*" * -kept)
    assert protocol.redact(Frame(done(1)), upstream=False) == done(1)


def test_a_bind_in_pieces_is_not_shown() -> None:
    """A long bind passes in pieces, of which the later ones show nothing."""
    protocol = LDAP()
    data = message(1, 0x60, b"\2\1\3" + element(4, b"cn=a") + element(0x80, b"x" * 900))
    shown = b"".join(
        protocol.redact(frame, upstream=True)
        for piece in pieces(data, 300)
        for frame in protocol.request(piece)
    )

    assert shown == data[:-904] + b"*" * 904


def test_a_dropped_operation_leaves_no_gap() -> None:
    """After an answer made here, what comes for that id answers nothing."""
    protocol = LDAP()
    frames = protocol.request(search(1) + search(2))
    protocol.dropped(frames[0].request)

    assert protocol.reply(done(2)) == [Frame(done(2), request=frames[1].request)]
    assert protocol.reply(done(1)) == [Frame(done(1), False, False, push=True)]


def test_a_bind_that_fails_leaves_nobody_bound() -> None:
    """The server that knew the client is told to forget it; the client sees the error alone."""
    ldap = LDAP()
    ldap.request(bind(1))
    ldap.reply(message(1, 0x61, result()))
    [frame] = ldap.request(bind(2))
    [action] = ldap.error("busy", request=frame.request)
    assert action == Send(message(2, 0x60, b"\2\1\3\4\0\x80\0"))
    assert ldap.promised

    [reply] = ldap.reply(message(2, 0x61, result()))
    assert reply.data == message(2, 0x61, result(51, b"the server is too busy"))
    assert (reply.last, reply.request is frame.request, ldap.promised) == (True, True, False)
    [frame] = ldap.request(bind(3))
    assert isinstance(ldap.error("busy", request=frame.request)[0], Reply)


def test_a_bind_of_several_steps_is_broken_off_at_both_ends() -> None:
    """An error to its second step ends it; before anybody was bound nothing needs to be told."""
    ldap = LDAP()
    [first] = ldap.request(bind(1))
    assert isinstance(ldap.error("busy", request=first.request)[0], Reply)
    ldap.reply(message(1, 0x61, result(14)))
    [second] = ldap.request(bind(2))
    assert isinstance(ldap.error("busy", request=second.request)[0], Send)


@pytest.mark.parametrize("kind", ["time_limit", "size_limit"])
def test_only_searches_reach_their_limits(kind: str) -> None:
    """Other operations are told of the server's own; the event names both."""
    ldap = LDAP()
    [frame] = ldap.request(search(1))
    assert [
        each.what for each in ldap.error(kind, request=frame.request) if isinstance(each, Reply)
    ] == [kind]
    [frame] = ldap.request(message(2, 0x4A, b"dc=test"))
    [reply] = ldap.error(kind, request=frame.request)
    assert isinstance(reply, Reply)
    assert reply.what == f"admin_limit for {kind}"
