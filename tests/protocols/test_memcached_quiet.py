"""memcached's quiet commands: errors come after what they say, and in their place."""

from __future__ import annotations

import pytest

from chaostui.actions import Reply, Send
from chaostui.protocol import Frame, Request
from chaostui.protocols.memcached import Memcached
from tests.protocols.chunking import joined
from tests.protocols.test_memcached import answer, packet

GETKQ, NOOP, SETQ, GETQ = 0x0D, 0x0A, 0x11, 0x09
BUSY = b"SERVER_ERROR busy\r\n"


def asked(memcached: Memcached, data: bytes) -> list[Request]:
    """Give commands to the framer; what each of them asks."""
    return [frame.request for frame in memcached.request(data) if frame.request and frame.first]


def sent(memcached: Memcached, request: Request, kind: str = "busy") -> bytes:
    """What goes to the server in the place of a request that is hit."""
    [action] = memcached.error(kind, request=request)
    assert isinstance(action, Send)
    assert action.what == kind
    return action.data


def test_an_error_waits_for_what_quiet_operations_say() -> None:
    """GETKQ, GETKQ, NOOP: the server is asked for nothing; the error is what comes of it."""
    memcached = Memcached()
    *_, noop = asked(memcached, packet(GETKQ, 1, b"a") + packet(GETKQ, 2, b"b") + packet(NOOP, 3))
    assert sent(memcached, noop) == packet(NOOP, 3)
    assert memcached.promised

    value = answer(GETKQ, 2, key=b"b", value=b"\0\0\0\0hi")
    assert memcached.reply(value) == [Frame(value, first=False, last=False)]
    assert memcached.reply(answer(NOOP, 3)) == [Frame(answer(NOOP, 3, 0x85, value=b"Busy"))]
    assert not memcached.promised


def test_a_quiet_operation_that_is_hit_is_answered_in_its_turn() -> None:
    """Its own opcode comes back, after the values before it and before those behind it."""
    memcached = Memcached()
    first, second, third, noop = asked(
        memcached, b"".join(packet(GETKQ, n, b"k%d" % n) for n in (1, 2, 3)) + packet(NOOP, 4)
    )
    assert sent(memcached, second) == packet(NOOP, 2)
    values = [answer(GETKQ, n, key=b"k%d" % n, value=b"\0\0\0\0x") for n in (1, 3)]
    frames = memcached.reply(values[0] + answer(NOOP, 2) + values[1] + answer(NOOP, 4))

    error = answer(GETKQ, 2, 0x85, value=b"Busy")
    assert joined(frames) == values[0] + error + values[1] + answer(NOOP, 4)
    assert [frame.last for frame in frames] == [False, False, False, True]
    del first, third, noop


def test_the_same_opaque_everywhere_confuses_nothing() -> None:
    """Answers are told by their place in the stream."""
    memcached = Memcached()
    one, _, two, _ = asked(
        memcached, packet(SETQ, 0) + packet(NOOP, 0) + packet(SETQ, 0) + packet(NOOP, 0)
    )
    sent(memcached, two)
    noop = answer(NOOP, 0)
    assert joined(memcached.reply(noop)) == noop
    assert joined(memcached.reply(noop)) == answer(SETQ, 0, 0x85, value=b"Busy")
    assert joined(memcached.reply(noop)) == noop
    assert not memcached.waiting
    del one


def test_the_body_of_what_is_hidden_is_hidden_too() -> None:
    """A server that refuses the question itself still shows the client one whole error."""
    memcached = Memcached()
    _, noop = asked(memcached, packet(GETQ, 1, b"a") + packet(NOOP, 2))
    sent(memcached, noop)
    refused = answer(NOOP, 2, 0x20, value=b"Auth failure.")

    frames = [frame for byte in refused for frame in memcached.reply(bytes([byte]))]
    assert joined(frames) == answer(NOOP, 2, 0x85, value=b"Busy")
    assert not memcached.waiting


@pytest.mark.parametrize("last", [b"mn\r\n", b"get c\r\n", b"mg c v k\r\n", b"version\r\n"])
def test_a_meta_error_waits_for_what_quiet_commands_say(last: bytes) -> None:
    """Whatever stands behind them."""
    memcached = Memcached()
    *_, hit = asked(memcached, b"mg a k v q\r\nmg b k v q\r\n" + last)
    assert sent(memcached, hit) == b"mn\r\n"

    value = b"VA 2 kb\r\nhi\r\n"
    assert joined(memcached.reply(value)) == value
    assert memcached.reply(b"MN\r\n") == [Frame(BUSY)]


def test_a_quiet_meta_command_that_is_hit_is_answered_in_its_turn() -> None:
    """A server tells errors of quiet commands as well."""
    memcached = Memcached()
    _, hit, _, _ = asked(memcached, b"mg a k v q\r\nms b 1 q\r\nx\r\nmg c k v q\r\nmn\r\n")
    assert sent(memcached, hit) == b"mn\r\n"
    a, c = b"VA 1 ka\r\n1\r\n", b"VA 1 kc\r\n3\r\n"

    frames = memcached.reply(a + b"MN\r\n" + c + b"MN\r\n")
    assert joined(frames) == a + BUSY + c + b"MN\r\n"
    assert not memcached.waiting


def test_values_of_quiet_commands_answer_no_other_command() -> None:
    """They are told by their words, or by the key or the opaque that they carry."""
    memcached = Memcached()
    asked(memcached, b"mg a k v q\r\nget b\r\nmg c O1 v q\r\nmg d O2 v\r\n")
    frames = memcached.reply(
        b"VA 1 ka\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\nVA 1 O1\r\n3\r\nVA 1 O2\r\n4\r\n"
    )

    assert [frame.last for frame in frames] == [False, True, False, True]
    assert not memcached.waiting


def test_a_quiet_read_that_misses_is_told_nothing() -> None:
    """That is how a miss looks there; the hit is counted all the same."""
    for command in (packet(GETQ, 1, b"a"), b"mg a v q\r\n"):
        memcached = Memcached()
        [request] = asked(memcached, command)
        assert sent(memcached, request, "miss") == b""
        assert not memcached.promised


def test_commands_that_are_never_answered_stay_so() -> None:
    """``noreply`` is not quiet: nothing is asked in its place."""
    memcached = Memcached()
    silent, get = asked(memcached, b"set a 0 0 1 noreply\r\nx\r\nget a\r\n")

    assert isinstance(memcached.error("busy", request=silent)[0], Reply)
    assert memcached.error("busy", request=get) == (Reply(BUSY),)


def test_a_plain_pipeline_is_answered_here() -> None:
    """Where no quiet command comes before, nothing is asked of the server."""
    memcached = Memcached()
    _, noop, get = asked(memcached, packet(GETQ, 1, b"a") + packet(NOOP, 2) + packet(0, 3, b"b"))

    assert memcached.error("busy", request=get) == (Reply(answer(0, 3, 0x85, value=b"Busy")),)
    assert sent(memcached, noop) == packet(NOOP, 2)


def test_millions_of_quiet_commands_are_not_remembered() -> None:
    """A client that only ever writes quietly costs no memory here."""
    memcached = Memcached()
    for _ in range(12):
        memcached.request(b"ms a 1 q k\r\nx\r\n" * 1000)

    assert len(memcached.session.marks) == 10_000
    assert not memcached.waiting
