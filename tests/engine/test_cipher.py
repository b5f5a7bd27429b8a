"""TLS over memory: two ends that talk in pieces of any size."""

from __future__ import annotations

import pytest

from chaostui.engine.tls.cipher import Cipher
from tests.certificates import client_context, server_context

DATA = bytes(range(256)) * 300


def joined(size: int) -> tuple[Cipher, Cipher]:
    """A client and a server after their handshake, fed with pieces of ``size`` bytes."""
    client, server = Cipher(client_context(), "localhost"), Cipher(server_context())
    done = False
    while not done:
        done = client.shake()
        feed(client.said(), server, size)
        server.shake()
        feed(server.said(), client, size)
    assert (client.trouble, server.trouble) == ("", "")
    return client, server


def feed(data: bytes, cipher: Cipher, size: int) -> None:
    """Give what one end says to the other, piece by piece."""
    for at in range(0, len(data), size):
        cipher.take(data[at : at + size])


@pytest.mark.parametrize("size", [1, 100, 1_000_000])
def test_bytes_come_out_as_they_went_in(size: int) -> None:
    """Each way, also after one end has said that it is the last."""
    client, server = joined(size)
    feed(client.encrypt(DATA), server, size)
    assert b"".join(server.decrypt()) == DATA
    client.notify()
    feed(client.said(), server, size)
    assert (server.decrypt(), server.ended, server.trouble) == ([], True, "")
    feed(server.encrypt(DATA), client, size)
    assert b"".join(client.decrypt()) == DATA
    assert not client.ended
    server.notify()
    feed(server.said(), client, size)
    assert (client.decrypt(), client.ended, client.trouble) == ([], True, "")


def test_what_was_not_looked_at_can_be_had_back() -> None:
    """It may be no TLS after all."""
    cipher = Cipher(server_context())
    cipher.take(b"plain ")
    cipher.take(b"text")
    assert (cipher.pending, cipher.unread(), cipher.pending) == (10, b"plain text", 0)


def test_a_signer_that_is_not_trusted_is_trouble() -> None:
    """The server is told by an alert, which it understands."""
    client, server = Cipher(client_context("theirs"), "localhost"), Cipher(server_context())
    assert not client.shake()
    feed(client.said(), server, 1000)
    assert not server.shake()
    feed(server.said(), client, 1000)
    assert not client.shake()
    assert client.trouble.startswith("the certificate is not valid: ")
    feed(client.said(), server, 1000)
    assert not server.shake()
    assert "unknown ca" in server.trouble


def test_bytes_that_were_changed_on_the_way_are_trouble() -> None:
    """What came before them is there."""
    client, server = joined(1000)
    feed(client.encrypt(b"good"), server, 1000)
    bad = bytearray(client.encrypt(b"bad"))
    bad[-1] ^= 1
    feed(bytes(bad), server, 1000)
    assert server.decrypt() == [b"good"]
    assert server.trouble
    assert server.unfinished
    client.notify()
    client.encrypt(b"too late")
    assert client.trouble
