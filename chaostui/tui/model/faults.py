"""What each key that changes faults does, worked out from what the operator sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaostui.client import calls
from chaostui.tui.model import calm, changes, figures, mix
from chaostui.tui.model.changes import Call, Change, Step
from chaostui.wire.views import ProxyView


class Mistyped(ValueError):
    """An argument that cannot be used; the text says what is expected."""


@dataclass
class Situation:
    """What a fault key acts on: the proxies in view, the handlers and the selected one."""

    proxies: Sequence[ProxyView] = ()
    everything: Sequence[ProxyView] = ()
    """All proxies of the engine."""
    pins: calm.Pins = field(default_factory=dict)
    doors: frozenset[str] = frozenset()
    """The handlers that meet all who connect: switched on, they act all the time."""
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

    def touch(self, word: str) -> str:
        """The handler a word means, which is the selected one from now on."""
        self.selected = self.named(word)
        return self.selected


def _toggle(now: Situation, argument: str) -> Change:
    """One direction for all: off wherever it is on anywhere, else on everywhere."""
    name = now.touch(argument)
    first = mix.FIRST_TOTAL if name == mix.NORMAL else mix.FIRST_WEIGHT
    first = 100.0 if name in now.doors else first
    weights = [mix.read(proxy.behavior) for proxy in now.proxies]
    on = any(mix.is_on(each, name) for each in weights)

    def compute(proxy: ProxyView, weights: mix.Weights) -> mix.Weights:
        remembered = now.remembered.get((proxy.name, name), 0.0)
        return mix.switch(weights, name, remembered or first, on=not on)

    change = changes.reweigh(now.proxies, name, compute)
    return change or Change(_why_not(now, name))


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
        return Change(_why_not(now, name) if delta > 0 else f"{name} is at its lowest")

    return step


def _equal(now: Situation, argument: str) -> Change:
    change = changes.reweigh(now.proxies, now.selected, lambda _, w: mix.equal(w))
    return changes.joined("spread equally", [change])


def _weight(now: Situation, argument: str) -> Change:
    word, _, number = argument.rpartition(" ")
    name = now.touch(word.strip())
    try:
        weight = figures.parse_number(number.rstrip("%"))
    except ValueError:
        raise Mistyped(f"{number!r} is not a percentage from 0 to 100") from None
    if not 0 <= weight <= 100:
        raise Mistyped(f"{number!r} is not a percentage from 0 to 100")
    return changes.reweigh(now.proxies, name, lambda _, w: mix.set_weight(w, name, weight))


def _normal(now: Situation, argument: str) -> Change:
    return calm.everything(now.everything or now.proxies, now.pins)


def _normal_here(now: Situation, argument: str) -> Change:
    return calm.some(now.proxies, now.pins)


def _bypass(now: Situation, argument: str) -> Change:
    return changes.bypass(now.proxies)


def _solo(now: Situation, argument: str) -> Change:
    name = now.touch(argument)
    alone = mix.write(mix.solo(name))
    if alone and now.proxies and all(proxy.behavior == alone for proxy in now.proxies):
        before = {p.name: now.before_solo.get(p.name, "") for p in now.proxies}
        return changes.restore(now.proxies, before, f"{name} solo is over")
    now.before_solo.update({proxy.name: proxy.behavior for proxy in now.proxies})
    return changes.whole(now.proxies, alone, f"{name} solo")


def _timed(now: Situation, argument: str) -> Change:
    word, _, span = argument.rpartition(" ")
    name = now.touch(word.strip())
    if name == mix.NORMAL:
        raise Mistyped("select a fault first: normal needs no end")
    try:
        seconds = figures.parse_seconds(span)
    except ValueError as error:
        raise Mistyped(str(error)) from None
    if seconds <= 0:
        raise Mistyped("a time is more than 0 s")
    alone = mix.write(mix.solo(name))
    return changes.whole(now.proxies, alone, f"{name} for {figures.clock(seconds)}", seconds)


def _freeze(now: Situation, argument: str) -> Change:
    return changes.freeze(now.proxies)


def _halt(now: Situation, argument: str) -> Change:
    return Change("halt: everything is normal", (Step(Call(calls.halt())),))


def _release(now: Situation, argument: str) -> Change:
    return Change("halt released", (Step(Call(calls.release())),))


def sweeps(calls: Iterable[Call], proxies: Sequence[ProxyView]) -> bool:
    """Whether calls could break more than one meant by a single key.

    It does where it raises the faults of several proxies, or makes all of one's traffic faulty
    at a stroke.
    """
    made, raised = tuple(calls), []
    for proxy in proxies:
        after = proxy
        for call in made:
            after = call.expect(after)
        before, now = _share(proxy), _share(after)
        if now > before:
            raised.append(now == 100.0 and now - before > 5)
    return len(raised) > 1 or any(raised)


def _share(proxy: ProxyView) -> float:
    """The share of traffic that is faulty: all of it while nothing passes."""
    if proxy.frozen:
        return 100.0
    return 0.0 if proxy.bypass or not proxy.enabled else mix.faulty(mix.read(proxy.behavior))


FAULTS: Mapping[str, Callable[[Situation, str], Change]] = {
    "fault.toggle": _toggle,
    "fault.more": _step(5),
    "fault.less": _step(-5),
    "fault.more-1": _step(1),
    "fault.less-1": _step(-1),
    "fault.equal": _equal,
    "fault.weight": _weight,
    "fault.normal": _normal,
    "fault.normal-here": _normal_here,
    "fault.bypass": _bypass,
    "fault.freeze": _freeze,
    "fault.solo": _solo,
    "fault.timed": _timed,
    "engine.halt": _halt,
    "engine.release": _release,
}
"""Action id to what it changes; each may raise Mistyped."""
