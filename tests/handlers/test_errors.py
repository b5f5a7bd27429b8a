"""errors: the protocol's own error comes back; the backend never sees the request."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui.actions import Action, Reply, Reset, Send
from chaostui.handlers.errors import Errors
from chaostui.protocol import Frame, Protocol, Request
from chaostui.protocols.redis import Redis
from tests.handlers.table import DATA, HEAD, TAIL, WHOLE, Chatty, asked, made


@pytest.mark.parametrize(
    ("options", "frames", "expected"),
    [
        ({}, [WHOLE], [Reply(b"busy request -")]),
        ({"kind": "no"}, [WHOLE], [Reply(b"no request -")]),
        ({}, [HEAD], []),
        ({}, [HEAD, TAIL], [Reply(b"busy request -")]),
    ],
)
def test_a_complete_request_is_answered_with_an_error(
    options: dict[str, Any], frames: list[Frame], expected: list[Action]
) -> None:
    """The error comes when the request was read to its end, and nothing is passed on."""
    errors = made(Errors, speaks=Chatty(), **options)

    assert [action for frame in frames for action in errors.on_data(frame)] == expected


def test_the_error_answers_the_exchanges_own_request() -> None:
    """Of pipelined requests, the one this handler was drawn for is answered."""
    errors = made(Errors, speaks=Chatty(), request=Request("GET /a"))

    assert asked(errors.on_data(WHOLE)) == [Reply(b"busy request GET /a")]


def test_plain_tcp_has_no_words_and_resets() -> None:
    """Where the protocol cannot speak, the socket errors."""
    errors = made(Errors)

    assert asked(errors.on_open()) == []
    assert asked(errors.on_data(WHOLE)) == [Reset()]


def test_an_error_may_stand_instead_of_a_connection() -> None:
    """At open the protocol is asked first; with a warmup or with noise it is not."""
    assert asked(made(Errors, speaks=Chatty()).on_open()) == [Reply(b"busy open -")]
    assert asked(made(Errors, speaks=Chatty(), warmup=1).on_open()) == []
    assert asked(made(Errors, speaks=Chatty(), inject=True).on_open()) == []


def test_replies_pass() -> None:
    """Downstream is untouched."""
    assert asked(made(Errors, "downstream", speaks=Chatty()).on_data(WHOLE)) == [Send(DATA)]


def test_where_nothing_is_read_it_resets() -> None:
    """What the protocol no longer reads is never passed silently: the reset says why."""
    opaque = Redis()
    opaque.opaque = "MONITOR"

    [reset] = asked(made(Errors, speaks=opaque).on_data(WHOLE))
    assert isinstance(reset, Reset)
    assert reset.what == "not read: MONITOR"


def test_what_is_encrypted_passes() -> None:
    """The engine tells that such a fault does not reach it."""
    sealed = Redis()
    sealed.opaque = "TLS"

    assert asked(made(Errors, speaks=sealed).on_data(WHOLE)) == [Send(DATA)]


def test_the_first_calls_of_a_proxy_pass_while_it_warms_up() -> None:
    """``warmup`` counts calls of all connections, and a call of several frames once."""
    shared: dict[str, Any] = {}

    def call(*frames: Frame) -> list[Action]:
        errors = made(Errors, speaks=Chatty(), shared=shared, warmup=2)
        return [action for frame in frames for action in errors.on_data(frame)]

    assert call(HEAD, TAIL) == [Send(HEAD.data), Send(TAIL.data)]
    assert call(WHOLE) == [Send(DATA)]
    assert call(WHOLE) == [Reply(b"busy request -")]


def test_the_rest_of_a_request_is_no_call_of_its_own() -> None:
    """A handler that begins in the middle of a request does not fail on it."""
    assert asked(made(Errors, speaks=Chatty(), warmup=1).on_data(TAIL)) == [Send(TAIL.data)]


def test_injected_noise_lies_inside_the_request() -> None:
    """Up to 100 random bytes are put in; what was there stays, in order."""
    errors = made(Errors, speaks=Chatty(), inject=True)
    for _ in range(200):
        [sent] = asked(errors.on_data(WHOLE))
        assert isinstance(sent, Send)
        noise = len(sent.data) - len(DATA)

        assert 1 <= noise <= 100
        cuts = range(len(DATA) + 1)
        assert any(sent.data[:at] + sent.data[at + noise :] == DATA for at in cuts)


def test_the_same_dice_make_the_same_noise() -> None:
    """A seed reproduces the very bytes."""
    first, again = made(Errors, inject=True), made(Errors, inject=True)

    assert asked(first.on_data(WHOLE)) == asked(again.on_data(WHOLE))


@pytest.mark.parametrize(
    ("kind", "protocol", "wrong"),
    [
        ("", Chatty, ""),
        ("no", Chatty, ""),
        ("none", Chatty, "chatty has no error named 'none' (it has busy, no)"),
        ("", Protocol, ""),
        ("503", Protocol, "tcp has no error named '503' (it has none: it can only reset)"),
    ],
)
def test_a_kind_must_be_one_of_the_protocols(
    kind: str, protocol: type[Protocol], wrong: str
) -> None:
    """A kind that cannot be spoken is refused before any traffic, with those that can."""
    assert Errors.check(Errors.Options(kind=kind), protocol) == wrong
