"""Two clients who stay: their connections live long enough to be pinned, opened and read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

from chaostui.demo.script import MAKERS
from chaostui.demo.wire import WIRES, Wire

THOUGHT = 0.7
"""Seconds between two requests."""
PATIENCE = 5.0
"""Seconds that a resident waits for an answer before it connects again."""
AWAY = 0.5
"""Seconds until it comes back when its connection is gone."""


async def reside(places: Mapping[str, tuple[str, int]], seed: int) -> None:
    """Ask on one connection to each of ``places``, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for kind, (host, port) in places.items():
            group.create_task(_stay(kind, host, port, random.Random(f"{seed}/{kind}/resident")))


async def _stay(kind: str, host: str, port: int, dice: random.Random) -> None:
    while True:
        wire: Wire | None = None
        try:
            wire = await WIRES[kind].connect(host, port)
            while wire.keeps:
                await asyncio.sleep(THOUGHT)
                async with asyncio.timeout(PATIENCE):
                    await wire.ask(MAKERS[kind](dice))
        # Whatever a fault makes of an answer, such as a length that is none: it comes again.
        except (OSError, ValueError, RuntimeError, LookupError, asyncio.LimitOverrunError):
            pass
        finally:
            if wire is not None:
                wire.close()
        await asyncio.sleep(AWAY)
