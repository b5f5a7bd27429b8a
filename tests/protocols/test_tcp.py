"""Plain TCP: bytes as they come, and a reset as the only error."""

from __future__ import annotations

import pytest

from chaostui.actions import Reset
from chaostui.protocol import Frame
from chaostui.protocols.tcp import Tcp


def test_bytes_pass_as_they_come() -> None:
    """Nothing is cut and nothing is held back."""
    tcp = Tcp("backend:1")

    assert tcp.request(b"GET / HT") == [Frame(b"GET / HT")]
    assert tcp.reply(b"\0") == [Frame(b"\0")]
    assert tcp.request_end() == tcp.reply_end() == []
    assert not tcp.framed


def test_an_error_is_a_reset() -> None:
    """There are no words: the request is read, then the connection is reset."""
    tcp = Tcp()

    assert tcp.error() == (Reset(),)
    assert tcp.error("", "open") == ()
    with pytest.raises(ValueError, match="no error named '503'"):
        tcp.error("503")
