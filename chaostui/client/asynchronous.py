"""The asyncio client: the console drives an engine with it."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

import msgspec

from chaostui.client import calls, owner
from chaostui.client.address import Address, refusal, written
from chaostui.client.ask import API, Ask, Dropped
from chaostui.client.methods import Calls
from chaostui.client.sse import Reader
from chaostui.client.wire import Wire
from chaostui.errors import EngineRefused, EngineUnreachable
from chaostui.events import AnyEvent
from chaostui.wire.frame import Frame
from chaostui.wire.views import FaultView

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds that a call may take."""

_frame = msgspec.msgpack.Decoder(Frame)


class AsyncClient(Calls):
    """``Client`` for asyncio: the same methods, awaited, and live frames.

    Calls go one after the other on one kept connection; streams have their own.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 8080,
        scheme: str = "http",
        *,
        unix: str | os.PathLike[str] | None = None,
        token: str | None = None,
        actor: str = "",
    ) -> None:
        """Know an engine; parameters as in ``Client``. Nothing is sent yet."""
        self.address = Address(
            host, port, scheme, os.fspath(unix) if unix else "", token or "", actor
        )
        self._lock = asyncio.Lock()
        self._wire: Wire | None = None
        self._calmed = 0

    def __repr__(self) -> str:
        return f"<AsyncClient {self.address}>"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    # -- Vaurien ----------------------------------------------------------------------------

    @asynccontextmanager
    async def with_handler(
        self, name: str, *, proxy: str | None = None, **options: Any
    ) -> AsyncGenerator[FaultView]:
        """Break things within the block; ends and errors as those of ``Client``."""
        async with self._owning() as session:
            try:
                fault = await self.do(owner.fault(session, name, proxy, options))
            except EngineRefused as error:
                raise owner.senseless(error) from None
            calmed = self._calmed
            try:
                yield fault
            except Exception as error:
                # A block whose fault was lost proves nothing, whatever it raises.
                await self._disown(session, fault, calmed, error)
                raise
            await self._disown(session, fault, calmed)

    def with_behavior(
        self, name: str, *, proxy: str | None = None, **options: Any
    ) -> AbstractAsyncContextManager[FaultView]:
        """Break things within the block: ``with_handler`` in Vaurien 2's words."""
        return self.with_handler(name, proxy=proxy, **options)

    @asynccontextmanager
    async def _owning(self) -> AsyncGenerator[str]:
        """A session that lives as long as this block, and no longer than this process."""
        session = (await self.do(owner.session())).id
        held = await self._connect()
        try:
            await self._open(held, owner.hold_path(session), "text/event-stream")
            # A task group would wrap what the block raises.
            renewing = asyncio.create_task(self._renew(session))  # noqa: TID251
            try:
                yield session
            finally:
                renewing.cancel()
        except BaseException:
            with suppress(EngineUnreachable, EngineRefused):
                await self.do(calls.close_session(session))
            raise
        finally:
            held.close()

    async def _disown(
        self, session: str, fault: FaultView, calmed: int, cause: Exception | None = None
    ) -> None:
        """End a session with its block. Raises FaultLost where it, or its fault, is over.

        A fault that this client has ended itself since it had ``calmed`` all so often is none.
        """
        for tries in range(owner.TRIES, 0, -1):
            try:
                view = await self.do(calls.renew_session(session))
                await self.do(calls.close_session(session))
            except EngineRefused as error:
                if not owner.busy(error) or tries == 1:
                    raise owner.lost(error) from cause
                await asyncio.sleep(owner.RETRY)
            except EngineUnreachable as error:
                raise owner.lost(error) from cause
            else:
                break
        if self._calmed == calmed:
            owner.ended(fault, view, cause)

    async def _renew(self, session: str) -> None:
        pause = owner.RENEWAL
        while True:
            await asyncio.sleep(pause)
            pause = owner.RETRY
            # Calls of the block do not wait for it, nor it for them.
            client = AsyncClient()
            client.address = self.address
            try:
                async with client, asyncio.timeout(owner.RENEWAL):
                    await client.do(calls.renew_session(session))
                pause = owner.RENEWAL
            except EngineRefused as error:
                if owner.gone(error):
                    return
            except (EngineUnreachable, TimeoutError):
                continue

    # -- streams ----------------------------------------------------------------------------

    async def events(
        self,
        since: int | None = None,
        kinds: Iterable[str] = (),
        connection: int | None = None,
    ) -> AsyncGenerator[AnyEvent | Dropped]:
        """Events as they happen; parameters as in ``Client.events``."""
        path = calls.events_query(since, kinds, connection)
        reader = Reader()
        async with aclosing(self._stream(path, "text/event-stream")) as pieces:
            async for piece in pieces:
                for event in reader.feed(piece):
                    yield event

    async def live(self, hz: float = 10.0, proxy: str | None = None) -> AsyncGenerator[Frame]:
        """Pictures of the engine, at most ``hz`` a second; all connections, or one proxy's."""
        query = {"hz": f"{hz:g}"} | ({} if proxy is None else {"proxy": proxy})
        async with aclosing(self._packed(f"{API}/live?{urlencode(query)}")) as packets:
            async for packed in packets:
                yield _frame.decode(packed)

    async def tap(self, connection: int) -> AsyncGenerator[dict[str, Any]]:
        """What passes on a connection: ``direction``, ``offset``, ``at`` and ``bytes``."""
        path = f"{API}/connections/{connection}/tap"
        async with aclosing(self._packed(path)) as packets:
            async for packed in packets:
                yield msgspec.msgpack.decode(packed)

    async def _packed(self, path: str) -> AsyncGenerator[bytes]:
        """The packets of a binary stream, each behind its length."""
        buffer = bytearray()
        async with aclosing(self._stream(path, "application/octet-stream")) as pieces:
            async for piece in pieces:
                buffer += piece
                while len(buffer) >= 4:
                    (length,) = struct.unpack_from("<I", buffer)
                    if len(buffer) < 4 + length:
                        break
                    packed = bytes(memoryview(buffer)[4 : 4 + length])
                    del buffer[: 4 + length]
                    yield packed

    async def _stream(self, path: str, media: str) -> AsyncGenerator[bytes]:
        wire = await self._connect()
        try:
            await self._open(wire, path, media)
            async for piece in wire.pieces():
                yield piece
        except OSError as error:
            raise self.address.unreachable(error) from None
        finally:
            wire.close()

    # -- HTTP -------------------------------------------------------------------------------

    async def do(self, ask: Ask[T]) -> T:
        """Ask the engine. A kept connection that has gone stale is replaced once."""
        body = written(ask.body)
        self._calmed += owner.calms(ask)
        media = "application/json"
        async with self._lock:
            for fresh in (self._wire is None, True):
                wire = self._wire = self._wire or await self._connect()
                try:
                    async with asyncio.timeout(TIMEOUT):
                        head = self.address.headers(body, media)
                        status = await wire.ask(ask.method, ask.path, head, body)
                        raw = await wire.rest()
                    break
                except ConnectionError as error:
                    await self.close()
                    if fresh:
                        raise self.address.unreachable(error) from None
                except OSError as error:
                    await self.close()
                    raise self.address.unreachable(error) from None
                except BaseException:
                    # Half an answer may still be under way.
                    await self.close()
                    raise
            if not wire.keeps:
                await self.close()
        return ask.read(status, raw)

    async def _connect(self) -> Wire:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await Wire.connect(self.address)
        except (OSError, UnicodeError) as error:
            raise self.address.unreachable(error) from None

    async def _open(self, wire: Wire, path: str, media: str) -> None:
        """Begin an answer that does not end."""
        try:
            status = await wire.ask("GET", path, self.address.headers(None, media), None)
            if status != 200:
                raise refusal(status, await wire.rest())
        except OSError as error:
            raise self.address.unreachable(error) from None
