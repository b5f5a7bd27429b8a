"""hang: the request is accepted, nothing comes back."""

from __future__ import annotations

import pytest

from chaostui.actions import Send, Stall
from chaostui.handler import Direction
from chaostui.handlers.hang import Hang
from chaostui.protocol import Request
from tests.handlers.table import DATA, WHOLE, Chatty, asked, made


class Polite(Chatty):
    """A protocol whose clients say who they are."""

    logins = frozenset({"HELLO"})


HELLO, QUERY = Request("HELLO me", "HELLO"), Request("GET x", "GET")


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("at", ["session", "anywhere"])
def test_both_directions_stall(direction: Direction, at: str) -> None:
    """Bytes are read and kept, in both directions."""
    assert asked(made(Hang, direction, at=at).on_data(WHOLE)) == [Stall()]


def test_a_connection_that_opens_meanwhile_stalls_too() -> None:
    """The client is accepted; the backend is not called before the hang is over."""
    assert asked(made(Hang).on_open()) == [Stall()]


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("request_", [HELLO, None], ids=["login", "greeting"])
def test_a_login_passes(direction: Direction, request_: Request | None) -> None:
    """Where the protocol has one: who connects comes in, and waits for what it asks for."""
    hang = made(Hang, direction, speaks=Polite(), request=request_)
    assert asked(hang.on_open()) == []
    assert asked(hang.on_data(WHOLE)) == [Send(DATA)]
    hang.context.request = QUERY
    assert asked(hang.on_data(WHOLE)) == [Stall()]


@pytest.mark.parametrize("request_", [HELLO, QUERY, None])
def test_anywhere_means_the_login_too(request_: Request | None) -> None:
    """It hangs from the connection on, as it does where nobody logs in."""
    hang = made(Hang, speaks=Polite(), request=request_, at="anywhere")
    assert asked(hang.on_open()) == [Stall()]
    assert asked(hang.on_data(WHOLE)) == [Stall()]


def test_what_cannot_be_read_is_no_login() -> None:
    """Behind TLS nobody can tell, so all hangs."""
    protocol = Polite()
    protocol.opaque = "TLS"
    hang = made(Hang, speaks=protocol)
    assert asked(hang.on_data(WHOLE)) == [Stall()]
