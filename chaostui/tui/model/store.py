"""What the console knows of the engine: live frames applied, nothing ever asked twice."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chaostui.events import Closed
from chaostui.tui.model.history import SECONDS, History
from chaostui.tui.model.lines import EventLog, Line
from chaostui.tui.model.rows import CLOSED, Rows
from chaostui.wire.frame import COLUMNS, Frame
from chaostui.wire.views import EngineView, HandlerView, ProxyView

GHOSTS = 500
"""How many closed connections stay visible."""
RATE_WINDOW = 2
"""Rates are measured over so many seconds."""

Columns = dict[str, "array[Any]"]


class FrameStore:
    """The engine's newest state, its connections as rows, its events and its history.

    ``scope`` is the name of the proxy in view, or empty for all of them.
    """

    def __init__(self) -> None:
        self.engine: EngineView | None = None
        self.at = 0.0
        self.seq = 0
        self.rows = Rows.empty()
        self.log = EventLog()
        self.scope = ""
        self.sparks = History(0.5, 600)
        self.timeline = History(1.0, SECONDS)
        self._addresses: dict[int, tuple[str, str]] = {}
        self._texts: dict[int, tuple[str, str, str]] = {}
        self._options: dict[tuple[str, str], dict[str, Any]] = {}
        self._columns: Columns = {name: array(code) for name, code in COLUMNS.items()}
        self._ghosts: deque[dict[str, float]] = deque()
        self._totals: deque[tuple[float, dict[int, int]]] = deque(maxlen=RATE_WINDOW)
        self._rates: dict[int, float] = {}

    @property
    def proxies(self) -> tuple[ProxyView, ...]:
        """All proxies of the engine."""
        return self.engine.proxies if self.engine is not None else ()

    @property
    def in_view(self) -> tuple[ProxyView, ...]:
        """The proxies in view: the one in scope, or all."""
        chosen = tuple(proxy for proxy in self.proxies if proxy.name == self.scope)
        return chosen or self.proxies

    def look_at(self, proxy: str) -> None:
        """Bring one proxy into view, or all with an empty name."""
        self.scope = proxy
        self.sparks.clear()
        self.timeline.clear()

    def apply(self, frame: Frame) -> list[Line]:
        """Apply one live frame and say which events it brought."""
        self.engine = frame.engine
        self.at, self.seq = frame.at, frame.seq
        self._tell(frame)
        columns: Columns = {name: frame.column(name) for name in COLUMNS}
        if columns["id"] != self._columns["id"]:
            self._bury(columns["id"])
        self._settle(frame)
        self._columns = columns
        self._measure(columns)
        self._take(columns, tuple(frame.handlers))
        self.sparks.add(self.at, self.in_view, self.engine.events)
        self.timeline.add(self.at, self.in_view, self.engine.events)
        return self.log.add(map(msgspec.to_builtins, frame.events), frame.events_skipped)

    def acknowledge(self, proxy: ProxyView) -> None:
        """Take over what the engine answered to a change, ahead of the next frame."""
        if self.engine is not None:
            known = {view.name: view for view in self.engine.proxies} | {proxy.name: proxy}
            self.engine = msgspec.structs.replace(self.engine, proxies=tuple(known.values()))

    def alter(self, expect: Callable[[ProxyView], ProxyView]) -> None:
        """Take over what has come as it was expected."""
        if self.engine is not None:
            proxies = tuple(map(expect, self.engine.proxies))
            self.engine = msgspec.structs.replace(self.engine, proxies=proxies)

    def learn(self, proxy: str, handler: HandlerView) -> None:
        """Take over how a handler stands on a proxy, be it switched on or not."""
        self._options[proxy, handler.name] = handler.options

        def renewed(view: ProxyView) -> ProxyView:
            if view.name != proxy:
                return view
            mix = tuple(
                msgspec.structs.replace(each, options=handler.options)
                if each.name == handler.name
                else each
                for each in view.mix
            )
            return msgspec.structs.replace(view, mix=mix)

        self.alter(renewed)

    def options(self, proxy: str, handler: str) -> dict[str, Any]:
        """The options of a handler on a proxy, as far as they are known."""
        found = dict(self._options.get((proxy, handler), {}))
        for view in self.proxies:
            if view.name == proxy:
                for each in view.mix:
                    if each.name == handler:
                        found.update(each.options)
        return found

    def pins(self) -> dict[str, dict[int, str]]:
        """The live connections that have a handler of their own: by proxy, id and handler."""
        found: dict[str, dict[int, str]] = {}
        if any(proxy.pins for proxy in self.proxies):
            rows = self.rows
            columns = (rows.columns["id"], rows.columns["state"])
            texts = (rows.texts("proxy"), rows.texts("pinned"))
            for identity, state, proxy, handler in zip(*columns, *texts, strict=True):
                if handler and state != CLOSED:
                    found.setdefault(proxy, {})[int(identity)] = handler
        return found

    def _tell(self, frame: Frame) -> None:
        for identity, client, backend in frame.opened:
            self._addresses[identity] = (client, backend)
        self._texts.update(frame.changed)

    def _bury(self, now: Sequence[float]) -> None:
        """Keep rows of connections that are gone as closed ones, the newest of them."""
        alive = set(now)
        before = self._columns
        for index, identity in enumerate(before["id"]):
            if identity not in alive:
                ghost = {name: column[index] for name, column in before.items()}
                self._ghosts.append(ghost | {"state": CLOSED, "held": 0})
        while len(self._ghosts) > GHOSTS:
            gone = int(self._ghosts.popleft()["id"])
            self._addresses.pop(gone, None)
            self._texts.pop(gone, None)

    def _settle(self, frame: Frame) -> None:
        """Give closed rows the figures that they had at their end."""
        finals = {event.connection: event for event in frame.events if isinstance(event, Closed)}
        for ghost in self._ghosts if finals else ():
            final = finals.get(int(ghost["id"]))
            if final is not None:
                ghost.update(upstream=final.upstream, downstream=final.downstream)
                ghost.update(age=final.seconds)

    def _measure(self, columns: Columns) -> None:
        """Renew the rates once a second: rows are sorted by them as often."""
        if self._totals and self.at - self._totals[-1][0] < 0.95:
            return
        ids = columns["id"]
        sums = zip(ids, columns["upstream"], columns["downstream"], strict=True)
        totals = {int(i): int(up + down) for i, up, down in sums}
        if self._totals:
            then, before = self._totals[0]
            span = max(self.at - then, 1e-3)
            earlier = before.get
            # One that is new began at zero; ages tell nothing a second later.
            self._rates = {i: (n - earlier(i, 0)) / span for i, n in totals.items()}
        self._totals.append((self.at, totals))

    def _take(self, columns: Columns, handlers: tuple[str, ...]) -> None:
        shown: Columns = columns
        if self._ghosts:
            shown = {name: column[:] for name, column in columns.items()}
            for name, column in shown.items():
                column.extend([ghost[name] for ghost in self._ghosts])
        names = tuple(proxy.name for proxy in self.proxies)
        self.rows = Rows(shown, self._rates, handlers, names, self._addresses, self._texts)

    def __repr__(self) -> str:
        return f"<FrameStore frame {self.seq}, {len(self.rows)} rows, {len(self.log)} events>"
