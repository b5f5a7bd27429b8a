"""Changes on their way to the engine: one after the other, pending until acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from chaostui.engine.views import ProxyView
from chaostui.errors import ChaosError
from chaostui.tui.model import mix
from chaostui.tui.model.changes import Change, Request, proxy_path
from chaostui.tui.model.undo import UndoStack

Send = Callable[[Request], Awaitable[None]]
Say = Callable[[str, str], None]
Options = dict[tuple[str, str], dict[str, Any]]


class Outbox:
    """Sends changes in order, and knows what they will make of mixes and options.

    ``send`` makes a request and takes its answer over; ``say`` tells the operator, with a role.
    """

    def __init__(self, send: Send, say: Say) -> None:
        self._send = send
        self._say = say
        self._undo: UndoStack[Change] = UndoStack()
        self._queue: asyncio.Queue[Change] = asyncio.Queue()
        self._waiting: list[Change] = []
        self._behaviors: dict[str, str] = {}
        self.options: Options = {}
        """Options by proxy and handler that were asked for and are not acknowledged yet."""

    @property
    def pending(self) -> set[tuple[str, str]]:
        """Pairs of proxy and handler (or ``handler.option``) not acknowledged yet."""
        return {touch for change in self._waiting for touch in change.touches}

    def expected(self, proxies: Sequence[ProxyView]) -> tuple[ProxyView, ...]:
        """Proxies as they will be once everything is acknowledged."""
        return tuple(
            msgspec.structs.replace(proxy, behavior=self._behaviors[proxy.name])
            if proxy.name in self._behaviors
            else proxy
            for proxy in proxies
        )

    def apply(self, change: Change, proxies: Sequence[ProxyView]) -> None:
        """Send a change to the engine, whose proxies are ``proxies`` now."""
        if not change:
            self._say(change.label, "warn")
            return
        if change.undo:
            self._undo.push(change)
        self._enqueue(change, proxies)

    def undo(self, proxies: Sequence[ProxyView]) -> None:
        """Take back the last change."""
        change = self._undo.undo()
        if change is None:
            self._say("nothing to undo", "warn")
        else:
            label = f"undone: {change.label}"
            self._enqueue(Change(label, change.undo, (), change.touches), proxies)

    def redo(self, proxies: Sequence[ProxyView]) -> None:
        """Make the last undone change again."""
        change = self._undo.redo()
        if change is None:
            self._say("nothing to redo", "warn")
        else:
            label = f"again: {change.label}"
            self._enqueue(Change(label, change.do, (), change.touches), proxies)

    async def deliver(self) -> None:
        """Send the oldest change that waits, as soon as there is one."""
        change = await self._queue.get()
        try:
            for request in change.do:
                await self._send(request)
            self._say(f"{change.label} · u undo" if change.undo else change.label, "good")
        except (ChaosError, OSError) as error:
            self._say(f"{change.label} failed: {error}", "bad")
        self._waiting.remove(change)
        if not self._waiting:
            self._behaviors.clear()

    def settle(self) -> None:
        """A frame has come: what is acknowledged stands in it."""
        if not self._waiting:
            self.options.clear()

    def _enqueue(self, change: Change, proxies: Sequence[ProxyView]) -> None:
        self._waiting.append(change)
        for request in change.do:
            for proxy in self.expected(proxies):
                self._expect(request, proxy)
        self._say(f"{change.label} …", "dim")
        self._queue.put_nowait(change)

    def _expect(self, request: Request, proxy: ProxyView) -> None:
        body = dict(request.body or {})
        if request.path == proxy_path(proxy.name, "mix"):
            whole = body.get("behavior")
            merged = mix.read(proxy.behavior) | body if whole is None else {}
            self._behaviors[proxy.name] = mix.write(merged) if whole is None else whole
        elif request.path.startswith(proxy_path(proxy.name, "handlers") + "/"):
            handler = unquote(request.path.rpartition("/")[2])
            self.options.setdefault((proxy.name, handler), {}).update(body)

    def __repr__(self) -> str:
        return f"<Outbox {len(self._waiting)} waiting>"
