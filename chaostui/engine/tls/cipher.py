"""TLS over memory (RFC 8446, RFC 5246): bytes in, bytes out, no socket."""

from __future__ import annotations

import ssl
from contextlib import suppress
from enum import Enum

from chaostui.engine.tls.alpn import Gate
from chaostui.engine.tls.certificates import words

READ = 65_536

Bytes = bytes | bytearray | memoryview


class State(Enum):
    """How far TLS has come."""

    HELD = "held"
    """What is written leaves as it is, what comes is kept: it belongs to TLS, if that begins."""
    SHAKING = "shaking"
    OPEN = "open"
    OVER = "over"
    """It has failed, or the connection is gone."""


class Cipher:
    """One end of a TLS connection.

    After each call that says so, ``said`` has what TLS itself wants to send, and ``trouble`` why
    it cannot go on, in words.
    """

    __slots__ = ("_gate", "_incoming", "_name", "_outgoing", "_ssl", "ended", "trouble", "waits")
    _ssl: ssl.SSLObject

    def __init__(self, context: ssl.SSLContext | Gate, name: str | None = None) -> None:
        """``name`` is the server's, where the context is a client's."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._name = name
        self._gate = context if isinstance(context, Gate) else None
        self.waits = self._gate is not None
        """The context is not known yet."""
        if not isinstance(context, Gate):
            self._begin(context)
        self.ended = False
        """The peer has said its end (close_notify)."""
        self.trouble = ""

    def _begin(self, context: ssl.SSLContext) -> None:
        serving = context.protocol is ssl.PROTOCOL_TLS_SERVER
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, serving, self._name)

    def _open(self, gate: Gate) -> None:
        """Begin, if it is known by now how."""
        sent = self.unread()
        self._incoming.write(sent)
        context = gate.context(sent)
        if context is not None and self.waits:
            self.waits = False
            self._begin(context)

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
        if self.waits and self._gate is not None:
            self._open(self._gate)
        if self.waits:
            return False
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self.trouble = words(error)
            return False
        if self._gate is not None:
            self._gate.done(self._ssl.selected_alpn_protocol())
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
