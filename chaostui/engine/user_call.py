"""Runs a user's own callable on the two sides of a connection, as Vaurien did.

``async def`` runs on the engine's loop and awaits ``recv`` and ``sendall``; a plain ``def``
runs in a thread of its own, where the same calls block.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from chaostui.actions import Call, Close, Reset
from chaostui.engine.side import CALL
from chaostui.settings import encode

if TYPE_CHECKING:
    from chaostui.engine.link import Link

THREADS = 512
BUFFER = 65_536
threads = ThreadPoolExecutor(THREADS, thread_name_prefix="chaostui-handler")
log = logging.getLogger("chaostui.handler")


class Inbox:
    """Bytes that arrived on one side and the user's code has not read."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.eof = False
        self.taken = 0
        self._ready = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Add bytes that arrived."""
        self.data += data
        self._ready.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.eof = True
        self._ready.set()

    async def wait(self) -> None:
        """Return when there is something to read, or the end."""
        while not self.data and not self.eof:
            self._ready.clear()
            await self._ready.wait()

    async def wait_for_more(self) -> None:
        """Return when there is more to read than now, or the end."""
        size = len(self.data)
        while len(self.data) <= size and not self.eof:
            self._ready.clear()
            await self._ready.wait()

    async def get(self, limit: int) -> bytes:
        """Up to ``limit`` bytes, at least one unless the side has ended."""
        await self.wait()
        piece = bytes(self.data[:limit])
        del self.data[:limit]
        self.taken += len(piece)
        return piece


class UserSide:
    """One side of the connection, for ``async def`` callables."""

    def __init__(self, call: UserCall, inbox: Inbox, link: Link, *, source: bool) -> None:
        self._call = call
        self._inbox = inbox
        self._link = link
        """The link that sends to this side."""
        self._source = source

    async def recv(self, limit: int = BUFFER) -> bytes:
        """Read up to ``limit`` bytes; ``b""`` when the side has ended."""
        if not self._source:
            self._call.listen_to_dest()
        piece = await self._inbox.get(limit)
        self._call.drained()
        return piece

    async def sendall(self, data: bytes) -> None:
        """Send bytes to this side. Raises TypeError for anything but bytes."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"sendall() takes bytes, not {type(data).__name__}")
        if self._link.dead:
            raise ConnectionResetError("the connection is gone")
        self._link.send(bytes(data))

    async def close(self) -> None:
        """Close the connection, both sides, after what was sent."""
        self._finish(Close())

    async def reset(self) -> None:
        """Reset the connection, both sides, after what was sent."""
        self._finish(Reset())

    def _finish(self, final: Close | Reset) -> None:
        if not self._link.dead:
            self._link.connection.finish(final, None)


class BlockingSide:
    """One side of the connection, for plain ``def`` callables in their thread."""

    def __init__(self, side: UserSide, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.side = side
        self._run = run

    def recv(self, limit: int = BUFFER) -> bytes:
        """Read up to ``limit`` bytes; ``b""`` when the side has ended."""
        data: bytes = self._run(self.side.recv(limit))
        return data

    def sendall(self, data: bytes) -> None:
        """Send bytes to this side."""
        self._run(self.side.sendall(data))

    send = sendall

    def close(self) -> None:
        """Close the connection, both sides, after what was sent."""
        self._run(self.side.close())

    def reset(self) -> None:
        """Reset the connection, both sides, after what was sent."""
        self._run(self.side.reset())


class UserServer:
    """What a callable gets as its last argument."""

    def __init__(self, link: Link, name: str) -> None:
        self.settings: dict[str, Any] = msgspec.to_builtins(
            link.connection.proxy.settings, enc_hook=encode
        )
        """The proxy's settings as a dict."""
        self.log = log.getChild(name)

    def get_data(self, source: Any, buffer: int = BUFFER) -> Any:
        """What is ready on ``source``; to be awaited in an ``async def``."""
        return source.recv(buffer)


class UserCall:
    """The calls of one callable on one link, from the first bytes until all were read."""

    def __init__(self, link: Link, action: Call) -> None:
        self._link = link
        self._back = link.connection.down if link.direction == "upstream" else link.connection.up
        self._action = action
        self._inbox = Inbox()
        self._inbox.put(action.data)
        self._dest_inbox = Inbox()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to call."""
        self._task = self._link.connection.proxy.spawn(self._run())

    def cancel(self) -> None:
        """The connection ends: the callable's next call on a side raises."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._inbox.end()
        self._dest_inbox.end()
        self._release_dest()

    def source_data(self, data: bytes) -> None:
        """More bytes came from the source."""
        self._inbox.put(data)
        if len(self._inbox.data) > BUFFER * 4:
            self._link.source.pause(CALL)

    def source_ended(self) -> None:
        """The source has sent its FIN."""
        self._inbox.end()

    def dest_data(self, data: bytes) -> None:
        """Bytes came from the other side, which the callable reads itself."""
        self._dest_inbox.put(data)

    def listen_to_dest(self) -> None:
        """From now on what comes from ``dest`` is the callable's to pass on."""
        self._back.tap = self
        self._back.settle()

    def drained(self) -> None:
        """Bytes were read: the source may send more."""
        if len(self._inbox.data) <= BUFFER:
            self._link.source.resume(CALL)

    def _release_dest(self) -> None:
        if self._back.tap is self:
            self._back.tap = None
            if self._dest_inbox.data:
                self._back.send(bytes(self._dest_inbox.data))
            self._back.settle()

    async def _run(self) -> None:
        try:
            while self._inbox.data:
                before = self._inbox.taken
                await self._call()
                if self._inbox.taken == before and not self._inbox.eof:
                    # It did not read: it is asked again when more is there to read.
                    await self._inbox.wait_for_more()
                elif self._inbox.taken == before:
                    break
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (a user's code may raise anything)
            self._release_dest()
            self._link.connection.failed(error)
            return
        self._release_dest()
        self._link.source.resume(CALL)
        self._link.walker.called()

    async def _call(self) -> None:
        link, action = self._link, self._action
        source = UserSide(self, self._inbox, self._back, source=True)
        dest = UserSide(self, self._dest_inbox, link, source=False)
        server = UserServer(link, action.name)
        to_backend = link.direction == "upstream"
        tail = (to_backend, action.name, action.settings, server)
        if inspect.iscoroutinefunction(action.function):
            await action.function(source, dest, *tail)
            return
        loop = asyncio.get_running_loop()

        def run(call: Awaitable[Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(_awaited(call), loop).result()

        sides = (BlockingSide(source, run), BlockingSide(dest, run))
        await loop.run_in_executor(threads, action.function, *sides, *tail)


async def _awaited(call: Awaitable[Any]) -> Any:
    return await call
