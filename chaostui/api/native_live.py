"""Live frames for a console: the whole engine, many times a second, in columns."""

from __future__ import annotations

import asyncio
import struct
import time
from array import array
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from chaostui.api.routes import Call, Query, Route
from chaostui.api.streaming import Stream
from chaostui.engine.control.snapshot import Carried
from chaostui.engine.relay.connection import Connection
from chaostui.errors import ChaosError
from chaostui.wire.frame import COLUMNS, STATES, Frame, native

DEFAULT_HZ, MAX_HZ = 10.0, 30.0
MAX_EVENTS = 200

SLICE = 100
"""Connections put into columns before the loop gets its turn: about 0.2 ms."""
BREATH = 0.001
"""Seconds between two slices: a process that works on without a break is made to wait."""

_STATE_CODES = {state: code for code, state in enumerate(STATES)}
_U32 = 2**32 - 1

_encoder = msgspec.msgpack.Encoder()

Texts = tuple[str, str, str]
Told = tuple[str, Texts | None]
"""A connection's client, which a PROXY header may name late, and those."""


class Camera:
    """Takes frames for one reader, and knows what it was told before."""

    def __init__(self, call: Call) -> None:
        self.supervisor = call.supervisor
        named = call.query("proxy")
        self.proxy = None if named is None else call.supervisor.proxy(named).name
        self.seq = 0
        self.newest = self.supervisor.bus.newest
        self.handlers: dict[str, int] = {}
        self.told: dict[int, Told] = {}

    async def take(self) -> bytes:
        """The engine as it is now: length and MessagePack."""
        strip = await self._develop()
        engine = self.supervisor.view(strip.carried)
        events, skipped = self._happened()
        self.newest = engine.events
        self.seq += 1
        strip.point_at([proxy.name for proxy in engine.proxies])
        frame = Frame(
            seq=self.seq,
            at=time.time(),
            engine=engine,
            columns={name: native(column).tobytes() for name, column in strip.columns.items()},
            handlers=list(self.handlers),
            opened=strip.opened,
            changed=strip.changed,
            events=events,
            events_skipped=skipped,
        )
        packed = _encoder.encode(frame)
        return struct.pack("<I", len(packed)) + packed

    def _happened(self) -> tuple[list[Any], int]:
        """The newest events and how many more there were; changes go first."""
        events, skipped = self.supervisor.bus.since(self.newest, MAX_EVENTS)
        if not skipped:
            return events, 0
        first = events[0].seq
        changes = [each for each in self.supervisor.journal(self.newest) if each.seq < first]
        changes = changes[-MAX_EVENTS:]
        return [*changes, *events], skipped - len(changes)

    async def _develop(self) -> Strip:
        """Put all connections into columns, a slice at a time: traffic goes on in between."""
        found = self.supervisor.live(self.proxy)
        strip = Strip(self.told, self.supervisor.ended(self.proxy))
        for start in range(0, len(found), SLICE):
            some = found[start : start + SLICE]
            strip.count(some)
            strip.columns["handler"].extend([self._index(c.handler_name) for c in some])
            strip.tell(some)
            await asyncio.sleep(BREATH if start + SLICE < len(found) else 0)
        self._forget(found)
        return strip

    def _forget(self, live: list[Connection]) -> None:
        """Drop what was told of connections that are gone, now and then."""
        if len(self.told) > 2 * len(live) + 1000:
            self.told = {c.id: self.told[c.id] for c in live if c.id in self.told}

    def _index(self, handler: str) -> int:
        return self.handlers.setdefault(handler, len(self.handlers))


class Strip:
    """The columns of one frame, and what is told for the first time."""

    def __init__(self, told: dict[int, Told], ended: Carried) -> None:
        self.told = told
        self.carried = ended
        """Bytes up and down by proxy: of connections that have ended, then of all counted."""
        self.proxies: dict[str, int] = {}
        """What the ``proxy`` column's numbers mean."""
        self.columns: dict[str, array[Any]] = {name: array(code) for name, code in COLUMNS.items()}
        self.opened: list[tuple[int, str, str]] = []
        self.changed: dict[int, Texts] = {}

    def count(self, some: list[Connection]) -> None:
        """Add the numbers of some connections."""
        columns, now = self.columns, time.monotonic()
        ups, downs = [c.up for c in some], [c.down for c in some]
        names = [c.proxy.settings.name for c in some]
        upstream, downstream = [up.received for up in ups], [down.received for down in downs]
        self._sum(names, upstream, downstream)
        columns["id"].extend([c.id for c in some])
        columns["proxy"].extend([self.proxies[name] for name in names])
        columns["state"].extend([_STATE_CODES[c.state] for c in some])
        columns["upstream"].extend(upstream)
        columns["downstream"].extend(downstream)
        columns["exchanges"].extend([c.number for c in some])
        columns["hits"].extend([c.hits & _U32 for c in some])
        columns["held"].extend(
            [(up.held + down.held) & _U32 for up, down in zip(ups, downs, strict=True)]
        )
        columns["age"].extend([now - c.opened for c in some])
        columns["idle"].extend([c.look(now) for c in some])
        columns["reply"].extend([c.reply for c in some])

    def _sum(self, names: list[str], upstream: list[int], downstream: list[int]) -> None:
        present = set(names)
        for name in present:
            self.proxies.setdefault(name, len(self.proxies))
            ups, downs = upstream, downstream
            if len(present) > 1:
                mine = [at for at, owner in enumerate(names) if owner == name]
                ups, downs = [ups[at] for at in mine], [downs[at] for at in mine]
            before = self.carried[name]
            self.carried[name] = (before[0] + sum(ups), before[1] + sum(downs))

    def point_at(self, proxies: list[str]) -> None:
        """Let the ``proxy`` column point to these."""
        places = {name: index for index, name in enumerate(proxies)}
        meant = [places.get(name, 0) for name in self.proxies]
        if meant != list(range(len(meant))):
            column = self.columns["proxy"]
            self.columns["proxy"] = array(column.typecode, [meant[number] for number in column])

    def tell(self, some: list[Connection]) -> None:
        """Note the texts that were not told before."""
        told = self.told
        for c in some:
            pin = c.proxy.pins.get(c)
            texts = (pin.name if pin else "", c.request, c.opaque)
            client, before = told.get(c.id, ("", None))
            if client == c.client_name and before == texts:
                continue
            told[c.id] = (c.client_name, texts)
            if client != c.client_name:
                self.opened.append((c.id, c.client_name, c.backend_name))
            if before != texts and (before or any(texts)):
                self.changed[c.id] = texts


async def live(call: Call) -> Stream:
    """Stream frames."""
    text = call.query("hz") or str(DEFAULT_HZ)
    try:
        hz = float(text)
    except ValueError:
        hz = 0.0
    if not 0 < hz <= MAX_HZ:
        raise HTTPException(400, f"hz: a number over 0 and up to {MAX_HZ:g} is wanted")
    return Stream(_frames(Camera(call), 1 / hz), "application/octet-stream")


async def _frames(camera: Camera, interval: float) -> AsyncGenerator[bytes]:
    """Frames at most every ``interval`` seconds; none is made while the reader is behind."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + interval
        try:
            frame = await camera.take()
        except ChaosError:
            raise  # the proxy it is about is gone
        except Exception as error:  # noqa: BLE001  (the next frame is another try)
            camera.supervisor.core.jobs.failed("taking a frame", error)
            camera.told.clear()
            frame = b""
        if frame:
            yield frame
        await asyncio.sleep(max(0.0, due - clock()))


ROUTES = (
    Route(method="GET", path="/live", endpoint=live, media="application/octet-stream",
          summary="Binary frames for a console, see docs/api.md",
          queries=(Query("hz", "frames a second, 10 unless told", float),
                   Query("proxy", "connections of this proxy alone"))),
)  # fmt: skip
