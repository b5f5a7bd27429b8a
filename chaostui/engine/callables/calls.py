"""Runs a user's own callable on the two sides of a connection, as Vaurien did.

``async def`` runs on the engine's loop and awaits ``recv`` and ``sendall``; a plain ``def``
runs in a thread of its own, where the same calls block.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from chaostui.actions import Call, Close, Reset
from chaostui.engine.callables.inbox import Inbox, Piece
from chaostui.engine.callables.owner import Way
from chaostui.engine.callables.threads import Threads
from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.faults.items import Item, What
from chaostui.engine.pace.pauses import CALL, TAP
from chaostui.protocol import Frame
from chaostui.settings import encode

BUFFER = 65_536
FULL = 4 * BUFFER
"""Unread bytes at which their sender has to wait."""
AFTER_END, MOST_AFTER_END = 0.001, 0.1
"""Seconds that a second read at the end takes, and at most a further one."""
threads = Threads(512)
log = logging.getLogger("chaostui.handler")


class UserSide:
    """One side of the connection, for ``async def`` callables."""

    def __init__(self, call: UserCall, link: Way, *, source: bool) -> None:
        self._call = call
        self._link = link
        """The link that sends to this side."""
        self._source = source
        self._ended = 0.0
        """Seconds that the next read at the end takes."""

    async def recv(self, limit: int = BUFFER) -> bytes:
        """Read up to ``limit`` bytes; ``b""`` when the side, or the handler's time, has ended."""
        if not self._source:
            self._call.listen_to_dest()
        elif self._call.inbox.empty:
            self._call.release_dest()
        inbox = self._call.inbox if self._source else self._call.dest_inbox
        piece = await inbox.get(limit)
        if self._source:
            self._call.owes = bool(piece)
        self._call.drained()
        if not piece:
            # Code that reads on after the end must not keep the loop from running.
            await asyncio.sleep(self._ended)
            self._ended = min(2 * self._ended + AFTER_END, MOST_AFTER_END)
        return piece

    async def sendall(self, data: bytes) -> None:
        """Send bytes to this side; waits while it does not read.

        Raises TypeError for anything but bytes, ConnectionResetError when the side is gone.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"sendall() takes bytes, not {type(data).__name__}")
        if self._link.dead:
            raise ConnectionResetError("the connection is gone")
        if not self._source:
            self._call.listen_to_dest()
        self._link.send(bytes(data))
        self._call.owes = False
        await self._link.dest.drained()

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

    def __init__(self, link: Way, name: str) -> None:
        self.settings: dict[str, Any] = msgspec.to_builtins(
            link.connection.proxy.settings, enc_hook=encode
        )
        """The proxy's settings as a dict."""
        self.log = log.getChild(name)

    def get_data(self, source: Any, buffer: int = BUFFER) -> Any:
        """What is ready on ``source``; to be awaited in an ``async def``."""
        return source.recv(buffer)


class UserCall:
    """The calls of one callable on one link, until all was read or it is switched off."""

    def __init__(
        self, link: Way, action: Call, item: Item, done: Callable[[list[Piece]], None]
    ) -> None:
        self._link = link
        self._back = link.connection.down if link.direction == "upstream" else link.connection.up
        self._action = action
        self._done = done
        """Told when the calls are over, with what they left unread."""
        self.inbox = Inbox()
        self.inbox.put(item.frame._replace(data=action.data), item.exchange)
        self.dest_inbox = Inbox()
        self._dest_fin = False
        self.owes = False
        """The callable has read bytes, and nothing was sent since."""
        self._task: asyncio.Task[None] | None = None
        self._off = False
        self._cancelled = False

    @property
    def keeps(self) -> bool:
        """Whether the callable keeps bytes of the source's that are to go on."""
        return self.owes or self.inbox.size > 0

    def start(self) -> None:
        """Begin to call."""
        self._task = self._link.connection.proxy.spawn(self._run())

    def switch_off(self) -> None:
        """Do not call again; the call under way finds no more to read than is there."""
        self._off = True
        self.inbox.end()
        self.dest_inbox.end()

    def cancel(self) -> None:
        """The connection ends: the callable's next call on a side raises."""
        self._cancelled = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self.inbox.end()
        self.dest_inbox.end()
        self.dest_inbox.clear()
        self.release_dest()

    def source_data(self, frame: Frame, exchange: Exchange | None) -> None:
        """More bytes came from the source."""
        self.inbox.put(frame, exchange)
        if self.inbox.size > FULL:
            self._link.source.pause(CALL)

    def source_ended(self) -> None:
        """The source has sent its FIN."""
        self.inbox.end()

    def dest_data(self, frame: Frame, exchange: Exchange | None) -> None:
        """Bytes came from the other side, which the callable reads itself."""
        self.dest_inbox.put(frame, exchange)
        if self.dest_inbox.size > FULL:
            self._back.source.pause(TAP)

    def dest_ended(self) -> None:
        """The other side has sent its FIN."""
        self._dest_fin = True
        self.dest_inbox.end()

    def listen_to_dest(self) -> None:
        """From now on the callable may read what comes from ``dest``.

        From when it sends there, since its reply may be quicker than the callable.
        """
        if self._back.tap is None:
            self._back.tap = self
            self._back.settle()

    def drained(self) -> None:
        """Bytes were read: their sender may go on."""
        if self.inbox.size <= BUFFER:
            self._link.source.resume(CALL)
        if self.dest_inbox.size <= BUFFER:
            self._back.source.resume(TAP)

    def release_dest(self) -> None:
        """The callable waits for its source, or is done: ``dest`` is not its business now."""
        back = self._back
        if back.tap is not self:
            return
        back.tap = None
        pieces, fin, self._dest_fin = self.dest_inbox.clear(), self._dest_fin, False
        self.dest_inbox = Inbox()
        for frame, exchange in pieces:
            back.feed(What.DATA, frame, exchange)
        if fin:
            back.end()
        back.source.resume(TAP)
        back.settle()

    async def _run(self) -> None:
        try:
            await self._calls()
        except asyncio.CancelledError:
            if self._cancelled:
                raise
            self._failed(RuntimeError("cancelled by the callable itself"))
        except Exception as error:  # noqa: BLE001  (a user's code may raise anything)
            self._failed(error)
        except (KeyboardInterrupt, SystemExit) as error:
            # What would end the loop ends this connection.
            self._failed(RuntimeError(f"{type(error).__name__}: {error}"))
        else:
            self.release_dest()
            self._link.source.resume(CALL)
            self._done(self.inbox.clear())

    def _failed(self, error: Exception) -> None:
        if not self._cancelled:
            self._link.connection.failed(self._action.name, error)

    async def _calls(self) -> None:
        while self.inbox.size and not self._off:
            before = self.inbox.taken
            await self._call()
            if self.inbox.taken == before and not self._off:
                # It did not read: it is asked again when there is something new.
                await self.inbox.news()

    async def _call(self) -> None:
        link, action = self._link, self._action
        source = UserSide(self, self._back, source=True)
        dest = UserSide(self, link, source=False)
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
        await threads.run(lambda: action.function(*sides, *tail))


async def _awaited(call: Awaitable[Any]) -> Any:
    return await call
