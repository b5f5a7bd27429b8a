"""Changes on their way to the engine: one after the other, pending until acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chaostui.errors import ChaosError, EngineRefused
from chaostui.tui.model.changes import Call, Change
from chaostui.tui.model.undo import UndoStack
from chaostui.wire.views import ProxyView

Send = Callable[[Call], Awaitable[None]]
Say = Callable[[str, str], None]
Options = dict[tuple[str, str], dict[str, Any]]
NOT_FOUND = 404


@dataclass(eq=False)
class Delivery:
    """A change on its way, forth or back."""

    change: Change
    way: Literal["do", "undo", "redo"]
    calls: tuple[Call, ...]
    """Those that have not been answered yet are left of them."""

    @property
    def label(self) -> str:
        """What it does, in words."""
        word = {"do": "", "undo": "undone: ", "redo": "again: "}[self.way]
        return f"{word}{self.change.label}"


class Outbox:
    """Sends changes in order, and knows what they will make of mixes and options.

    ``send`` makes a call and takes its answer over; ``say`` tells the operator, with a role.
    """

    def __init__(self, send: Send, say: Say) -> None:
        self._send = send
        self._say = say
        self._undo: UndoStack[Change] = UndoStack()
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._waiting: list[Delivery] = []

    @property
    def to_undo(self) -> Change | None:
        """What ``undo`` would take back."""
        return self._undo.newest

    @property
    def to_redo(self) -> Change | None:
        """What ``redo`` would make again."""
        return self._undo.undone

    @property
    def pending(self) -> set[tuple[str, str]]:
        """Pairs of proxy and handler (or ``handler.option``) not acknowledged yet."""
        return {touch for each in self._waiting for touch in each.change.touches}

    @property
    def options(self) -> Options:
        """Options by proxy and handler that were asked for and are not acknowledged yet."""
        found: Options = {}
        for each in self._waiting:
            for call in each.calls:
                for place, values in call.options.items():
                    found.setdefault(place, {}).update(values)
        return found

    def expected(self, proxies: Sequence[ProxyView]) -> tuple[ProxyView, ...]:
        """Proxies as they will be once everything is acknowledged."""
        found = tuple(proxies)
        for each in self._waiting:
            for call in each.calls:
                found = tuple(map(call.expect, found))
        return found

    def apply(self, change: Change) -> None:
        """Send a change to the engine."""
        if not change:
            self._say(change.label, "warn")
            return
        if change.undo:
            self._undo.push(change)
        self._enqueue(Delivery(change, "do", change.do))

    def undo(self) -> None:
        """Take back the last change."""
        change = self._undo.undo()
        if change is None:
            self._say("nothing to undo", "warn")
        else:
            self._enqueue(Delivery(change, "undo", change.undo))

    def redo(self) -> None:
        """Make the last undone change again."""
        change = self._undo.redo()
        if change is None:
            self._say("nothing to redo", "warn")
        else:
            self._enqueue(Delivery(change, "redo", change.do))

    async def deliver(self) -> None:
        """Send the oldest change that waits, as soon as there is one."""
        delivery = await self._queue.get()
        try:
            while delivery.calls:
                await self._call(delivery.calls[0])
                delivery.calls = delivery.calls[1:]
            hint = " · u undo" if delivery.way == "do" and delivery.change.undo else ""
            self._say(f"{delivery.label}{hint}", "good")
        except (ChaosError, OSError) as error:
            self._failed(delivery)
            self._say(f"{delivery.label} failed: {error}", "bad")
        self._waiting.remove(delivery)

    async def _call(self, call: Call) -> None:
        try:
            await self._send(call)
        except EngineRefused as error:
            if not (call.may_be_gone and error.status == NOT_FOUND):
                raise

    def _failed(self, delivery: Delivery) -> None:
        """Let undo take back what was really done, and nothing else."""
        change = delivery.change
        if delivery.way == "undo":
            self._undo.keep(change)
        else:
            made = change.until(len(change.do) - len(delivery.calls))
            self._undo.replace(change, made if made.undo else None)

    def _enqueue(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._say(f"{delivery.label} …", "dim")
        self._queue.put_nowait(delivery)

    def __repr__(self) -> str:
        return f"<Outbox {len(self._waiting)} waiting>"
