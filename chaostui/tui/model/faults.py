"""What each key that changes faults does, worked out from what the operator sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chaostui.engine.views import ProxyView
from chaostui.tui.model import changes, figures, mix
from chaostui.tui.model.changes import Change


class Mistyped(ValueError):
    """An argument that cannot be used; the text says what is expected."""


@dataclass
class Situation:
    """What a fault key acts on: the proxies in view, the handlers and the selected one."""

    proxies: Sequence[ProxyView] = ()
    names: tuple[str, ...] = (mix.NORMAL,)
    selected: str = mix.NORMAL
    remembered: dict[tuple[str, str], float] = field(default_factory=dict)
    """The last weight that each proxy's handlers had when they were on."""
    before_solo: dict[str, str] = field(default_factory=dict)
    """The mix that each proxy had before a solo."""

    def remember(self) -> None:
        """Note the weights in force, for switching handlers on again."""
        for proxy in self.proxies:
            weights = mix.read(proxy.behavior)
            whole = mix.faulty(weights)
            if 0 < whole < 100:
                self.remembered[proxy.name, mix.NORMAL] = whole
            for name, weight in weights.items():
                if weight > 0 and weights != {name: 100.0}:
                    self.remembered[proxy.name, name] = weight

    def named(self, word: str) -> str:
        """The handler a word means: its number, its name, or the start of its name."""
        if not word:
            return self.selected
        if word.isdigit():
            if 1 <= int(word) <= len(self.names):
                return self.names[int(word) - 1]
            raise Mistyped(f"there is no handler {word}")
        found = [name for name in self.names if name == word] or [
            name for name in self.names if name.startswith(word)
        ]
        if len(found) != 1:
            raise Mistyped(f"no handler is named {word!r} (there are {', '.join(self.names)})")
        return found[0]


def _toggle(now: Situation, argument: str) -> Change:
    name = now.named(argument)

    def compute(proxy: ProxyView, weights: mix.Weights) -> mix.Weights:
        return mix.toggle(weights, name, now.remembered.get((proxy.name, name), 0.0))

    change = changes.reweigh(now.proxies, name, compute)
    return change or Change(_why_not(now, name), ())


def _why_not(now: Situation, name: str) -> str:
    if not now.proxies:
        return "there is no proxy yet"
    if name == mix.NORMAL:
        return "no fault is on: everything is normal"
    return f"no weight is left for {name}: lower another first, or 0 for all normal"


def _step(delta: float) -> Callable[[Situation, str], Change]:
    def step(now: Situation, argument: str) -> Change:
        name = now.named(argument)
        change = changes.reweigh(now.proxies, name, lambda _, w: mix.step(w, name, delta))
        if change or not now.proxies:
            return change
        return Change(_why_not(now, name) if delta > 0 else f"{name} is at its lowest", ())

    return step


def _equal(now: Situation, argument: str) -> Change:
    change = changes.reweigh(now.proxies, now.selected, lambda _, w: mix.equal(w))
    return Change("spread equally", change.do, change.undo, change.touches) if change else change


def _weight(now: Situation, argument: str) -> Change:
    word, _, number = argument.rpartition(" ")
    name = now.named(word.strip())
    try:
        weight = figures.parse_number(number.rstrip("%"))
    except ValueError:
        raise Mistyped(f"{number!r} is not a percentage from 0 to 100") from None
    if not 0 <= weight <= 100:
        raise Mistyped(f"{number!r} is not a percentage from 0 to 100")
    return changes.reweigh(now.proxies, name, lambda _, w: mix.set_weight(w, name, weight))


def _normal(now: Situation, argument: str) -> Change:
    return changes.all_normal(now.proxies)


def _bypass(now: Situation, argument: str) -> Change:
    return changes.bypass(now.proxies)


def _solo(now: Situation, argument: str) -> Change:
    name = now.named(argument)
    alone = mix.write(mix.solo(name))
    if alone and now.proxies and all(proxy.behavior == alone for proxy in now.proxies):
        before = {p.name: now.before_solo.get(p.name, "") for p in now.proxies}
        return changes.restore(now.proxies, before, f"{name} solo is over")
    now.before_solo.update({proxy.name: proxy.behavior for proxy in now.proxies})
    return changes.replace(now.proxies, alone, f"{name} solo")


def _timed(now: Situation, argument: str) -> Change:
    word, _, span = argument.rpartition(" ")
    name = now.named(word.strip())
    if name == mix.NORMAL:
        raise Mistyped("select a fault first: normal needs no end")
    try:
        seconds = figures.parse_seconds(span)
    except ValueError as error:
        raise Mistyped(str(error)) from None
    if seconds <= 0:
        raise Mistyped("a time is more than 0 s")
    alone = mix.write(mix.solo(name))
    return changes.replace(now.proxies, alone, f"{name} for {figures.clock(seconds)}", seconds)


def _halt(now: Situation, argument: str) -> Change:
    return Change("halt: everything is normal", (changes.Request("POST", "/halt", {}),))


def _release(now: Situation, argument: str) -> Change:
    return Change("halt released", (changes.Request("DELETE", "/halt"),))


def _reset(now: Situation, argument: str) -> Change:
    return Change("engine reset", (changes.Request("POST", "/reset"),))


FAULTS: Mapping[str, Callable[[Situation, str], Change]] = {
    "fault.toggle": _toggle,
    "fault.more": _step(5),
    "fault.less": _step(-5),
    "fault.more-1": _step(1),
    "fault.less-1": _step(-1),
    "fault.equal": _equal,
    "fault.weight": _weight,
    "fault.normal": _normal,
    "fault.bypass": _bypass,
    "fault.solo": _solo,
    "fault.timed": _timed,
    "engine.halt": _halt,
    "engine.release": _release,
    "engine.reset": _reset,
}
"""Action id to what it changes; each may raise Mistyped."""
