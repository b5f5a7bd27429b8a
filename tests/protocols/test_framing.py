"""What all framed protocols share, shown on the smallest one: a digit, then so many bytes."""

from __future__ import annotations

import pytest

from chaostui.actions import Action, Close, Reply
from chaostui.protocol import Frame, Kind, Request
from chaostui.protocols.framing import Cutter, Desync, Framed
from tests.protocols.chunking import joined


class Counted(Cutter):
    """Messages that begin with their length; ``!`` is the last one that can be read."""

    limit = 4

    def advance(self, data: bytes, pos: int) -> int:
        end = pos + 1
        if data[pos : pos + 1] == b"!":
            self.lost = "the last one"
        elif data[pos : pos + 1].isdigit():
            end += int(data[pos : pos + 1])
        else:
            raise Desync("not a digit")
        if end > len(data):
            return pos
        self.done = True
        self.request = Request(data[pos:end].decode())
        self.waiting.append(self.request)
        return end


class Tiny(Framed):
    """A protocol of such messages, in both directions."""

    name = "tiny"
    requests = Counted
    replies = Counted
    kinds = (
        Kind("late", "it is late", default=True),
        Kind("full", "it is full", phases=("open",), default=True),
        Kind("odd", "it is odd"),
    )

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        name = request.name if request is not None else ""
        return (Reply(f"{kind} {name}".encode()), Close())


def test_messages_are_cut_and_the_rest_is_held_back() -> None:
    """Complete messages pass, each in a frame; a beginning waits for its end."""
    tiny = Tiny()

    assert [frame.data for frame in tiny.request(b"1a02bc3d")] == [b"1a", b"0", b"2bc"]
    assert tiny.request(b"e") == []
    assert [frame.data for frame in tiny.request(b"f0")] == [b"3def", b"0"]
    assert [frame.data for frame in tiny.reply(b"1x")] == [b"1x"]


def test_a_frame_that_is_lost_passes_everything() -> None:
    """Nonsense passes with the messages before it; from then on both directions are uncut."""
    tiny = Tiny()
    tiny.reply(b"3ab")

    assert [frame.data for frame in tiny.request(b"1ax1b")] == [b"1a", b"x1b"]
    assert tiny.opaque == "not a digit"
    assert tiny.request(b"3a") == [Frame(b"3a", messages=0)]
    assert tiny.reply(b"c1") == [Frame(b"3abc1", messages=0)]


def test_a_message_may_be_the_last_that_can_be_read() -> None:
    """It is a message like any other; what follows it is uncut."""
    tiny = Tiny()

    assert [frame.data for frame in tiny.request(b"0!0")] == [b"0", b"!", b"0"]
    assert tiny.opaque == "the last one"


def test_no_more_than_the_limit_is_held_back() -> None:
    """A head that grows beyond it is given out, and the frame is lost."""
    tiny = Tiny()

    assert tiny.request(b"9abc") == []
    assert joined(tiny.request(b"d")) == b"9abcd"
    assert "4 bytes" in tiny.opaque


def test_what_is_held_back_goes_out_with_the_end() -> None:
    """A FIN in the middle of a head does not swallow it."""
    tiny = Tiny()
    tiny.request(b"3a")
    tiny.reply(b"3b")

    assert [(frame.data, frame.last) for frame in tiny.request_end()] == [(b"3a", False)]
    assert joined(tiny.reply_end()) == b"3b"
    assert tiny.reply_end() == []


def test_tls_is_known_by_its_first_byte() -> None:
    """A handshake is passed at once; the same byte later on is nothing special."""
    tls, tiny = Tiny(), Tiny()
    tiny.request(b"0")

    assert tls.request(b"\x16\x03") == [Frame(b"\x16\x03", messages=0)]
    assert tls.opaque == "TLS"
    tiny.request(b"\x16")
    assert tiny.opaque == "not a digit"


def test_an_answered_request_is_forgotten_by_identity() -> None:
    """Of two requests that look the same, the one that was answered goes."""
    tiny = Tiny()
    first, _, third = tiny.request(b"1a0" + b"1a")
    tiny.dropped(third.request)

    assert [request is first.request for request in tiny.waiting] == [True, False]
    tiny.dropped(third.request)
    tiny.dropped()
    assert [request is first.request for request in tiny.waiting] == [True]


def test_an_error_answers_the_request_it_is_given() -> None:
    """Without one it answers the newest."""
    tiny = Tiny()
    first, _ = tiny.request(b"1a1b")

    assert tiny.error("odd", request=first.request)[0] == Reply(b"odd 1a")
    assert tiny.error("odd")[0] == Reply(b"odd 1b")


def test_an_error_of_the_opening_is_spoken_there_and_later() -> None:
    """An error of a request is not spoken before there is one."""
    assert Tiny().error("full", "open") == Tiny().error("full") == (Reply(b"full "), Close())
    assert Tiny().error("odd", "open") == ()


def test_an_error_without_a_kind_is_a_default() -> None:
    """Only those that can stand in the place of a reply are picked for a request."""
    assert {Tiny().error() for _ in range(50)} == {(Reply(b"late "), Close())}
    assert {Tiny().error("", "open") for _ in range(50)} == {(), (Reply(b"full "), Close())}


def test_an_unknown_error_is_refused() -> None:
    """A kind that does not exist is named in the exception."""
    with pytest.raises(ValueError, match="tiny has no error named 'big'"):
        Tiny().error("big")
