"""What the operator changes, as the requests that do it and the requests that undo it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from chaostui.engine.views import ChainView, ProxyView
from chaostui.tui.model import figures, mix

API = "/api/v1"


@dataclass(frozen=True)
class Request:
    """One call of the native API; ``path`` begins after ``/api/v1``."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    def curl(self, base: str) -> str:
        """The same call for a shell; ``base`` is ``http://host:port`` or ``unix:/path``."""
        words = ["curl", "-X", self.method]
        if base.startswith("unix:"):
            words += ["--unix-socket", base.removeprefix("unix:").removeprefix("//")]
            base = "http://localhost"
        if self.body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(self.body)]
        return shlex.join([*words, base.rstrip("/") + API + self.path])


@dataclass(frozen=True)
class Change:
    """A change with the way back. ``touches`` names what is pending until it is acknowledged."""

    label: str
    do: tuple[Request, ...]
    undo: tuple[Request, ...] = ()
    touches: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.do)


NOTHING = Change("nothing to change", ())


def proxy_path(proxy: str, *rest: str) -> str:
    """The path of a proxy, or of something that belongs to it."""
    return "/".join(("/proxies", quote(proxy, safe=""), *(quote(part, safe="") for part in rest)))


def reweigh(
    proxies: Sequence[ProxyView],
    name: str,
    compute: Callable[[ProxyView, mix.Weights], mix.Weights],
) -> Change:
    """Change the weights of each proxy by ``compute``, as one change about handler ``name``."""
    do, undo, touches, labels = [], [], set(), []
    for proxy in proxies:
        before = mix.read(proxy.behavior)
        after = compute(proxy, before)
        changed = {n: w for n, w in after.items() if w != before.get(n, 0.0)}
        if not changed:
            continue
        path = proxy_path(proxy.name, "mix")
        do.append(Request("PATCH", path, changed))
        undo.append(Request("PATCH", path, {n: before.get(n, 0.0) for n in changed}))
        touches |= {(proxy.name, n) for n in changed}
        labels.append(f"{_weight(before, name)} → {_weight(after, name)}")
    if not do:
        return NOTHING
    return Change(f"{name} {labels[0]}", tuple(do), tuple(undo), frozenset(touches))


def _weight(weights: mix.Weights, name: str) -> str:
    now = 100 - mix.faulty(weights) if name == mix.NORMAL else weights.get(name, 0.0)
    return figures.percent(now)


def replace(
    proxies: Sequence[ProxyView], behavior: str, label: str, duration: float = 0.0
) -> Change:
    """Give each proxy a whole mix, for ``duration`` seconds or for good (0)."""
    body: dict[str, Any] = {"behavior": behavior}
    if duration:
        body["duration"] = duration
    wanted = [p for p in proxies if duration or p.behavior != behavior]
    return Change(
        label,
        tuple(Request("PUT", proxy_path(p.name, "mix"), body) for p in wanted),
        tuple(Request("PUT", proxy_path(p.name, "mix"), {"behavior": p.behavior}) for p in wanted),
        frozenset(
            (p.name, n) for p in wanted for n in (*mix.read(behavior), *mix.read(p.behavior))
        ),
    )


def restore(proxies: Sequence[ProxyView], before: Mapping[str, str], label: str) -> Change:
    """Give each proxy back the mix that ``before`` names for it."""
    parts = [replace([p], before[p.name], label) for p in proxies if p.name in before]
    return _joined(label, parts)


def all_normal(proxies: Sequence[ProxyView]) -> Change:
    """Empty every mix and chain."""
    parts = [replace([p], "", "") for p in proxies]
    for proxy in proxies:
        chain = proxy_path(proxy.name, "chain")
        removed = tuple(Request("DELETE", f"{chain}/{quote(e.name, safe='')}") for e in proxy.chain)
        added = tuple(Request("POST", chain, entry_body(e)) for e in proxy.chain)
        parts.append(Change("", removed, added))
    return _joined("all normal", parts)


def entry_body(entry: ChainView) -> dict[str, Any]:
    """A chain entry as the API takes it: its options beside its own keys."""
    options = {name: value for name, value in entry.options.items() if value is not None}
    head = {"handler": entry.handler, "name": entry.name}
    return {**options, **head, "direction": entry.direction, "probability": entry.probability}


def _joined(label: str, parts: Sequence[Change]) -> Change:
    do = tuple(request for part in parts for request in part.do)
    undo = tuple(request for part in parts for request in part.undo)
    touches = frozenset(touch for part in parts for touch in part.touches)
    return Change(label, do, undo, touches) if do else NOTHING


def bypass(proxies: Sequence[ProxyView]) -> Change:
    """Pass everything and keep the mixes; or apply them again where all were bypassed."""
    on = not all(proxy.bypass for proxy in proxies)
    wanted = [proxy for proxy in proxies if proxy.bypass != on]
    return Change(
        "bypass on: everything passes" if on else "bypass off",
        tuple(Request("PUT", proxy_path(p.name, "bypass"), {"bypass": on}) for p in wanted),
        tuple(Request("PUT", proxy_path(p.name, "bypass"), {"bypass": not on}) for p in wanted),
    )


def options(
    proxies: Sequence[ProxyView], handler: str, values: Mapping[str, Any], before: Mapping[str, Any]
) -> Change:
    """Change options of a handler; a value of None gives one back its default."""
    paths = [proxy_path(proxy.name, "handlers", handler) for proxy in proxies]
    first = next(iter(values))
    return Change(
        f"{handler} {first} {_said(before.get(first))} → {_said(values[first])}",
        tuple(Request("PATCH", path, dict(values)) for path in paths),
        tuple(Request("PATCH", path, {n: before.get(n) for n in values}) for path in paths),
        frozenset((p.name, f"{handler}.{n}") for p in proxies for n in values),
    )


def _said(value: object) -> str:
    return "default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def pin(identities: Mapping[int, str], handler: str | None) -> Change:
    """Pin a handler to connections (id to the one pinned before), or free them with None."""
    many = "" if len(identities) == 1 else f" and {len(identities) - 1} more"
    what = f"pinned to {handler}" if handler else "freed"
    label = f"#{next(iter(identities), 0)}{many} {what}"
    return Change(
        label,
        tuple(Request("PUT", f"/connections/{i}/pin", {"handler": handler}) for i in identities),
        tuple(
            Request("PUT", f"/connections/{i}/pin", {"handler": before or None})
            for i, before in identities.items()
        ),
    )


def reset(identities: Sequence[int]) -> Change:
    """Reset connections: both sides see RST. There is no way back."""
    label = f"#{identities[0]} reset" if len(identities) == 1 else f"{len(identities)} reset"
    return Change(label, tuple(Request("DELETE", f"/connections/{i}") for i in identities))
