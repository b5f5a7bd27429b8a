"""TLS between a side of a connection and its transport.

To the transport a ``TlsLayer`` is the protocol, to the endpoint it is the transport. Unlike a
loop's own ``start_tls`` it takes over a connection that has read ahead, says when it begins,
and passes a half-close on.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, cast

from chaostui.engine.net.leftover import leftover
from chaostui.engine.pace.steps import FULL_READ
from chaostui.engine.tls.cipher import Bytes, Cipher, State

if TYPE_CHECKING:
    from chaostui.engine.tls.alpn import Gate, Through
    from chaostui.engine.tls.owner import Endpoint

EARLY_BYTES = 65_536
"""Bytes taken before TLS begins; then reading pauses."""


class TlsLayer(asyncio.Protocol, asyncio.Transport):
    """TLS on one socket."""

    __slots__ = ("_choked", "_cipher", "_closing", "_ending", "_fin", "_over", "_paused", "_plain",
                 "_queue", "_queued", "_reading", "_seconds", "_side", "_state", "_timer", "_told",
                 "_touched", "_transport", "alpn")  # fmt: skip

    def __init__(
        self,
        side: Endpoint,
        context: ssl.SSLContext | Gate,
        seconds: float,
        name: str | None = None,
    ) -> None:
        """``seconds`` bound the handshake; ``name`` is the server's, where we are its client."""
        self.alpn: Through | None = None
        """What the two peers agree on, where that is theirs alone."""
        self._side: Endpoint | None = side
        self._transport: asyncio.Transport | None = None
        self._cipher = Cipher(context, name)
        self._state = State.HELD
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._queue: list[Bytes] = []
        self._queued = 0
        """What was written during the handshake, and how many bytes that is."""
        self._plain: list[bytes] = []
        """What was decrypted and waits for the side to read on."""
        self._paused = False
        """The side does not read."""
        self._reading = True
        """We do."""
        self._choked = False
        """The transport has more to write than it should."""
        self._told = False
        """The side was told so, or of the queue."""
        self._touched = False
        """Something has come from the peer."""
        self._fin = False
        """The peer's end has come, as TLS or TCP says it."""
        self._over = False
        """The side knows of it."""
        self._ending = self._closing = False
        """Our end was said, or will be after the handshake."""

    # -- beginning --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS from the first byte on."""
        self._transport = cast("asyncio.Transport", transport)
        self._state = State.SHAKING
        if self._side is not None:
            self._side.connection_made(self)
        self._shake_hands()

    def take_over(self) -> None:
        """Come between a side and its transport; TLS begins when ``begin`` says so."""
        side = self._side
        if side is None or side.transport is None:
            return
        self._transport = side.transport
        self._paused = bool(side.paused)
        self._reading = not self._paused
        self._choked = self._told = side.chokes
        side.transport.set_protocol(self)
        side.transport = self

    def begin(self) -> None:
        """What is written from now on is encrypted; what has come since is the handshake."""
        if self._state is State.HELD and not self._closing:
            self._state = State.SHAKING
            self._look()
            self._shake_hands()

    def withdraw(self) -> None:
        """There will be no TLS: what has come is read as it is."""
        if self._state is State.HELD:
            asyncio.get_running_loop().call_soon(self._withdraw)

    def _withdraw(self) -> None:
        side, transport = self._side, self._transport
        if self._state is not State.HELD or side is None or transport is None or self.is_closing():
            return
        self._state = State.OVER
        transport.set_protocol(cast("asyncio.Protocol", side))
        side.transport = transport
        if self._reading and side.paused:
            transport.pause_reading()
        elif not (self._reading or side.paused):
            transport.resume_reading()
        if data := self._cipher.unread():
            side.data_received(data)
        self._side = self._transport = None

    def _shake_hands(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._too_late)
        self._shake()
        if self._fin and self._state is State.SHAKING:
            self._fail("the peer closed the connection in the handshake")

    def go_on(self) -> None:
        """Go on with a handshake that has waited for the other side's."""
        if self._state is State.SHAKING:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._state is State.SHAKING:
            self._shake()
            self._look()

    def _too_late(self) -> None:
        if self._cipher.waits and self._touched:  # for the backend, whose time is its own
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._too_late)
            return
        self._fail(f"no handshake within {self._seconds:g} s")

    def _shake(self) -> None:
        """Go on with the handshake."""
        done = self._cipher.shake()
        self._flush()
        if self._cipher.trouble:
            self._fail(self._cipher.trouble)
        if not done:
            return
        self._state = State.OPEN
        self._stop_timer()
        queue, self._queue, self._queued = self._queue, [], 0
        for data in queue:
            self._encrypt(data)
        self._tell()
        self._end_late()
        self._read()
        self._look()

    def _end_late(self) -> None:
        """Do what had to wait for the handshake, if we were told to end before."""
        if self._ending or self._closing:
            self._notify()
        if self._closing:
            self._close()
        elif self._ending and self._transport is not None:
            self._transport.write_eof()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, why: str) -> None:
        """TLS cannot go on, and so neither can the connection."""
        if self._state is State.OVER:
            return
        self._state = State.OVER
        self._stop_timer()
        self._queue.clear()
        self._queued = 0
        # Without a byte it was no try at TLS: something has looked whether the port is open.
        quiet = self._fin and not self._touched
        asyncio.get_running_loop().call_soon(self._tell_failure, "" if quiet else why)
        if self._closing:
            self._close()

    def _tell_failure(self, why: str) -> None:
        side = self._side
        if side is not None and not (side.lost or side.closing):
            side.tls_failed(why)

    # -- from the peer ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._state is State.OVER:
            return
        self._touched = True
        self._cipher.take(data)
        if self._state is State.SHAKING:
            self._shake()
        elif self._state is State.OPEN:
            self._read()
        else:
            self._look()
        if len(data) >= FULL_READ and self._side is not None:
            self._side.give_way()

    def _read(self) -> None:
        """Decrypt what has come, and hand it over unless the side has paused."""
        if self._state is not State.OPEN or self._closing:
            return
        self._decrypt()
        if not self._paused:
            self._hand_over()

    def _decrypt(self) -> None:
        self._plain += self._cipher.decrypt()
        self._fin = self._fin or self._cipher.ended
        self._flush()

    def _hand_over(self) -> None:
        """Give the side what was decrypted, as one chunk, and what came after it."""
        plain, side = self._plain, self._side
        if plain and side is not None:
            self._plain = []
            side.data_received(plain[0] if len(plain) == 1 else b"".join(plain))
        if self._cipher.trouble:
            self._fail(self._cipher.trouble)
        elif self._fin and not self._over and self._side is not None and not self._side.lost:
            self._over = True
            self._side.eof_received()

    def eof_received(self) -> bool:
        """The peer's FIN; that it did not say so in TLS too is its own affair."""
        self._fin = True
        if self._state is State.SHAKING:
            self._fail("the peer closed the connection in the handshake")
        elif self._state is State.HELD or (
            self._state is State.OPEN and not (self._closing or self._paused)
        ):
            self._hand_over()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self._closing:
            self._paused = False
            for data in leftover(self._transport):
                self.data_received(data)
        self._state = State.OVER
        self._stop_timer()
        side, self._side, self._transport = self._side, None, None
        if side is not None:
            side.connection_lost(exc)

    # -- reading ----------------------------------------------------------------------------

    def pause_reading(self) -> None:
        self._paused = True
        self._look()

    def resume_reading(self) -> None:
        self._paused = False
        if self._state is State.OPEN and (self._plain or self._fin or self._cipher.unfinished):
            # Not from within: the caller does not expect to be called.
            asyncio.get_running_loop().call_soon(self._catch_up)
        else:
            self._look()

    def _catch_up(self) -> None:
        if not self._paused:
            self._read()
            self._look()

    def _look(self) -> None:
        """Read on, or pause: a handshake is read whatever the side thinks of what follows."""
        wanted = not self._paused
        if self._state is State.SHAKING:
            wanted = self._cipher.pending < EARLY_BYTES
        elif self._state is State.HELD:
            wanted = wanted and self._cipher.pending < EARLY_BYTES
        transport = self._transport
        if wanted is self._reading or transport is None or transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    # -- to the peer ------------------------------------------------------------------------

    def write(self, data: Bytes) -> None:
        if self._ending or self._closing or not data:
            return
        if self._state is State.OPEN:
            self._encrypt(data)
        elif self._state is State.SHAKING:
            self._queue.append(data)
            self._queued += len(data)
            self._tell()
        elif self._state is State.HELD and self._transport is not None:
            self._transport.write(data)

    def _encrypt(self, data: Bytes) -> None:
        encrypted = self._cipher.encrypt(data)
        if self._cipher.trouble:
            self._fail(self._cipher.trouble)
        elif self._transport is not None:
            self._transport.write(encrypted)

    def _flush(self) -> None:
        """Send what TLS itself has to say."""
        if (
            (said := self._cipher.said())
            and self._transport is not None
            and not self._transport.is_closing()
        ):
            self._transport.write(said)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Say our end in TLS (close_notify), then by FIN; what the peer sends is still read."""
        if self._ending:
            return
        self._ending = True
        if self._state is State.SHAKING:
            return
        if self._state is State.OPEN:
            self._notify()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def _notify(self) -> None:
        """Send close_notify."""
        self._decrypt()  # it would stumble over what is still to be read
        self._cipher.notify()
        self._flush()

    def pause_writing(self) -> None:
        self._choked = True
        self._tell()

    def resume_writing(self) -> None:
        self._choked = False
        self._tell()

    def _tell(self) -> None:
        """Tell the side whether there is room for more."""
        full = self._choked or self._queued > 0
        side = self._side
        if full is self._told or side is None:
            return
        self._told = full
        if full:
            side.pause_writing()
        else:
            side.resume_writing()

    def get_write_buffer_size(self) -> int:
        below = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return below + self._queued

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high, low)

    # -- ending -----------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing or self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Send what is pending, then our end; what waits for the handshake waits on."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        if self._state is State.SHAKING and self._queue:
            return
        if self._state is State.OPEN and not self._ending:
            self._notify()
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if self._transport is None:
            return default
        return self._transport.get_extra_info(name, default)
