"""The console's link to its engine: frames in, changes out, and what is shown as pending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from chaostui.client.frame import Frame
from chaostui.engine.views import ProxyView
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.model import changes, form, mix
from chaostui.tui.model.changes import Change, Request
from chaostui.tui.model.faults import FAULTS, Mistyped, Situation
from chaostui.tui.model.lines import Line
from chaostui.tui.model.store import FrameStore
from chaostui.tui.model.tap import Tap
from chaostui.tui.model.twice import Twice
from chaostui.tui.model.undo import UndoStack

GUARD = 0.3
"""For so long after a dialog closed, keys that change faults are taken for typing."""
FLASH = 5.0
"""How long the last thing that happened stays in the footer, in seconds."""


class Link(Protocol):
    """What the console needs of a client; paths begin after ``/api/v1``."""

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any: ...

    def live(self, *, hz: float) -> AsyncIterator[Frame]: ...

    def tap(self, connection: int) -> AsyncIterator[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Flash:
    """One line on what just happened, and how it is coloured."""

    text: str = ""
    role: str = "dim"
    until: float = 0.0


class Session:
    """Everything the screens show and everything they ask for.

    Screens read its attributes and call its methods; ``on_frame`` is called with the new
    events after each frame and after each answer.
    """

    def __init__(
        self, link: Link, *, actor: str = "console", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.link = link
        self.actor = actor
        self.clock = clock
        self.store = FrameStore()
        self.names: tuple[str, ...] = (mix.NORMAL,)
        self.selected = mix.NORMAL
        self.catalogue: dict[str, tuple[form.Field, ...]] = {}
        self.helps: dict[str, str] = {}
        self.protocols: tuple[str, ...] = ("tcp",)
        self.lost = ""
        self.frozen_at: float | None = None
        self.frozen_total = 0
        self.guard_until = 0.0
        self.twice = Twice()
        self.flashed = Flash()
        self.tap = Tap(0)
        self.on_frame: Callable[[Sequence[Line]], None] = lambda lines: None
        self._undo: UndoStack[Change] = UndoStack()
        self._outbox: asyncio.Queue[Change] = asyncio.Queue()
        self._waiting: list[Change] = []
        self._expected: dict[str, str] = {}
        self._options: dict[tuple[str, str], dict[str, Any]] = {}
        self._expected_options: dict[tuple[str, str], dict[str, Any]] = {}
        self._situation = Situation()
        self._saved_revision: int | None = None

    # --- what the screens read -------------------------------------------------------------

    @property
    def pending(self) -> set[tuple[str, str]]:
        """Pairs of proxy and handler (or ``handler.option``) not acknowledged yet."""
        return {touch for change in self._waiting for touch in change.touches}

    @property
    def proxies(self) -> tuple[ProxyView, ...]:
        """The proxies in view, with what was asked for and is not acknowledged yet."""
        return tuple(
            msgspec.structs.replace(proxy, behavior=self._expected[proxy.name])
            if proxy.name in self._expected
            else proxy
            for proxy in self.store.in_view
        )

    @property
    def unsaved(self) -> bool:
        """Whether anything changed since the start or the last save."""
        engine = self.store.engine
        return engine is not None and engine.revision != (self._saved_revision or engine.revision)

    def situation(self) -> Situation:
        """What a fault key acts on now."""
        self._situation.proxies = self.proxies
        self._situation.names = self.names
        self._situation.selected = self.selected
        return self._situation

    def options(self, handler: str) -> dict[str, Any]:
        """The options of a handler on the first proxy in view, defaults where none are known."""
        found = {field.name: field.default for field in self.catalogue.get(handler, ())}
        for proxy in self.store.in_view[:1]:
            found.update(self._options.get((proxy.name, handler), {}))
            for view in proxy.mix:
                if view.name == handler:
                    found.update(view.options)
            found.update(self._expected_options.get((proxy.name, handler), {}))
        return found

    def flash(self, text: str, role: str = "dim") -> None:
        """Say something in the footer for a while."""
        self.flashed = Flash(safe_text(text, limit=160), role, self.clock() + FLASH)

    # --- what the screens ask for ----------------------------------------------------------

    def fault(self, identity: str, argument: str = "") -> None:
        """Perform an action that changes faults."""
        if self.clock() < self.guard_until:
            self.flash("key ignored: a dialog just closed", "warn")
            return
        now = self.situation()
        now.remember()
        try:
            change = FAULTS[identity](now, argument)
        except Mistyped as error:
            self.flash(str(error), "warn")
            return
        self.apply(change)

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
        before = self.options(words[0])
        self.apply(changes.options(self.proxies, words[0], {words[1]: value}, before))

    def apply(self, change: Change) -> None:
        """Send a change, to be shown as pending until the engine acknowledges it."""
        if not change:
            self.flash(change.label, "warn")
            return
        if change.undo:
            self._undo.push(change)
        self._enqueue(change)

    def undo(self) -> None:
        """Take back the last change."""
        change = self._undo.undo()
        if change is None:
            self.flash("nothing to undo", "warn")
        else:
            back = Change(f"undone: {change.label}", change.undo, (), change.touches)
            self._enqueue(back)

    def redo(self) -> None:
        """Make the last undone change again."""
        change = self._undo.redo()
        if change is None:
            self.flash("nothing to redo", "warn")
        else:
            self._enqueue(Change(f"again: {change.label}", change.do, (), change.touches))

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
            self.flash("there is only one proxy", "dim")
            return
        at = names.index(self.store.scope) if self.store.scope in names else 0
        self.look_at(names[(at + step) % len(names)])

    def look_at(self, proxy: str) -> None:
        """Look at one proxy, or at all with an empty name."""
        self.store.look_at(proxy)
        self.flash(f"proxy {proxy}" if proxy else "all proxies")

    def saved(self) -> None:
        """What runs has been written to its profile."""
        self._saved_revision = self.store.engine.revision if self.store.engine else None

    # --- the link --------------------------------------------------------------------------

    async def begin(self) -> None:
        """Ask once for what does not change: handlers with their options, and protocols."""
        for entry in await self.link.request("GET", "/handlers"):
            self.catalogue[entry["name"]] = form.fields(entry["options"])
            self.helps[entry["name"]] = str(entry.get("help", ""))
        self.protocols = tuple(p["name"] for p in await self.link.request("GET", "/protocols"))
        self._order()

    async def follow(self) -> None:
        """Apply live frames for ever; an engine that is lost is looked for again."""
        while True:
            try:
                if not self.catalogue:
                    await self.begin()
                async for frame in self.link.live(hz=10):
                    self.lost = ""
                    self._apply(frame)
                self.lost = "the engine ended the connection"
            except (ChaosError, OSError, EOFError) as error:
                self.lost = safe_text(str(error) or type(error).__name__, limit=120)
            self.on_frame(())
            await asyncio.sleep(0.5)

    async def deliver(self) -> None:
        """Send changes one after the other, for ever."""
        while True:
            await self.deliver_one()

    async def deliver_one(self) -> None:
        """Send the oldest change that waits, as soon as there is one."""
        change = await self._outbox.get()
        try:
            for request in change.do:
                self._answered(request, await self._send(request))
            self.flash(f"{change.label} · u undo" if change.undo else change.label, "good")
        except (ChaosError, OSError) as error:
            self.flash(f"{change.label} failed: {error}", "bad")
        self._waiting.remove(change)
        if not self._waiting:
            self._expected.clear()
        self.on_frame(())

    async def follow_tap(self, connection: int) -> None:
        """Collect the payload of one connection until cancelled."""
        self.tap = tap = Tap(connection)
        async for entry in self.link.tap(connection):
            data = bytes(entry["bytes"])
            tap.add(str(entry["direction"]), int(entry["offset"]), data, float(entry.get("at", 0)))

    async def learn_options(self, handler: str) -> None:
        """Ask for the options of a handler that is not in the mix."""
        for proxy in self.store.in_view[:1]:
            path = changes.proxy_path(proxy.name, "handlers", handler)
            try:
                answer = await self.link.request("GET", path)
            except (ChaosError, OSError):
                return
            self._options[proxy.name, handler] = dict(_plain(answer)["options"])

    async def _send(self, request: Request) -> Any:
        return await self.link.request(request.method, request.path, request.body)

    def _enqueue(self, change: Change) -> None:
        self._waiting.append(change)
        for request in change.do:
            self._expect(request)
        self.flash(f"{change.label} …")
        self._outbox.put_nowait(change)

    def _expect(self, request: Request) -> None:
        """Work out what a request will make of a mix or of options, ahead of the answer."""
        for proxy in self.proxies:
            body = request.body or {}
            if request.path == changes.proxy_path(proxy.name, "mix"):
                if "behavior" in body:
                    self._expected[proxy.name] = body["behavior"]
                else:
                    self._expected[proxy.name] = mix.write(mix.read(proxy.behavior) | dict(body))
            elif request.path.startswith(changes.proxy_path(proxy.name, "handlers") + "/"):
                handler = request.path.rpartition("/")[2]
                defaults = {field.name: field.default for field in self.catalogue.get(handler, ())}
                wanted = {n: defaults.get(n) if v is None else v for n, v in body.items()}
                self._expected_options.setdefault((proxy.name, handler), {}).update(wanted)

    def _answered(self, request: Request, answer: Any) -> None:
        if "/handlers/" in request.path and answer is not None:
            view = _plain(answer)
            proxy = request.path.split("/")[2]
            self._options[proxy, view["name"]] = dict(view["options"])
        elif request.path.endswith(("/mix", "/bypass")) and answer is not None:
            self.store.acknowledge(msgspec.convert(_plain(answer), ProxyView, strict=False))

    def _apply(self, frame: Frame) -> None:
        lines = self.store.apply(frame)
        if self._saved_revision is None and self.store.engine is not None:
            self._saved_revision = self.store.engine.revision
        if not self._waiting:
            self._expected_options.clear()
        self._order()
        for line in lines:
            if line.kind == "change" and not line.text.startswith(f"{self.actor}:"):
                self.flash(line.text, "accent")
            if line.connection == self.tap.connection and line.kind == "fault":
                self.tap.note(f"{line.handler}: {line.text}", line.at)
        self.on_frame(lines)

    def _order(self) -> None:
        behavior = self.store.in_view[0].behavior if self.store.in_view else ""
        fresh = len(self.names) == 1 and (self.store.engine is not None) and self.catalogue
        if fresh or any(name not in self.names for name in mix.read(behavior)):
            self.names = mix.order(behavior, self.catalogue, self.names)
            if self.selected == mix.NORMAL and len(self.names) > 1:
                self.selected = self.names[1]


def _plain(answer: Any) -> dict[str, Any]:
    """An answer as a map, whether the client made a view of it or not."""
    plain: dict[str, Any] = msgspec.to_builtins(answer)
    return plain
