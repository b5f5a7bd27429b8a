"""HTTP/1.1 over asyncio streams, as much of it as the control API speaks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping

import httptools

from chaostui.client.address import Address

CHUNK = 262_144


class Wire:
    """One connection to an engine; one answer at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._status = 0
        self._complete = False
        self.keeps = True
        """Whether another request may follow."""

    @classmethod
    async def connect(cls, address: Address) -> Wire:
        """Open a connection. Raises OSError."""
        if address.unix:
            reader, writer = await asyncio.open_unix_connection(address.unix)
            return cls(reader, writer, "localhost")
        secure = ssl.create_default_context() if address.scheme == "https" else None
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=secure)
        return cls(reader, writer, str(address).partition("://")[2])

    def close(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> int:
        """Send a request and return the status of its answer. Raises OSError."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body or b'')}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self._status, self._complete = 0, False
        self._pieces.clear()
        self._writer.write(head + (body or b""))
        while not self._status:
            await self._more()
        return self._status

    async def rest(self) -> bytes:
        """The whole body."""
        while not self._complete:
            await self._more()
        return b"".join(self._pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, until the engine ends it."""
        while True:
            taken, self._pieces = self._pieces, []
            for piece in taken:
                yield piece
            if self._complete:
                return
            if not self._pieces:
                await self._more()

    async def _more(self) -> None:
        data = await self._reader.read(CHUNK)
        if not data:
            raise ConnectionResetError("the engine closed the connection")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ConnectionAbortedError(f"this is no answer in HTTP: {error}") from None

    # -- parser callbacks

    def on_headers_complete(self) -> None:
        """The status is known."""
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """The answer is all here."""
        self._complete = True
        self.keeps = self._parser.should_keep_alive()
