"""Makes plans of settings: every name known, every option read, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaostui.catalog import Catalog
from chaostui.engine.faults.overlays import RawOptions
from chaostui.engine.faults.plan import Armed, ArmedEntry, Plan, by_mix
from chaostui.errors import Problem, SettingsError
from chaostui.handler import Direction, Handler, Limits
from chaostui.options import describe, read, unknown
from chaostui.protocol import Protocol
from chaostui.settings import ChainEntry, Mix

NORMAL = "normal"


def handler_class(catalog: Catalog, name: str) -> type[Handler]:
    """The class of a handler's name or alias; SettingsError names the nearest."""
    try:
        return catalog.handlers[name]
    except KeyError:
        what = unknown("handler", name, catalog.handlers)
        raise SettingsError(Problem("", what)) from None


def read_options(
    kind: type[Handler], raw: Mapping[str, Any], protocol: type[Protocol], place: str
) -> Limits:
    """Read a handler's options for a proxy that speaks ``protocol``; SettingsError."""
    try:
        options = read(kind.Options, raw)
    except SettingsError as error:
        problems = (Problem(f"{place}.{p.place}", p.what) for p in error.problems)
        raise SettingsError(*problems) from None
    wrong = kind.refusal(options, protocol)
    if wrong:
        raise SettingsError(Problem(place, wrong))
    return options


class Compiled:
    """A plan, and what has to change on the handlers that it keeps."""

    def __init__(self) -> None:
        self.mix: dict[str, Armed] = {}
        self.chain: list[ArmedEntry] = []
        self._updates: list[tuple[Armed, Limits, float]] = []

    def arm(self, old: Armed | None, kind: type[Handler], options: Limits, weight: float) -> Armed:
        """Keep what is on already, with its hits and shared state, or switch it on."""
        armed = old if old is not None and old.kind is kind else Armed(kind, options, weight)
        self._updates.append((armed, options, weight))
        return armed

    @property
    def plan(self) -> Plan:
        """The plan."""
        drawn = [armed for armed in self.mix.values() if armed.kind.scope == "connection"]
        chain = [entry for entry in self.chain if entry.armed.kind.scope == "connection"]
        doors = [by_mix(armed) for armed in self.mix.values() if armed not in drawn]
        doors += [entry for entry in self.chain if entry not in chain]
        return Plan(tuple(drawn), tuple(chain), self.mix, tuple(doors))

    def apply(self) -> frozenset[Armed]:
        """Give the kept handlers their weights and options; return those with new options."""
        changed = set()
        for armed, options, weight in self._updates:
            armed.weight = weight
            if armed.options != options:
                armed.options = options
                changed.add(armed)
        return frozenset(changed)


def compile_plan(
    catalog: Catalog,
    protocol: type[Protocol],
    mix: Mix,
    raw: RawOptions,
    chain: tuple[ChainEntry, ...],
    before: Plan,
) -> Compiled:
    """What ``mix`` and ``chain`` switch on; SettingsError, and nothing changed, when wrong."""
    compiled = Compiled()
    for name, weight in mix.weights:
        kind = handler_class(catalog, name)
        if kind.name == NORMAL or not weight:
            continue
        if kind.name in compiled.mix:
            raise SettingsError(Problem("behavior", f"{kind.name!r} stands there twice"))
        options = read_options(kind, raw.get(kind.name, {}), protocol, f"handler.{kind.name}")
        old = before.handlers.get(kind.name)
        compiled.mix[kind.name] = compiled.arm(old, kind, options, weight)
    for entry in chain:
        _compile_entry(catalog, protocol, entry, before, compiled)
    return compiled


def _compile_entry(
    catalog: Catalog,
    protocol: type[Protocol],
    entry: ChainEntry,
    before: Plan,
    compiled: Compiled,
) -> None:
    kind = handler_class(catalog, entry.handler)
    name = entry.name or entry_name(entry)
    if any(other.name == name for other in compiled.chain):
        raise SettingsError(Problem(f"chain.{name}", "there is an entry of that name already"))
    raw = dict(entry.options)
    if any(option.name == "direction" for option in describe(kind.Options)):
        raw.setdefault("direction", entry.direction)
    options = read_options(kind, raw, protocol, f"chain.{name}")
    known = (*before.chain, *(door for door in before.doors if door.directions))
    old = next((other.armed for other in known if other.name == name), None)
    directions = _directions(entry, options)
    armed = compiled.arm(old, kind, options, 100.0)
    compiled.chain.append(ArmedEntry(name, armed, directions, entry.probability))


def _directions(entry: ChainEntry, options: Limits) -> tuple[Direction, ...]:
    """The ways an entry stands in: those that its handler's option ``at`` means, or its own."""
    match getattr(options, "at", "anywhere"):
        case "request":
            return ("upstream",)
        case "reply" | "mid-reply":
            return ("downstream",)
    return ("upstream", "downstream") if entry.direction == "both" else (entry.direction,)


def entry_name(entry: ChainEntry) -> str:
    """The name of an entry that was given none: ``delay_downstream``."""
    return f"{entry.handler}_{entry.direction}"
