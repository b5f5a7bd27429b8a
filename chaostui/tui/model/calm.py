"""Making everything normal at once: what that ends, in words, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from chaostui.client import calls
from chaostui.tui.model import mix
from chaostui.tui.model.changes import (
    Call,
    Change,
    Step,
    about,
    entry_body,
    put_bypass,
    put_frozen,
    put_mix,
    put_pin,
    put_proxy,
)
from chaostui.wire.views import FaultView, ProxyView

Pins = Mapping[str, Mapping[int, str]]
"""Connections that have a handler of their own, by proxy: their id and the handler."""

NORMAL = Change("all is normal already")


def everything(proxies: Sequence[ProxyView], pins: Pins) -> Change:
    """The panic key: mixes, chains, pins, doors and faults of sessions on all proxies end.

    Bypass goes off and closed proxies listen again; the label says what it ended where.
    """
    ended = [(proxy, words) for proxy in proxies if (words := ends(proxy))]
    if not ended:
        return NORMAL
    several = len(proxies) > 1
    told = ", ".join(f"{p.name}: {w}" if several else w for p, w in ended)
    back = [call for proxy, _ in ended for call in _back(proxy, pins.get(proxy.name, {}))]
    step = Step(Call(calls.reset(), _calmed), tuple(back), partly=True)
    return Change(f"all normal · ended {told}", (step,), _touched([p for p, _ in ended]))


def some(proxies: Sequence[ProxyView], pins: Pins) -> Change:
    """The same for the proxies in view alone."""
    ended = [(proxy, words) for proxy in proxies if (words := ends(proxy))]
    if not ended:
        return NORMAL
    steps = [
        Step(
            Call(calls.reset(p.name), about(p.name, _calmed)),
            tuple(_back(p, pins.get(p.name, {}))),
            partly=True,
        )
        for p, _ in ended
    ]
    told = ", ".join(f"{p.name} normal · ended {words}" for p, words in ended)
    return Change(told, tuple(steps), _touched([p for p, _ in ended]))


def ends(proxy: ProxyView) -> str:
    """What making a proxy normal ends there, in words; empty where it is normal."""
    parts = [_fault(fault) for fault in reversed(proxy.faults)]
    base = mix.write(mix.read(proxy.base))
    parts += [base] if base else []
    parts += [f"chain {len(proxy.chain)}"] if proxy.chain else []
    pinned = sum(proxy.pins.values())
    parts += [f"{pinned} pinned"] if pinned else []
    parts += ["bypass"] if proxy.bypass else []
    parts += ["frozen"] if proxy.frozen else []
    parts += ["closed"] if not proxy.enabled else []
    return " + ".join(parts)


def _fault(fault: FaultView) -> str:
    owner = f" of {fault.owner}" if fault.session and fault.owner else ""
    return f"{fault.behavior or 'normal'}{owner}"


def _calmed(proxy: ProxyView) -> ProxyView:
    return replace(
        proxy, behavior="", base="", base_options={}, mix=(), chain=(), faults=(), pins={},
        bypass=False, frozen=False, enabled=True, door="accept", not_reached=None,
    )  # fmt: skip


def _touched(proxies: Sequence[ProxyView]) -> frozenset[tuple[str, str]]:
    return frozenset((p.name, name) for p in proxies for name in mix.read(p.behavior))


def _back(proxy: ProxyView, pinned: Mapping[int, str]) -> list[Call]:
    """What gives a proxy back all that it had; what has ended meanwhile stays away."""
    name = proxy.name
    back = [put_mix(name, proxy.base, options=proxy.base_options)] if proxy.base else []
    if proxy.chain:
        back.append(put_proxy(name, {"chain": [entry_body(entry) for entry in proxy.chain]}))
    back += [_again(name, fault) for fault in proxy.faults]
    back += [put_pin(connection, handler) for connection, handler in pinned.items()]
    if proxy.bypass:
        back.append(put_bypass(name, True))
    if proxy.frozen:
        back.append(put_frozen(name, True))
    if not proxy.enabled:
        back.append(put_proxy(name, {"enabled": False}))
    return back


def _again(proxy: str, fault: FaultView) -> Call:
    if not fault.session:
        return put_mix(proxy, fault.behavior, options=fault.options, duration=fault.ends_in)
    ask = calls.add_fault(
        fault.session, fault.behavior, proxy=proxy, options=fault.options, duration=fault.ends_in
    )
    expect = about(proxy, lambda p: replace(p, behavior=fault.behavior))
    return Call(ask, expect, lambda known, answer: None, may_be_gone=True)
