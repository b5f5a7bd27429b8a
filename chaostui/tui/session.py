"""The console's session with its engine: what the screens show and what they ask for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from chaostui.client import calls
from chaostui.client.ask import Ask
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.model import changes, form, mix
from chaostui.tui.model.changes import Call, Change
from chaostui.tui.model.faults import FAULTS, Mistyped, Situation, sweeps
from chaostui.tui.model.lines import Line
from chaostui.tui.model.store import FrameStore
from chaostui.tui.model.tap import Tap
from chaostui.tui.model.twice import Twice
from chaostui.tui.outbox import Outbox
from chaostui.wire.frame import Frame
from chaostui.wire.shapes import ProtocolHelp
from chaostui.wire.views import ProxyView

T = TypeVar("T")

GUARD = 0.3
"""For so long after a dialog closed, keys that change faults are taken for typing."""
FLASH = 5.0
"""How long what just happened stays above the footer, in seconds."""
READING = 0.02
"""So much longer for each letter."""
RETRY = 0.5
"""How often an engine that is lost is looked for, in seconds."""


class Link(Protocol):
    """What the console needs of a client."""

    endpoint: str
    """Where the engine answers; empty while it is still starting."""

    async def do(self, ask: Ask[T]) -> T: ...

    def live(self, *, hz: float) -> AsyncIterator[Frame]: ...

    def tap(self, connection: int) -> AsyncIterator[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Flash:
    """One line on what just happened, and how it is coloured."""

    text: str = ""
    role: str = "dim"
    until: float = 0.0


class Session:
    """Screens read its attributes and call its methods.

    ``on_frame`` is called with the new events after each frame and after each answer.
    """

    def __init__(
        self,
        link: Link,
        *,
        actor: str = "console",
        profile: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.link = link
        self.actor = actor
        self._profile = profile
        self.clock = clock
        self.store = FrameStore()
        self.outbox = Outbox(self._send, self.flash)
        self.names: tuple[str, ...] = (mix.NORMAL,)
        self.selected = mix.NORMAL
        self.catalogue: dict[str, tuple[form.Field, ...]] = {}
        self.helps: dict[str, str] = {}
        self.doors: frozenset[str] = frozenset()
        """The handlers that meet all who connect."""
        self.protocols: dict[str, ProtocolHelp] = {}
        self.lost = ""
        self.frozen_at: float | None = None
        self.frozen_total = 0
        self.guard_until = 0.0
        self.twice = Twice()
        self.flashed = Flash()
        self.tap = Tap(0)
        self.on_frame: Callable[[Sequence[Line]], None] = lambda lines: None
        self._situation = Situation()
        self._saved_revision: int | None = None

    # --- what the screens read -------------------------------------------------------------

    @property
    def pending(self) -> set[tuple[str, str]]:
        """Pairs of proxy and handler (or ``handler.option``) not acknowledged yet."""
        return self.outbox.pending

    @property
    def proxies(self) -> tuple[ProxyView, ...]:
        """The proxies in view, with what was asked for and is not acknowledged yet."""
        return self.outbox.expected(self.store.in_view)

    @property
    def profile(self) -> str:
        """The file that the engine was started with, as it says itself; empty: none."""
        return self._profile if self.store.engine is None else self.store.engine.profile

    @property
    def everything(self) -> tuple[ProxyView, ...]:
        """All proxies of the engine, in view or not, likewise."""
        return self.outbox.expected(self.store.proxies)

    @property
    def unsaved(self) -> bool:
        """Whether anything changed since the start or the last save."""
        engine = self.store.engine
        known = self._saved_revision
        return engine is not None and known is not None and engine.revision != known

    def options(self, handler: str) -> dict[str, Any]:
        """The options of a handler on the first proxy in view, defaults where none are known."""
        names = [proxy.name for proxy in self.store.in_view[:1]]
        return self.options_on(names[0] if names else "", handler)

    def options_on(self, proxy: str, handler: str) -> dict[str, Any]:
        """The options of a handler on a proxy, defaults where none are known."""
        defaults = {field.name: field.default for field in self.catalogue.get(handler, ())}
        asked = self.outbox.options.get((proxy, handler), {})
        found = {**defaults, **self.store.options(proxy, handler), **asked}
        return {n: defaults.get(n) if value is None else value for n, value in found.items()}

    def place(self, handler: str) -> int:
        """Where a handler stands among its peers: the order of the keys."""
        return self.names.index(handler) if handler in self.names else len(self.names)

    # --- what the screens ask for ----------------------------------------------------------

    def flash(self, text: str, role: str = "dim") -> None:
        """Say something above the footer, for as long as it takes to read."""
        lasts = FLASH + len(text) * READING
        self.flashed = Flash(safe_text(text, limit=600), role, self.clock() + lasts)

    def fault(self, identity: str, argument: str = "", *, by_key: bool = False) -> None:
        """Perform an action that changes faults.

        A single key that could break more than was meant asks for a second press; what was
        chosen by its name does not.
        """
        if self.hasty():
            return
        now = self._situation
        now.proxies, now.names, now.selected = self.proxies, self.names, self.selected
        now.everything, now.pins, now.doors = self.everything, self.store.pins(), self.doors
        now.remember()
        try:
            change = FAULTS[identity](now, argument)
        except Mistyped as error:
            self.flash(str(error), "warn")
            return
        self.selected = now.selected
        token = f"{identity} {argument} {self.store.scope}"
        if not by_key or self._meant(token, change.do, change.label):
            self.apply(change)

    def _meant(self, token: str, made: Sequence[Call], label: str) -> bool:
        """Whether a key was meant: one that could break much is pressed twice."""
        if not sweeps(made, self.everything) or self.twice.granted(token, self.clock()):
            return True
        self.flash(f"press again: {label} · any other key cancels", "warn")
        return False

    def hasty(self) -> bool:
        """Whether a key that changes faults comes so soon after a dialog that it is typing."""
        hasty = self.clock() < self.guard_until
        if hasty:
            self.flash("key ignored: a dialog just closed", "warn")
        return hasty

    def set_option(self, argument: str) -> None:
        """Set an option by ``NAME OPTION VALUE``."""
        words = argument.split(maxsplit=2)
        fields = {field.name: field for field in self.catalogue.get(words[0] if words else "", ())}
        if len(words) < 3 or words[1] not in fields:
            self.flash("handler, option and value are wanted: delay sleep 1.5s", "warn")
            return
        try:
            value = fields[words[1]].read(words[2])
        except form.FieldError as error:
            self.flash(str(error), "bad")
            return
        self.select(words[0])
        self.put_option(words[0], words[1], value)

    def put_option(self, handler: str, name: str, value: object) -> None:
        """Give an option of a handler a value on the proxies in view; None: its default."""
        before = {p.name: self.options_on(p.name, handler).get(name) for p in self.proxies}
        self.apply(changes.option(handler, name, value, before))

    def apply(self, change: Change) -> None:
        """Send a change, to be shown as pending until the engine acknowledges it."""
        self.outbox.apply(change)

    def undo(self, *, by_key: bool = False) -> None:
        """Take back the last change."""
        change = self.outbox.to_undo
        if not by_key or change is None or self._meant("undo", change.undo, f"undo {change.label}"):
            self.outbox.undo()

    def redo(self, *, by_key: bool = False) -> None:
        """Make the last undone change again."""
        change = self.outbox.to_redo
        if not by_key or change is None or self._meant("redo", change.do, f"again {change.label}"):
            self.outbox.redo()

    def guard(self) -> None:
        """A dialog or filter closed: ignore fault keys for a moment."""
        self.guard_until = self.clock() + GUARD

    def freeze(self) -> None:
        """Freeze the display, or let it go on."""
        if self.frozen_at is None:
            self.frozen_at, self.frozen_total = self.clock(), self.store.log.total
        else:
            self.frozen_at = None

    def select(self, handler: str) -> None:
        """Select a handler."""
        if handler in self.names:
            self.selected = handler

    def show_proxy(self, step: int) -> None:
        """Look at the next proxy or the one before; all of them stand between last and first."""
        names = ["", *(proxy.name for proxy in self.store.proxies)]
        if len(names) <= 2:
            self.flash("there is only one proxy")
            return
        at = names.index(self.store.scope) if self.store.scope in names else 0
        self.look_at(names[(at + step) % len(names)])

    def look_at(self, proxy: str) -> None:
        """Look at one proxy, or at all with an empty name."""
        self.store.look_at(proxy)
        self.flash(f"proxy {proxy}" if proxy else "all proxies")

    def saved(self) -> None:
        """What runs has been written to its profile: the next frame is the saved state."""
        self._saved_revision = None

    # --- the link --------------------------------------------------------------------------

    async def begin(self) -> None:
        """Ask once for what does not change: handlers with their options, and protocols."""
        handlers = await self.link.do(calls.handlers())
        for entry in handlers:
            self.catalogue[entry.name] = form.fields(map(msgspec.to_builtins, entry.options))
            self.helps[entry.name] = entry.help
        self.doors = frozenset(entry.name for entry in handlers if entry.scope == "listener")
        self.protocols = {entry.name: entry for entry in await self.link.do(calls.protocols())}
        self._order()

    async def follow(self) -> None:
        """Apply live frames for ever; an engine that is lost is looked for again."""
        while True:
            try:
                if not self.catalogue:
                    await self.begin()
                async for frame in self.link.live(hz=10):
                    self._apply(frame)
                self.lost = "the engine ended the connection"
            except (ChaosError, OSError, EOFError) as error:
                self.lost = safe_text(str(error) or type(error).__name__, limit=120)
            self.on_frame(())
            await asyncio.sleep(RETRY)

    async def deliver(self) -> None:
        """Send changes one after the other, for ever."""
        while True:
            await self.outbox.deliver()
            self.on_frame(())

    async def follow_tap(self, connection: int) -> None:
        """Collect the payload of one connection until cancelled."""
        self.tap = tap = Tap(connection)
        async for entry in self.link.tap(connection):
            data = bytes(entry["bytes"])
            tap.add(str(entry["direction"]), int(entry["offset"]), data, float(entry.get("at", 0)))

    async def learn_options(self, handler: str) -> None:
        """Ask for the options of a handler that is not in the mix."""
        for proxy in self.store.in_view:
            try:
                answer = await self.link.do(calls.handler(handler, proxy=proxy.name))
            except (ChaosError, OSError):
                return
            self.store.learn(proxy.name, answer)

    async def _send(self, call: Call) -> None:
        """Make a call of a change and take its answer over, ahead of the next frame."""
        call.answered(self.store, await self.link.do(call.ask))

    def _apply(self, frame: Frame) -> None:
        self.lost = ""
        lines = self.store.apply(frame)
        if self._saved_revision is None:
            self._saved_revision = frame.engine.revision
        self._order()
        for line in lines:
            if line.kind == "change" and not line.text.startswith(f"{self.actor}:"):
                self.flash(line.text, "accent")
            if line.connection == self.tap.connection and line.kind == "fault":
                self.tap.note(f"{line.handler}: {line.text}", line.at)
        self.on_frame(lines)

    def _order(self) -> None:
        """Give handlers their keys; a key keeps its meaning once it has one."""
        view = self.store.in_view
        behavior = view[0].behavior if view else ""
        first = len(self.names) == 1 and self.store.engine is not None and self.catalogue
        if first or any(name not in self.names for name in mix.read(behavior)):
            self.names = mix.order(behavior, self.catalogue, self.names)
            if self.selected == mix.NORMAL and len(self.names) > 1:
                self.selected = self.names[1]
