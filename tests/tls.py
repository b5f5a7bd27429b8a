"""One end of a TLS connection on a ``Peer``, which does exactly what it is told."""

from __future__ import annotations

import contextlib
import ssl
from contextlib import suppress

from tests.certificates import client_context, server_context
from tests.tcp import Peer


class TlsPeer:
    """TLS over memory above ``peer``; ``peer`` itself still does what TCP can."""

    def __init__(self, peer: Peer, context: ssl.SSLContext, name: str | None = None) -> None:
        self.peer = peer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        serving = context.protocol is ssl.PROTOCOL_TLS_SERVER
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, serving, name)

    @classmethod
    async def client(cls, peer: Peer, context: ssl.SSLContext | None = None) -> TlsPeer:
        """Shake hands with a server that should be ``localhost``."""
        made = cls(peer, context or client_context(), "localhost")
        await made.shake()
        return made

    @classmethod
    async def server(cls, peer: Peer, context: ssl.SSLContext | None = None) -> TlsPeer:
        """Shake hands with a client."""
        made = cls(peer, context or server_context())
        await made.shake()
        return made

    async def flush(self) -> None:
        """Send what TLS has to say."""
        if self.outgoing.pending:
            await self.peer.send(self.outgoing.read())

    async def more(self) -> None:
        """Receive what comes next."""
        data = await self.peer.receive()
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    async def greet(self) -> None:
        """Send what a client begins with, and go no further."""
        with suppress(ssl.SSLWantReadError):
            self.ssl.do_handshake()
        await self.flush()

    async def shake(self) -> None:
        """Shake hands."""
        while True:
            try:
                self.ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush()
                await self.more()
            except ssl.SSLError:
                with contextlib.suppress(OSError):  # who has closed does not hear why
                    await self.flush()
                raise
            else:
                await self.flush()
                return

    async def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.ssl.write(data)
        await self.flush()

    async def receive(self, most: int = 65536) -> bytes:
        """Receive what is there, at least a byte; ``b""`` is the end, as TLS says it."""
        while True:
            try:
                return self.ssl.read(most)
            except ssl.SSLWantReadError:
                await self.more()
            except ssl.SSLZeroReturnError:
                return b""

    async def receive_exactly(self, size: int) -> bytes:
        """Receive ``size`` bytes; fails when the end comes first."""
        data = bytearray()
        while len(data) < size:
            piece = await self.receive(size - len(data))
            assert piece, f"the end came after {len(data)} of {size} bytes"
            data += piece
        return bytes(data)

    async def receive_all(self) -> bytes:
        """Receive until close_notify, then expect the FIN."""
        data = bytearray()
        while piece := await self.receive():
            data += piece
        await self.peer.expect_eof()
        return bytes(data)

    async def half_close(self) -> None:
        """Send close_notify and FIN; receiving goes on."""
        with suppress(ssl.SSLWantReadError):
            self.ssl.unwrap()
        await self.flush()
        self.peer.half_close()
