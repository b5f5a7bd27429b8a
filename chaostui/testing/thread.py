"""An engine's loop in a thread, and how other threads call into it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from chaostui import loop
from chaostui.catalog import Catalog
from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import EngineUnreachable
from chaostui.settings import Profile

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a call may take."""

FOR_GOOD = 10 * 365 * 86_400.0
"""Seconds of lease: an owner in the engine's own process needs none."""


class EngineThread:
    """Runs a supervisor on a uvloop of its own. Its methods may be called from any other thread."""

    def __init__(self, catalog: Catalog, profile: Profile, seed: int | None) -> None:
        self.supervisor = Supervisor(catalog, seed=seed)
        self.session = ""
        """The owner of the faults of with-blocks."""
        self._profile = profile
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="chaostui", daemon=True)

    def start(self) -> None:
        """Bind and serve; SettingsError or CannotListen when that cannot be."""
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            raise self._failed

    def stop(self) -> None:
        """End at once: clients and backends are reset. A second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE)

    def do(self, what: Callable[[Supervisor], Awaitable[T]], patience: float = PATIENCE) -> T:
        """Await something on the engine's loop. Raises what it does; EngineUnreachable."""

        async def run() -> T:
            return await what(self.supervisor)

        if not self._thread.is_alive():
            raise EngineUnreachable("the engine of this test has ended")
        if threading.current_thread() is self._thread:
            raise RuntimeError("a handler cannot call the engine it runs in")
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(patience)

    def look(self, at: Callable[[Supervisor], T]) -> T:
        """Read something on the engine's loop."""

        async def read(supervisor: Supervisor) -> T:
            return at(supervisor)

        return self.do(read)

    def wait(self, done: Callable[[Supervisor], bool], timeout: float) -> bool:
        """Wait until ``done`` after some event, at most so many seconds; return whether it is."""

        async def look(engine: Supervisor) -> bool:
            try:
                async with asyncio.timeout(timeout):
                    while not done(engine):
                        await engine.bus.wait(engine.bus.newest)
            except TimeoutError:
                return False
            return True

        return self.do(look, timeout + PATIENCE)

    def _main(self) -> None:
        with suppress(loop.TasksLeft):  # they were named in the log
            loop.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            await self.supervisor.start(self._profile)
            self.session = (await self.supervisor.open_session(FOR_GOOD, "test", "test")).id
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failed = error
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await self.supervisor.close()
