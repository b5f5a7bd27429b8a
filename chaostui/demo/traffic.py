"""Clients of the shop and its cache, who come, ask, and come again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from chaostui.demo.script import Visit, visits
from chaostui.demo.tally import LATE, Seen
from chaostui.demo.wire import WIRES, Wire

CLIENTS = 16
"""Of each backend."""

PATIENCE = 0.5
"""Seconds after which a client gives up a request."""

Record = Callable[[Seen, float], None]


class Traffic:
    """All clients; ``record`` asks at each request's start where its end is to be told."""

    def __init__(
        self, places: Mapping[str, tuple[str, int]], seed: int, record: Callable[[], Record]
    ) -> None:
        self.places = places
        self._seed = seed
        self._record = record
        self._may_ask = asyncio.Event()
        self._may_ask.set()
        self._asking = 0
        self._quiet = asyncio.Event()

    async def pause(self) -> None:
        """Let each client finish what it is asking, and have none ask anew before ``resume``."""
        self._may_ask.clear()
        if self._asking:
            self._quiet.clear()
            await self._quiet.wait()

    def resume(self) -> None:
        """Let clients ask again."""
        self._may_ask.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self.places:
                for client in range(CLIENTS):
                    group.create_task(self._live(kind, client))

    async def _live(self, kind: str, client: int) -> None:
        for visit in visits(kind, self._seed, client):
            await self._visit(kind, visit)

    async def _visit(self, kind: str, visit: Visit) -> None:
        """Ask everything on one connection, or on as many as it takes."""
        wire: Wire | None = None
        try:
            for pause, request in visit:
                await self._think(pause)
                wire = await self._ask(kind, wire, request)
        finally:
            if wire is not None:
                wire.close()

    async def _think(self, pause: float) -> None:
        """Wait; after ``resume`` wait again, so that clients do not come all at once."""
        await asyncio.sleep(pause)
        while not self._may_ask.is_set():
            await self._may_ask.wait()
            await asyncio.sleep(pause)

    async def _ask(self, kind: str, wire: Wire | None, request: bytes) -> Wire | None:
        """Ask once, tell how it went, and return the connection if it can be used again."""
        tell = self._record()
        self._asking += 1
        began = time.monotonic()
        wire, seen = await self._try(kind, wire, request)
        seconds = time.monotonic() - began
        tell(Seen.LATE if seen is Seen.OK and seconds >= LATE else seen, seconds)
        self._asking -= 1
        if not self._asking:
            self._quiet.set()
        if wire is not None and (seen in (Seen.GAVE_UP, Seen.CUT) or not wire.keeps):
            wire.close()
            return None
        return wire

    async def _try(self, kind: str, wire: Wire | None, request: bytes) -> tuple[Wire | None, Seen]:
        """Ask on ``wire`` or on a new connection."""
        try:
            async with asyncio.timeout(PATIENCE):
                if wire is None:
                    wire = await WIRES[kind].connect(*self.places[kind])
                return wire, Seen.OK if await wire.ask(request) else Seen.ERROR
        except asyncio.CancelledError:
            if wire is not None:  # nobody else knows of it yet
                wire.close()
            raise
        except TimeoutError:
            return wire, Seen.GAVE_UP
        except OSError:
            return wire, Seen.CUT
