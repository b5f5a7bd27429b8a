"""abort: the work is done, the reply is never seen."""

from __future__ import annotations

from chaostui.actions import Reset, Send
from chaostui.handlers.abort import Abort
from tests.handlers.table import DATA, HEAD, WHOLE, asked, made


def test_the_request_is_delivered() -> None:
    """The backend gets every byte of the request."""
    assert asked(made(Abort).on_open()) == []
    assert asked(made(Abort).on_data(WHOLE)) == [Send(DATA)]


def test_the_first_byte_of_the_reply_cuts_the_connection() -> None:
    """Nothing of the reply passes: the client sees a reset."""
    assert asked(made(Abort, "downstream").on_data(HEAD)) == [Reset()]
