"""The console's view of the client: one request at a time, live frames, and payload."""

from __future__ import annotations

import asyncio
import functools
import getpass
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from chaostui.client import AsyncClient, Frame
from chaostui.client.ask import Ask
from chaostui.errors import ChaosError

T = TypeVar("T")


@functools.cache
def own_name() -> str:
    """Who this console is in the journal: two consoles never share a name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    host = socket.gethostname().partition(".")[0]
    name = f"console {user[:20]}@{host[:20]} {os.getpid()}"
    return name.encode("ascii", "replace").decode()


def connect(endpoint: str, *, actor: str = "", token: str | None = None) -> ClientLink:
    """A link to the engine at ``unix:/path`` or ``http://host:port``. Raises ValueError.

    ``actor`` is the name that the journal shows, ``own_name()`` unless told.
    """
    actor = actor or own_name()
    if endpoint.startswith("unix:"):
        path = "/" + endpoint.removeprefix("unix:").lstrip("/")
        return ClientLink(AsyncClient(unix=path, actor=actor), endpoint)
    if "://" not in endpoint:
        endpoint = f"unix:{endpoint}" if endpoint.startswith("/") else f"http://{endpoint}"
        return connect(endpoint, actor=actor, token=token)
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "localhost", parts.port or 8080
    client = AsyncClient(host, port, parts.scheme, token=token, actor=actor)
    return ClientLink(client, endpoint)


class LateLink:
    """A link to an engine that is still starting: every call waits until it is there.

    ``start`` blocks until the engine answers and returns where; it runs in a thread. When it
    raises, ``failure`` holds why, and ``failed`` is called once.
    """

    def __init__(self, start: Callable[[], str], failed: Callable[[], object]) -> None:
        self._start = start
        self._failed = failed
        self._opening = asyncio.Lock()
        self._link: ClientLink | None = None
        self.endpoint = ""
        self.failure: ChaosError | OSError | None = None

    async def do(self, ask: Ask[T]) -> T:
        """Make one call, once the engine is there."""
        return await (await self._opened()).do(ask)

    async def live(self, *, hz: float) -> AsyncIterator[Frame]:
        """Live frames, once the engine is there."""
        async for frame in (await self._opened()).live(hz=hz):
            yield frame

    async def tap(self, connection: int) -> AsyncIterator[Mapping[str, Any]]:
        """The payload of one connection, once the engine is there."""
        async for entry in (await self._opened()).tap(connection):
            yield entry

    async def close(self) -> None:
        """Close the kept connection."""
        if self._link is not None:
            await self._link.close()

    async def _opened(self) -> ClientLink:
        async with self._opening:
            if self.failure is not None:
                raise self.failure
            if self._link is None:
                try:
                    self.endpoint = await asyncio.to_thread(self._start)
                except (ChaosError, OSError) as error:
                    self.failure = error
                    self._failed()
                    raise
                self._link = connect(self.endpoint)
        return self._link


class ClientLink:
    """Speaks to an engine by ``AsyncClient``."""

    def __init__(self, client: AsyncClient, endpoint: str) -> None:
        self._client = client
        self.endpoint = endpoint

    async def do(self, ask: Ask[T]) -> T:
        """Make one call."""
        return await self._client.do(ask)

    def live(self, *, hz: float) -> AsyncIterator[Frame]:
        """Live frames, until the engine goes away."""
        return self._client.live(hz=hz)

    def tap(self, connection: int) -> AsyncIterator[Mapping[str, Any]]:
        """What passes on one connection from now on, until it ends."""
        return self._client.tap(connection)

    async def close(self) -> None:
        """Close the kept connection."""
        await self._client.close()
