"""The composition root: puts engine, control API and signals together.

An engine run here ends by a signal, or when its owner is gone. Exit codes: 0 drained, 1
internal error, 2 profile, 3 cannot bind, 4 the drain's deadline passed, 130 and 143 a second
signal.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from chaostui import log as logs, loop, registry
from chaostui.api.server import ControlServer
from chaostui.api.unix import path_for
from chaostui.ending import CUT, OWNER_GONE, Ending
from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.export.recorder import Recorder, open_record
from chaostui.engine.export.statsd import Statsd
from chaostui.errors import CannotListen, ChaosError, SettingsError
from chaostui.settings import Profile

log = logging.getLogger("chaostui")

DRAINED = 0
GARBAGE = 50_000
"""Objects made before the collector looks: a connection makes a dozen, and the default of 700
costs a tenth of the time that short connections take."""
OWNER_DRAIN = 1.0
"""Seconds at most that connections are given when the owner is gone: it may be started again."""


@dataclass(kw_only=True)
class Launch:
    """What an engine is started with, beside its profile."""

    source: str = ""
    """The profile's file, for messages, for saving and for code beside it."""
    reload: Callable[[], Profile] | None = None
    """Reads the profile anew, for SIGHUP."""
    unix: str = ""
    """The control API's Unix socket; empty: one of its own in the runtime folder."""
    ready_fd: int | None = None
    """Gets one JSON line once everything is bound: pid, unix, api, proxies."""
    owner_fd: int | None = None
    """A pipe's reading end: when its other end closes, the owner is gone and the engine ends."""
    record: str = ""
    """A file that tells what happened; empty: none."""
    extra: list[Callable[[Supervisor], asyncio.Task[None]]] = field(default_factory=list)
    """Work beside the engine, such as the demo's traffic, started when all is bound."""


def headless(profile: Profile, launch: Launch | None = None) -> int:
    """Run an engine until it is told to end; return the exit code.

    Raises SettingsError and CannotListen before anything is served.
    """
    launch = launch or Launch()
    logs.start(profile.log_level, profile.log_output)
    record = open_record(launch.record) if launch.record else None
    engine = Engine(profile, launch, record)
    try:
        return loop.run(engine.run())
    except loop.TasksLeft:
        engine.ending.at_once(CUT)
        raise


class Engine:
    """One engine's process."""

    def __init__(self, profile: Profile, launch: Launch, record: BinaryIO | None) -> None:
        self._profile = profile
        self._launch = launch
        self._record = record
        self._recorder: Recorder | None = None
        catalog = registry.load(profile, source=launch.source)
        self.supervisor = Supervisor(catalog, seed=profile.seed, source=launch.source)
        self._server = ControlServer()
        self._server.stop = self._told_to_stop
        self._stop: asyncio.Future[str]
        self.ending = Ending(self._leave, self._drain_seconds, self._remove_socket)
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> int:
        """Serve until a signal or the owner's end, then drain."""
        running = asyncio.get_running_loop()
        self._stop = running.create_future()
        running.set_exception_handler(self.supervisor.core.jobs.caught)
        self._listen_to_signals(running)
        await self._start()
        try:
            why = await self._stop
        finally:
            for task in self._tasks:
                task.cancel()
        return await self._drain(why)

    async def _start(self) -> None:
        launch, supervisor = self._launch, self.supervisor
        supervisor.on_change(logs.changes)
        await supervisor.start(self._profile)
        control = self._profile.control
        unix = launch.unix or str(path_for(os.getpid()))
        if control.listen is not None and control.listen.path:
            unix, control = control.listen.path, replace(control, listen=None)
        try:
            await self._server.start(supervisor, control, unix)
        except BaseException:
            await supervisor.close()
            raise
        logs.take_streams()
        supervisor.unauthenticated = self._server.unauthenticated
        supervisor.own_control(self._server.names)
        if self._record is not None:
            self._recorder = Recorder(supervisor, self._record)
            self._recorder.start()
        self._beside()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE)
        self._tell_ready(unix)
        self.ending.watch_over()

    def _beside(self) -> None:
        running = asyncio.get_running_loop()
        if self._profile.statsd is not None:
            statsd = Statsd(self.supervisor.core, self._profile.statsd)
            self._tasks.append(running.create_task(statsd.run()))
        self._tasks += [start(self.supervisor) for start in self._launch.extra]

    def _tell_ready(self, unix: str) -> None:
        supervisor = self.supervisor
        api = next((str(a) for a in self._server.addresses if not a.path), "")
        for proxy in supervisor.proxies():
            log.info("%s listens on %s for %s", proxy.name, proxy.listen, proxy.backend)
        if self._server.toxiproxy is not None:
            log.info("Toxiproxy's API on %s", self._server.toxiproxy)
        log.info(
            "ready: control API on %s, seed %d, at most %d connections (from RLIMIT_NOFILE)",
            ", ".join(map(str, self._server.addresses)),
            supervisor.core.seed,
            supervisor.core.max_connections,
        )
        if self._launch.ready_fd is not None:
            logs.flush(0.25)  # who is told that all is ready may read the log
            listens = {proxy.name: proxy.listen for proxy in supervisor.proxies()}
            line = {"pid": os.getpid(), "unix": unix, "api": api, "proxies": listens}
            with suppress(OSError):
                os.write(self._launch.ready_fd, msgspec.json.encode(line) + b"\n")
                _give_up(self._launch.ready_fd)

    # -- signals ----------------------------------------------------------------------------

    def _listen_to_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ending.listen(self._launch.owner_fd)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        loop.add_signal_handler(signal.SIGUSR1, self._halt)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _leave(self, why: str) -> None:
        self._stop.get_loop().call_soon_threadsafe(self._leaving, why)

    def _leaving(self, why: str) -> None:
        if not self._stop.done():
            self._stop.set_result(why)

    def _drain_seconds(self, why: str) -> float:
        seconds = self.supervisor.drain_seconds
        return min(seconds, OWNER_DRAIN) if why == OWNER_GONE else seconds

    def _told_to_stop(self, actor: str) -> None:
        self.ending.ask(f"stopped by {actor}")

    def _remove_socket(self) -> None:
        for address in self._server.addresses:
            if address.path:
                Path(address.path).unlink(missing_ok=True)

    def _hang_up(self) -> None:
        self.supervisor.core.spawn(self._reload())

    async def _reload(self) -> None:
        if self._launch.reload is None:
            log.warning("no profile to reload")
            return
        try:
            profile = self._launch.reload()
            catalog = registry.load(profile, source=self._launch.source)
            await self.supervisor.apply(profile, "SIGHUP", catalog=catalog)
        except (SettingsError, CannotListen) as error:
            log.error("the profile was not reloaded, everything stays as it was")
            for line in str(error).splitlines():
                log.error("%s", line)
        except ChaosError as error:
            log.error("the profile was not reloaded: %s", error)

    def _halt(self) -> None:
        self.supervisor.core.spawn(self._do_halt())

    async def _do_halt(self) -> None:
        await self.supervisor.halt("SIGUSR1", "signal")

    # -- ending -----------------------------------------------------------------------------

    async def _drain(self, why: str) -> int:
        supervisor = self.supervisor
        seconds = self._drain_seconds(why)
        log.info("%s: draining, at most %g s", why, seconds)
        proxies = [p for p in supervisor.proxies() if any(h.name != "normal" for h in p.mix)]
        left = [f"{p.name} {p.behavior}" for p in proxies]
        if left:
            log.info("faults still on: %s", ", ".join(left))
        cut = await supervisor.drain(seconds)
        await self._server.close()
        await supervisor.close()
        if self._recorder is not None:
            await self._recorder.finish()
        if cut:
            log.warning("%d connections were cut after %g s", cut, seconds)
        return CUT if cut else DRAINED


def _give_up(fd: int) -> None:
    """Close a descriptor; one of the standard ones stays taken.

    The next socket would get its number, and libuv never closes a number up to 2.
    """
    if fd > 2:
        os.close(fd)
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, fd)
    os.close(nothing)
