"""Entries of chains: how they read, how new ones are typed, and the changes that make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from chaostui.client import calls
from chaostui.client.ask import Ask, part, proxy_path
from chaostui.tui.model import figures
from chaostui.tui.model.changes import (
    NOTHING,
    Call,
    Change,
    Expect,
    Known,
    Step,
    about,
    entry_body,
    put_proxy,
)
from chaostui.tui.model.faults import Mistyped
from chaostui.tui.model.form import Field, FieldError
from chaostui.wire.views import ChainView, ProxyView

DIRECTIONS = ("downstream", "upstream", "both")
ARROWS = {"upstream": "→", "downstream": "←", "both": "↔"}
EXAMPLE = "delay downstream 50% sleep=0.2s"

Catalogue = Mapping[str, Sequence[Field]]


@dataclass(frozen=True)
class Addition:
    """A new entry as it was typed."""

    handler: str
    direction: str
    probability: float
    options: Mapping[str, Any]


def read(text: str, catalogue: Catalogue) -> Addition:
    """Read ``delay downstream 50% sleep=0.2s``; all but the handler may be left out.

    Raises Mistyped.
    """
    words = text.split()
    if not words:
        raise Mistyped(f"a handler is wanted first, as in {EXAMPLE}")
    handler = _chosen(words[0], tuple(catalogue), "handler")
    direction, probability = DIRECTIONS[0], 1.0
    options: dict[str, Any] = {}
    for word in words[1:]:
        name, is_option, value = word.partition("=")
        if is_option:
            options[name] = option(handler, name, value, catalogue)
        elif word.endswith("%"):
            probability = share(word)
        else:
            direction = _chosen(word, DIRECTIONS, "direction")
    return Addition(handler, direction, probability, options)


def option(handler: str, name: str, value: str, catalogue: Catalogue) -> Any:
    """Read the value of a handler's option. Raises Mistyped."""
    fields = {field.name: field for field in catalogue[handler]}
    if name not in fields:
        raise Mistyped(f"{handler} has no option {name!r} (it has {', '.join(fields)})")
    try:
        return fields[name].read(value)
    except FieldError as error:
        raise Mistyped(str(error)) from None


def share(text: str) -> float:
    """Read a probability, ``50%`` or ``50``, as a share from 0 to 1. Raises Mistyped."""
    try:
        percent = figures.parse_number(text.strip().rstrip("%"))
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise Mistyped(f"{text!r} is not a percentage from 0 to 100")
    return round(percent / 100, 6)


def _chosen(word: str, names: Sequence[str], what: str) -> str:
    found = [name for name in names if name.startswith(word)]
    if word in names or len(found) == 1:
        return word if word in names else found[0]
    raise Mistyped(f"{word!r} is no {what}: {', '.join(found or names)}")


def told(entry: ChainView, fields: Sequence[Field]) -> str:
    """The options of an entry that differ from their defaults: ``sleep 200 ms``."""
    differing = [
        f"{field.name} {field.show(entry.options[field.name])}"
        for field in fields
        if field.name != "direction" and entry.options.get(field.name) not in (None, field.default)
    ]
    return ", ".join(differing)


# --- changes ---------------------------------------------------------------------------


def _add(proxy: str, entry: Mapping[str, Any]) -> Call:
    ask = Ask("POST", proxy_path(proxy, "/chain"), ChainView, dict(entry))
    return Call(ask, take=_taken(proxy))


def _taken(proxy: str) -> Callable[[Known, Any], None]:
    """Put the entry that was answered in its place, or at the end."""

    def take(known: Known, new: ChainView) -> None:
        def put(view: ProxyView) -> ProxyView:
            if all(entry.name != new.name for entry in view.chain):
                return replace(view, chain=(*view.chain, new))
            chain = tuple(new if entry.name == new.name else entry for entry in view.chain)
            return replace(view, chain=chain)

        known.alter(about(proxy, put))

    return take


def _without(proxy: str, name: str) -> Expect:
    return about(proxy, lambda p: replace(p, chain=tuple(e for e in p.chain if e.name != name)))


def _drop(proxy: str, name: str) -> Call:
    return Call(calls.remove_chain(name, proxy=proxy), _without(proxy, name))


def _alter(proxy: str, name: str, values: Mapping[str, Any]) -> Call:
    ask = Ask("PATCH", _entry_path(proxy, name), ChainView, dict(values))
    return Call(ask, take=_taken(proxy))


def _whole(proxy: ProxyView, chain: Sequence[ChainView]) -> Call:
    return put_proxy(proxy.name, {"chain": [entry_body(entry) for entry in chain]})


def _entry_path(proxy: str, name: str) -> str:
    return proxy_path(proxy, f"/chain/{part(name)}")


def add(proxies: Sequence[ProxyView], new: Addition) -> Change:
    """Put a new entry at the end of each proxy's chain."""
    steps, touches = [], set()
    for proxy in proxies:
        name = _free_name(new, proxy)
        head = {"handler": new.handler, "name": name, "direction": new.direction}
        body = {**new.options, **head, "probability": new.probability}
        steps.append(Step(_add(proxy.name, body), (_drop(proxy.name, name),)))
        touches.add((proxy.name, f"chain.{name}"))
    place = f" on {', '.join(p.name for p in proxies)}" if len(proxies) > 1 else ""
    label = f"chain: {new.handler} {new.direction} {_percent(new.probability)}{place}"
    return Change(label, tuple(steps), frozenset(touches)) if steps else NOTHING


def _free_name(new: Addition, proxy: ProxyView) -> str:
    taken = {entry.name for entry in proxy.chain}
    name = f"{new.handler}_{new.direction}"
    tried = (name, *(f"{name}_{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in tried if name not in taken)


def remove(proxy: ProxyView, entry: ChainView) -> Change:
    """Take an entry out; the way back puts the whole chain in its order again."""
    return Change(
        f"chain: {entry.name} removed",
        (Step(_drop(proxy.name, entry.name), (_whole(proxy, proxy.chain),)),),
        frozenset({(proxy.name, f"chain.{entry.name}")}),
    )


def put(proxy: ProxyView, entry: ChainView, name: str, value: Any) -> Change:
    """Change the probability or an option of an entry."""
    before = entry.probability if name == "probability" else entry.options.get(name)
    if value == before:
        return NOTHING
    shown = _percent(value) if name == "probability" else value
    there, back = (_alter(proxy.name, entry.name, {name: each}) for each in (value, before))
    return Change(
        f"chain: {entry.name} {name} {shown}",
        (Step(there, (back,)),),
        frozenset({(proxy.name, f"chain.{entry.name}")}),
    )


def _percent(share: float) -> str:
    return figures.percent(share * 100)


def step(proxy: ProxyView, entry: ChainView, percent: float) -> Change:
    """Raise or lower the probability of an entry by some percent."""
    wanted = round(min(max(entry.probability + percent / 100, 0.0), 1.0), 6)
    return put(proxy, entry, "probability", wanted)


def move(proxy: ProxyView, entry: ChainView, by: int) -> Change:
    """Let an entry act one place earlier (-1) or later (1)."""
    at = [e.name for e in proxy.chain].index(entry.name)
    if not 0 <= at + by < len(proxy.chain):
        return NOTHING
    order = list(proxy.chain)
    order.insert(at + by, order.pop(at))
    label = f"chain: {entry.name} acts {'earlier' if by < 0 else 'later'}"
    touches = frozenset({(proxy.name, f"chain.{entry.name}")})
    return Change(label, (Step(_whole(proxy, order), (_whole(proxy, proxy.chain),)),), touches)
