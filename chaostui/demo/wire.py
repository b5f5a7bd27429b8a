"""How the demo's clients ask: one connection to a proxy, one request at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Self


class Wire(ABC):
    """A connection. What goes wrong on it is a ConnectionError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.keeps = True
        """Whether it takes another request."""

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Open one."""
        return cls(*await asyncio.open_connection(host, port))

    def close(self) -> None:
        """Close at once; nothing is waited for."""
        self.keeps = False
        self._writer.transport.abort()

    async def ask(self, request: bytes) -> bool:
        """Ask, and say whether the answer is one: False for an error page or reply.

        Raises ConnectionError where the answer is cut short or is none at all.
        """
        try:
            self._writer.write(request)
            return await self._answer()
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("closed before the answer was complete") from error
        except RuntimeError as error:  # uvloop's word for writing where the peer has gone
            raise ConnectionResetError(f"closed before it could be asked: {error}") from error
        except (ValueError, IndexError, asyncio.LimitOverrunError) as error:
            raise ConnectionError(f"this is no answer: {error}") from error

    @abstractmethod
    async def _answer(self) -> bool: ...


class HttpWire(Wire):
    """Speaks HTTP/1.1, as much of it as the shop and its proxy answer."""

    async def _answer(self) -> bool:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        await self._reader.readexactly(int(headers.get("content-length", 0)))
        self.keeps = headers.get("connection") != "close"
        return int(status.split()[1]) < 500


class RedisWire(Wire):
    """Speaks RESP2."""

    async def _answer(self) -> bool:
        line = await self._reader.readuntil(b"\r\n")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$" and rest != b"-1":
            await self._reader.readexactly(int(rest) + 2)
        elif kind == b"*":
            for _ in range(int(rest)):
                await self._answer()
        return kind != b"-"


WIRES: dict[str, type[Wire]] = {"shop": HttpWire, "cache": RedisWire}
