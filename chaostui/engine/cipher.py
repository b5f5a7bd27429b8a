"""TLS over memory (RFC 8446, RFC 5246): bytes in, bytes out, no socket."""

from __future__ import annotations

import ssl
from contextlib import suppress

from chaostui.engine.certificates import words

READ = 65_536

Bytes = bytes | bytearray | memoryview


class Cipher:
    """One end of a TLS connection.

    After each call that says so, ``said`` has what TLS itself wants to send, and ``trouble`` why
    it cannot go on, in words.
    """

    __slots__ = ("_incoming", "_outgoing", "_ssl", "ended", "trouble")

    def __init__(self, context: ssl.SSLContext, name: str | None = None) -> None:
        """``name`` is the server's, where the context is a client's."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        serving = context.protocol is ssl.PROTOCOL_TLS_SERVER
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, serving, name)
        self.ended = False
        """The peer has said its end (close_notify)."""
        self.trouble = ""

    @property
    def pending(self) -> int:
        """Bytes that were taken and not looked at yet."""
        return self._incoming.pending

    @property
    def unfinished(self) -> bool:
        """Whether there is something to find out by ``decrypt``."""
        return bool(self._incoming.pending or self.trouble)

    def take(self, data: bytes) -> None:
        """Take what the peer has sent."""
        self._incoming.write(data)

    def unread(self) -> bytes:
        """Give back what was taken and not looked at."""
        return self._incoming.read()

    def said(self) -> bytes:
        """What TLS itself wants to send: of the handshake, an alert, an answer to an update."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def shake(self) -> bool:
        """Go on with the handshake (see ``said``, ``trouble``); return whether it is done."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self.trouble = words(error)
            return False
        return True

    def decrypt(self) -> list[bytes]:
        """What has come, in pieces (see ``said``, ``trouble``, ``ended``)."""
        pieces: list[bytes] = []
        try:
            while piece := self._ssl.read(READ):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.trouble = self.trouble or words(error)
        return pieces

    def encrypt(self, data: Bytes) -> bytes:
        """Encrypt all of ``data`` (see ``trouble``)."""
        try:
            self._ssl.write(data)
        except ssl.SSLError as error:
            self.trouble = words(error)
        return self._outgoing.read()

    def notify(self) -> None:
        """Say our end (see ``said``). What has come must have been read."""
        with suppress(ssl.SSLError):  # that the peer has not said its own yet
            self._ssl.unwrap()
