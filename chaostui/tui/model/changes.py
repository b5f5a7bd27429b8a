"""What the operator changes, as the calls that do it and the calls that undo it.

Each call carries what it will make of a proxy, and how its answer is taken over: no answer is
understood by the path it was asked on, where a name of the operator's may stand.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace as altered
from typing import Any, Protocol

from msgspec.structs import replace

from chaostui.client import calls
from chaostui.client.ask import API, Ask, part, proxy_path
from chaostui.tui.model import figures, mix
from chaostui.wire.views import ChainView, HandlerView, ProxyView

Expect = Callable[[ProxyView], ProxyView]
"""What a proxy will be once a call has been answered."""


class Known(Protocol):
    """What the console knows of the engine, as far as answers renew it."""

    def acknowledge(self, proxy: ProxyView) -> None: ...

    def learn(self, proxy: str, handler: HandlerView) -> None: ...

    def alter(self, expect: Expect) -> None: ...


Take = Callable[[Known, Any], None]
"""How an answer is taken over."""


def _as_it_is(proxy: ProxyView) -> ProxyView:
    return proxy


@dataclass(frozen=True)
class Call:
    """One call of the API that changes something."""

    ask: Ask[Any]
    expect: Expect = field(default=_as_it_is, compare=False)
    take: Take | None = field(default=None, compare=False)
    """None: what was expected has come."""
    options: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """Options that will be in force, by proxy and handler."""
    may_be_gone: bool = False
    """What it is about may have ended by itself: that is no failure."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.ask.method

    @property
    def path(self) -> str:
        """The path after ``/api/v1``."""
        return self.ask.path.removeprefix(API)

    @property
    def body(self) -> Any:
        """The body, or None."""
        return self.ask.body

    def answered(self, known: Known, answer: Any) -> None:
        """Take over what was answered, ahead of the next frame."""
        if self.take is not None:
            self.take(known, answer)
        else:
            known.alter(self.expect)

    def curl(self, base: str) -> str:
        """The same call for a shell; ``base`` is ``http://host:port`` or ``unix:/path``."""
        words = ["curl", "-X", self.method]
        if base.startswith("unix:"):
            words += ["--unix-socket", base.removeprefix("unix:").removeprefix("//")]
            base = "http://localhost"
        if self.body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(self.body)]
        return shlex.join([*words, base.rstrip("/") + self.ask.path])


@dataclass(frozen=True)
class Step:
    """A part of a change that is made wholly or not at all, with the way back."""

    do: Call
    undo: tuple[Call, ...] = ()
    partly: bool = False
    """It is not wholly or not at all: where it fails, it has done what it could."""


@dataclass(frozen=True)
class Change:
    """A change with the way back. ``touches`` names what is pending until it is acknowledged."""

    label: str
    steps: tuple[Step, ...] = ()
    touches: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def do(self) -> tuple[Call, ...]:
        """The calls that make it."""
        return tuple(step.do for step in self.steps)

    @property
    def undo(self) -> tuple[Call, ...]:
        """The calls that take it back, what was done last first; empty: there is no way back."""
        return tuple(call for step in reversed(self.steps) for call in step.undo)

    def until(self, failed: int) -> Change:
        """What was done of it when its step of that number failed."""
        done = failed + self.steps[failed].partly
        return altered(self, label=f"{self.label} (in part)", steps=self.steps[:done])


NOTHING = Change("nothing to change")


def joined(label: str, parts: Sequence[Change]) -> Change:
    """Several changes as one, which one press takes back."""
    steps = tuple(step for change in parts for step in change.steps)
    touches = frozenset(touch for change in parts for touch in change.touches)
    return Change(label, steps, touches) if steps else NOTHING


# --- calls ---------------------------------------------------------------------------------


def about(name: str, change: Expect) -> Expect:
    """What is expected of one proxy, and of no other."""
    return lambda proxy: change(proxy) if proxy.name == name else proxy


def _take_proxy(known: Known, answer: Any) -> None:
    known.acknowledge(answer)


def put_mix(
    proxy: str,
    behavior: str,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    duration: float | None = None,
) -> Call:
    """Put a whole mix in force on a proxy, for ``duration`` seconds or for good."""
    ask = calls.set_mix(behavior, proxy=proxy, options=options or None, duration=duration)
    return Call(ask, about(proxy, lambda p: replace(p, behavior=behavior)), _take_proxy)


def put_weights(proxy: str, weights: Mapping[str, float], behavior: str) -> Call:
    """Change some weights on a proxy, whose mix will be ``behavior``."""
    ask = calls.set_weights(dict(weights), proxy=proxy)
    return Call(ask, about(proxy, lambda p: replace(p, behavior=behavior)), _take_proxy)


def put_bypass(proxy: str, bypass: bool) -> Call:
    """Keep what is on without applying it, or apply it again."""
    ask = calls.set_bypass(bypass, proxy=proxy)
    return Call(ask, about(proxy, lambda p: replace(p, bypass=bypass)), _take_proxy)


def put_frozen(proxy: str, frozen: bool) -> Call:
    """Freeze a proxy, or let it go on."""
    ask = calls.freeze(proxy) if frozen else calls.thaw(proxy)
    return Call(ask, about(proxy, lambda p: replace(p, frozen=frozen)), _take_proxy)


def put_options(proxy: str, handler: str, values: Mapping[str, Any]) -> Call:
    """Change options of a handler; a value of None gives one back its default."""
    path = proxy_path(proxy, f"/handlers/{part(handler)}")
    return Call(
        Ask("PATCH", path, HandlerView, dict(values)),
        take=lambda known, answer: known.learn(proxy, answer),
        options={(proxy, handler): dict(values)},
    )


def put_proxy(proxy: str, values: Mapping[str, Any]) -> Call:
    """Change settings of a proxy, by their names in a profile."""
    return Call(Ask("PATCH", proxy_path(proxy), ProxyView, dict(values)), take=_take_proxy)


def put_pin(connection: int, handler: str | None) -> Call:
    """Pin a handler to a connection, or free it; one that has closed is no failure."""
    return Call(calls.pin(connection, handler), may_be_gone=True)


# --- changes -------------------------------------------------------------------------------


def reweigh(
    proxies: Sequence[ProxyView],
    name: str,
    compute: Callable[[ProxyView, mix.Weights], mix.Weights],
) -> Change:
    """Change the weights of each proxy by ``compute``, as one change about handler ``name``.

    Where there are several proxies, the label names each that changes.
    """
    steps, touches, labels = [], set(), []
    for proxy in proxies:
        before = mix.read(proxy.behavior)
        after = compute(proxy, before)
        changed = {n: w for n, w in after.items() if w != before.get(n, 0.0)}
        if not changed:
            continue
        back = {n: before.get(n, 0.0) for n in changed}
        steps.append(
            Step(
                put_weights(proxy.name, changed, mix.write(after)),
                (put_weights(proxy.name, back, proxy.behavior),),
            )
        )
        touches |= {(proxy.name, n) for n in changed}
        place = f"{proxy.name} " if len(proxies) > 1 else ""
        labels.append(f"{place}{_weight(before, name)} → {_weight(after, name)}")
    if not steps:
        return NOTHING
    return Change(f"{name} {', '.join(labels)}", tuple(steps), frozenset(touches))


def _weight(weights: mix.Weights, name: str) -> str:
    now = 100 - mix.faulty(weights) if name == mix.NORMAL else weights.get(name, 0.0)
    return figures.percent(now)


def whole(
    proxies: Sequence[ProxyView], behavior: str, label: str, duration: float | None = None
) -> Change:
    """Give each proxy a whole mix, for ``duration`` seconds or for good."""
    wanted = [p for p in proxies if duration or p.behavior != behavior]
    steps = tuple(
        Step(
            put_mix(p.name, behavior, options=_options(p), duration=duration),
            (put_mix(p.name, p.behavior, options=_options(p)),),
        )
        for p in wanted
    )
    names = {(p.name, n) for p in wanted for n in (*mix.read(behavior), *mix.read(p.behavior))}
    place = f" on {', '.join(p.name for p in wanted)}" if len(proxies) > 1 else ""
    return Change(label + place, steps, frozenset(names)) if steps else NOTHING


def _options(proxy: ProxyView) -> Mapping[str, Mapping[str, Any]]:
    """The options that came with the mix in force."""
    return proxy.faults[-1].options if proxy.faults else proxy.base_options


def restore(proxies: Sequence[ProxyView], before: Mapping[str, str], label: str) -> Change:
    """Give each proxy back the mix that ``before`` names for it."""
    return joined(label, [whole([p], before[p.name], "") for p in proxies if p.name in before])


def entry_body(entry: ChainView) -> dict[str, Any]:
    """A chain entry as the API takes it: its options beside its own keys."""
    options = {name: value for name, value in entry.options.items() if value is not None}
    head = {"handler": entry.handler, "name": entry.name}
    return {**options, **head, "direction": entry.direction, "probability": entry.probability}


def bypass(proxies: Sequence[ProxyView]) -> Change:
    """Pass everything and keep what is on; or apply it again where all were bypassed."""
    on = not all(proxy.bypass for proxy in proxies)
    wanted = [proxy for proxy in proxies if proxy.bypass != on]
    steps = tuple(Step(put_bypass(p.name, on), (put_bypass(p.name, not on),)) for p in wanted)
    place = f" on {', '.join(p.name for p in wanted)}" if len(proxies) > 1 else ""
    label = f"bypass{place}: everything passes" if on else f"bypass off{place}"
    return Change(label, steps) if steps else NOTHING


def freeze(proxies: Sequence[ProxyView]) -> Change:
    """Freeze those that are open; or let all go on where they were all frozen."""
    able = [proxy for proxy in proxies if proxy.enabled]
    on = not all(proxy.frozen for proxy in able)
    wanted = [proxy for proxy in able if proxy.frozen != on]
    steps = tuple(Step(put_frozen(p.name, on), (put_frozen(p.name, not on),)) for p in wanted)
    place = f" {', '.join(p.name for p in wanted)}" if len(proxies) > 1 else ""
    label = f"frozen{place}: nothing passes" if on else f"thawed{place}"
    return Change(label, steps) if steps else NOTHING


def option(handler: str, name: str, value: Any, before: Mapping[str, Any]) -> Change:
    """Change an option of a handler on those proxies for which ``before`` has its value.

    A value of None gives it back its default.
    """
    steps = tuple(
        Step(
            put_options(proxy, handler, {name: value}), (put_options(proxy, handler, {name: old}),)
        )
        for proxy, old in before.items()
    )
    if not steps:
        return NOTHING
    place = f" on {', '.join(before)}" if len(before) > 1 else ""
    told = f"{_said(next(iter(before.values())))} → {_said(value)}"
    touches = frozenset((proxy, f"{handler}.{name}") for proxy in before)
    return Change(f"{handler} {name} {told}{place}", steps, touches)


def _said(value: object) -> str:
    return "default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def pin(identities: Mapping[int, str], handler: str | None) -> Change:
    """Pin a handler to connections (id to the one pinned before), or free them with None."""
    many = "" if len(identities) == 1 else f" and {len(identities) - 1} more"
    what = f"pinned to {handler}" if handler else "freed"
    steps = tuple(
        Step(put_pin(i, handler), (put_pin(i, before or None),)) for i, before in identities.items()
    )
    return Change(f"#{next(iter(identities), 0)}{many} {what}", steps)


def reset(identities: Sequence[int]) -> Change:
    """Reset connections: both sides see RST. There is no way back."""
    label = f"#{identities[0]} reset" if len(identities) == 1 else f"{len(identities)} reset"
    gone = [Call(calls.reset_connection(i), may_be_gone=True) for i in identities]
    return Change(label, tuple(Step(call) for call in gone))
