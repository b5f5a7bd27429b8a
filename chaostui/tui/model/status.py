"""The state of faults in words: what the top bar always says of the whole engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from chaostui.safe_text import safe_text
from chaostui.tui.model import figures, mix
from chaostui.wire.views import EngineView, ProxyView

DOORS = {"refuse": "refuses clients", "stall": "keeps clients waiting"}


@dataclass(frozen=True)
class Status:
    """What is on, where, and what ends when.

    ``wordings`` say the same, each shorter than the one before; ``fit`` chooses one.
    """

    wordings: tuple[str, ...]
    role: str
    """``good``, ``warn`` or ``bad``: how the words are coloured."""
    ending: str = ""
    faults: bool = False
    """Whether anything is injected, or a proxy is closed or frozen."""

    @property
    def word(self) -> str:
        """All of it."""
        return self.wordings[0]

    def fit(self, room: int) -> str:
        """The longest wording that has room; the shortest one where none has."""
        return next((word for word in self.wordings if cell_len(word) <= room), self.wordings[-1])


@dataclass(frozen=True)
class _Place:
    """What is on at one proxy."""

    name: str
    share: float = 0.0
    more: tuple[str, ...] = ()
    """What is on beside the mix."""
    owner: str = ""
    closed: bool = False
    bypass: bool = False
    frozen: bool = False

    @property
    def faults(self) -> bool:
        return bool(self.share or self.more)

    def told(self, *, owner: bool = True) -> str:
        """``20% by checkout_test + chain 1 + 2 pinned``."""
        by = f" by {self.owner}" if owner and self.owner else ""
        words = [f"{figures.percent(self.share)}{by}"] if self.share else []
        return " + ".join([*words, *self.more])


def status(
    engine: EngineView | None, proxies: Sequence[ProxyView], view: Sequence[str] = ()
) -> Status:
    """Say what is being injected into all proxies of an engine; ``view`` names those in view."""
    if engine is None:
        return Status(("WAITING FOR THE ENGINE", "WAITING"), "warn")
    if not proxies and not engine.halt.halted:
        return Status(("NO PROXY YET",), "warn")
    places = [_place(proxy, passing=engine.halt.halted) for proxy in proxies]
    on = [place for place in places if place.faults]
    closed = [place for place in places if place.closed]
    frozen = [place for place in places if place.frozen]
    passing = [place for place in places if place.bypass]
    head = _halted(engine)
    if not head and len(passing) == len(places):
        return Status(("BYPASS: everything passes", "BYPASS"), "warn")
    if not (head or on or closed or frozen or passing):
        return Status((f"ALL NORMAL{_spared(proxies)}", "ALL NORMAL"), "good")
    role = "bad" if on or closed or frozen else "warn"
    kept = (("CLOSED", closed), ("FROZEN", frozen), ("BYPASS", passing))
    return Status(
        _wordings(head, on, kept, places, view),
        role,
        _ending(proxies),
        faults=bool(on or closed or frozen),
    )


def _halted(engine: EngineView) -> str:
    if not engine.halt.halted:
        return ""
    return f"HALTED by {safe_text(engine.halt.by or 'somebody', limit=24)}"


def _place(proxy: ProxyView, *, passing: bool) -> _Place:
    name = safe_text(proxy.name, limit=24)
    if not proxy.enabled:
        return _Place(name, closed=True)
    if proxy.frozen:
        return _Place(name, frozen=True)
    if proxy.bypass:
        return _Place(name, bypass=True)
    if passing:
        return _Place(name)
    chained = sum(entry.probability > 0 for entry in proxy.chain)
    pinned = sum(number for handler, number in proxy.pins.items() if handler != mix.NORMAL)
    more = [f"chain {chained}"] if chained else []
    more += [f"{pinned} pinned"] if pinned else []
    more += [DOORS[proxy.door]] if proxy.door in DOORS else []
    top = proxy.faults[-1] if proxy.faults else None
    share = mix.faulty(mix.read(proxy.behavior))
    owner = safe_text(top.owner, limit=40) if share and top is not None and top.session else ""
    return _Place(name, share, tuple(more), owner)


def _spared(proxies: Sequence[ProxyView]) -> str:
    """Connections that were pinned to be spared are told too."""
    pinned = sum(proxy.pins.get(mix.NORMAL, 0) for proxy in proxies)
    return f" · {pinned} pinned" if pinned else ""


def _wordings(
    head: str,
    on: Sequence[_Place],
    kept: Sequence[tuple[str, Sequence[_Place]]],
    places: Sequence[_Place],
    view: Sequence[str],
) -> tuple[str, ...]:
    """From every proxy by its name to how many there are."""
    one = len(places) == 1
    calm = [p.name for p in places if not (p.faults or p.closed or p.frozen or p.bypass)]
    beside = [name for name in calm if name in view and len(view) == 1]
    heads = [head] if head else []
    long, short, counted = [*heads], [*heads], [*heads]
    if beside:
        long.append(f"{beside[0]} normal")
    if on:
        long.append("FAULTS ON " + ", ".join(_named(p, one, p.told()) for p in on))
        share = [p.told(owner=False) for p in on]
        short.append(
            "FAULTS ON " + ", ".join(_named(p, one, t) for p, t in zip(on, share, strict=True))
        )
        counted.append(f"FAULTS ON {share[0] if one else f'{len(on)}/{len(places)}'}")
    for word, some in kept:
        if some:
            # The display can be frozen too.
            said = "PROXY FROZEN" if one and word == "FROZEN" else word
            names = ", ".join(place.name for place in some)
            long.append(said if one else f"{word} {names}")
            short.append(said if one else f"{word} {names}")
            counted.append(said if one else f"{word} {len(some)}/{len(places)}")
    return (" · ".join(long), " · ".join(short), " · ".join(counted), counted[0])


def _named(place: _Place, one: bool, words: str) -> str:
    return words if one else f"{place.name} {words}"


def _ending(proxies: Sequence[ProxyView]) -> str:
    """What ends first of all that ends by itself."""
    ends = [(v.ends_in, v.name) for p in proxies for v in p.mix if v.ends_in is not None]
    ends += [(f.ends_in, f.behavior) for p in proxies for f in p.faults if f.ends_in is not None]
    if not ends:
        return ""
    left, name = min(ends)
    return f"{safe_text(name.removeprefix('100:'), limit=20)} ends {figures.clock(left)}"
