"""One socket of a connection: reading, pausing, closing and resetting it as TCP means it."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from chaostui.engine.net.leftover import leftover
from chaostui.engine.pace.pauses import TURN, WRITE
from chaostui.engine.tls import upgrade

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection


HIGH_WATER = 0
"""Bytes in a write buffer at which the other side pauses. uvloop reads up to 256 KiB at once and
keeps a chunk until its last byte is written: so a peer that does not read costs one chunk."""
LINGER_ZERO = struct.pack("ii", 1, 0)
LINGER_UNREAD = 1.0
"""Seconds to read and drop what a peer still sends after our FIN: closing with unread input
would reset the connection, and the peer would lose the tail of what it was sent."""


class Side(asyncio.Protocol):
    """The client's or the backend's socket of a connection."""

    __slots__ = (
        "_closer",
        "_drained",
        "_emptying",
        "closing",
        "connection",
        "eof",
        "fin_sent",
        "lost",
        "paused",
        "talks",
        "transport",
    )

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transport: asyncio.Transport | None = None
        self.eof = False
        """The peer has sent its FIN."""
        self.fin_sent = False
        self.lost = False
        self.closing = False
        """We are closing or resetting it; what still arrives is dropped."""
        self.talks = False
        """The peer may still send what is not wanted any more."""
        self.paused = 0
        """The reasons for which reading is paused, as bits; 0: reading."""
        self._drained: asyncio.Event | None = None
        self._closer: asyncio.TimerHandle | None = None
        self._emptying = False
        """We have sent our FIN and drop what the peer still sends, for a while."""

    # -- reading ----------------------------------------------------------------------------

    def pause(self, reason: int) -> None:
        """Stop reading for ``reason``, so that the peer feels it."""
        if not self.paused & ~TURN and self.transport is not None and not self.closing:
            if not self.paused:
                self.transport.pause_reading()
            self.connection.proxy.watch.add(self)
        self.paused |= reason

    def resume(self, reason: int) -> None:
        """Take one reason away; read on when it was the last."""
        if not self.paused & reason:
            return
        self.paused &= ~reason
        if not self.paused and self.transport is not None and not self.lost:
            if not self.eof:
                self.connection.proxy.watch.discard(self)
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def give_way(self) -> None:
        """Stop reading until all others have had their turn: it was a read of ``FULL_READ``."""
        transport = self.transport
        if not self.paused and transport is not None and not transport.is_closing():
            transport.pause_reading()
            self.paused = TURN
            asyncio.get_running_loop().call_soon(self.resume, TURN)

    def unpause(self) -> None:
        """Read on, whatever the reasons to pause were: there is nobody left to spare."""
        if self.paused:
            self.resume(self.paused)

    # -- what asyncio tells -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(HIGH_WATER)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self.closing:
            for data in leftover(self.transport):
                self.data_received(data)
        self.lost = True
        self.connection.proxy.watch.discard(self)
        if self._closer is not None:
            self._closer.cancel()
        if self._drained is not None:
            self._drained.set()
        self.connection.side_lost(self)

    def peer_ended(self) -> None:
        """The peer has sent its FIN: no loop tells of a reset any more."""
        self.eof = True
        self.connection.proxy.watch.add(self)
        if self._emptying and self._closer is not None:
            self._closer.cancel()
            self._close()

    def peer_left(self) -> None:
        """The peer's FIN waits in the kernel, behind bytes that are not read for now."""
        self.connection.peer_ended(self)

    def peer_vanished(self) -> None:
        """The peer was seen to be gone while its socket is not read."""
        self.connection.peer_vanished(self)

    def pause_writing(self) -> None:
        self.connection.other(self).pause(WRITE)

    def resume_writing(self) -> None:
        connection = self.connection
        connection.other(self).resume(WRITE)
        (connection.down if self is connection.client else connection.up).drained()
        if self._drained is not None:
            self._drained.set()

    @property
    def chokes(self) -> bool:
        """Whether more is to be written to it than it should be."""
        return bool(self.connection.other(self).paused & WRITE)

    async def drained(self) -> None:
        """Return when the peer has read enough for more to be written, or is gone."""
        while not self.lost and self.connection.other(self).paused & WRITE:
            self._drained = self._drained or asyncio.Event()
            self._drained.clear()
            await self._drained.wait()

    # -- ending -----------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        """Whether bytes can be written to it now."""
        return self.transport is not None and not self.lost and not self.closing

    def fileno(self) -> int:
        """The socket's file descriptor; -1 when it is gone."""
        if self.transport is None or self.lost:
            return -1
        sock = self.transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    def _ioctl(self, request: int) -> int:
        """A counter of the kernel's for this socket; 0 when it cannot be had."""
        try:
            return int(struct.unpack("i", fcntl.ioctl(self.fileno(), request, b"\0\0\0\0"))[0])
        except (OSError, ValueError):
            return 0

    @property
    def unread(self) -> int:
        """Bytes that have come and that nobody has read yet."""
        return self._ioctl(termios.FIONREAD)

    @property
    def unsent(self) -> int:
        """Bytes that we were given and the peer has not acknowledged."""
        if self.transport is None or self.lost:
            return 0
        return self.transport.get_write_buffer_size() + self._ioctl(termios.TIOCOUTQ)

    def send_fin(self) -> None:
        """Send FIN after what is pending; reading goes on."""
        if self.transport is not None and self.transport.can_write_eof():
            self.fin_sent = True
            self.transport.write_eof()

    def shut(self) -> None:
        """Send what is pending, then FIN, then close, within the proxy's linger time."""
        if not self.writable or self.transport is None:
            return
        self.closing = True
        if not self.eof and (self.talks or self.paused or self.unread):
            if not self.fin_sent:
                self.send_fin()
            if self.paused:
                self.transport.resume_reading()
            self._emptying = True
            self._later(LINGER_UNREAD, self._close)
        else:
            self._close()

    def _close(self) -> None:
        self._emptying = False
        if self.transport is None or self.lost:
            return
        pending = self.transport.get_write_buffer_size()
        self.transport.close()
        if pending:
            self._later(self.connection.proxy.settings.linger, self._linger_over)

    def _linger_over(self) -> None:
        self.connection.reason = "linger timeout"
        self.abort()

    def reset(self) -> None:
        """Let what was sent arrive, then RST.

        A reset that overtakes sent bytes destroys them, in our buffers and the kernel's: so
        wait until both are empty (SIOCOUTQ), at most the proxy's linger time.
        """
        if self.transport is None or self.lost:
            return
        self.closing = True
        self._reset_when_sent(time.monotonic() + self.connection.proxy.settings.linger)

    def _reset_when_sent(self, deadline: float, pause: float = 0.001) -> None:
        if self.lost:
            return
        if not self.unsent or time.monotonic() > deadline:
            self.abort()
            return
        self._later(pause, self._reset_when_sent, deadline, min(pause * 2, 0.05))

    def _later(self, seconds: float, step: Callable[..., None], *args: float) -> None:
        """End it further in a while, unless it is gone by then."""
        if self._closer is not None:
            self._closer.cancel()
        self._closer = asyncio.get_running_loop().call_later(seconds, step, *args)

    def vanish_late(self) -> None:
        """Its peer is gone, and what it sent still leaves: for so long as a close may linger."""
        self._later(self.connection.proxy.settings.linger, self._gone_too_long)

    def _gone_too_long(self) -> None:
        self.connection.kill("linger timeout")

    def vanish(self) -> None:
        """Its peer is known to be gone: let the loop tell so."""
        if self.transport is not None and not self.lost:
            self.transport.abort()

    def abort(self) -> None:
        """RST at once; what is pending is lost."""
        if self.transport is None or self.lost:
            return
        self.closing = True
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            # abort() alone would send a FIN.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.transport.abort()

    def tls_failed(self, why: str) -> None:
        """TLS with the peer has failed: ``why``; empty: it has not even tried."""
        upgrade.failed(self, why)

    def untie(self) -> None:
        """The connection is over: let go of it."""
        self.transport = None
        del self.connection
