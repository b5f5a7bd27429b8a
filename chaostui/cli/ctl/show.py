"""Views of an engine as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from chaostui.events import AnyEvent
from chaostui.options import show
from chaostui.safe_text import safe_text
from chaostui.wire.views import (
    ChainView,
    ConnectionView,
    HandlerView,
    NotReached,
    ProxyView,
)


def columns(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows under their headers, every column as wide as it needs."""
    cells = [list(headers), *([safe_text(str(cell), 160) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in cells)
    return [line.rstrip() for line in lines]


def proxies(found: Iterable[ProxyView]) -> list[str]:
    """One line a proxy."""
    headers = ("NAME", "LISTEN", "BACKEND", "PROTOCOL", "BEHAVIOR", "OPEN", "HITS")
    return columns(headers, (_row(proxy) for proxy in found))


def _row(proxy: ProxyView) -> tuple[object, ...]:
    state = behavior(proxy)
    hits = sum(proxy.stats.hits.values())
    return (
        proxy.name,
        proxy.listen if proxy.enabled else f"{proxy.listen} (off)",
        proxy.backend,
        proxy.protocol,
        state,
        proxy.stats.open,
        hits,
    )


def behavior(proxy: ProxyView) -> str:
    """What a proxy does now: its mix, and how many chain entries."""
    mix = proxy.behavior or "normal"
    if proxy.bypass:
        mix += " (bypassed)"
    if proxy.frozen:
        mix = f"FROZEN {mix}"
    return f"{mix} +{len(proxy.chain)} in chain" if proxy.chain else mix


def proxy(one: ProxyView) -> list[str]:
    """A proxy with its handlers and its chain."""
    lines = [*proxies([one])]
    if one.not_reached is not None:
        lines.append(f"not reached: {not_reached(one.not_reached)}")
    if one.last_error:
        lines.append(f"last error: {one.last_error}")
    if one.mix:
        lines += ["", *columns(("HANDLER", "WEIGHT", "HITS", "OPTIONS"), map(_mixed, one.mix))]
    return [*lines, "", *chain(one.chain)] if one.chain else lines


def not_reached(found: NotReached) -> str:
    """Which faults miss how many connections, why, and what mends it."""
    count = found.connections
    many = f"{count} open connections" if count > 1 else "1 open connection"
    text = f"{' and '.join(found.handlers)} cannot act on {many} ({found.why})"
    if not found.remedy:
        return text
    mend = " ".join(f'{name} = "{value}"' for name, value in found.remedy.items())
    return f"{text}; `ctl tls terminate` mends it ({mend})"


def _mixed(one: HandlerView) -> tuple[object, ...]:
    return one.name, f"{one.weight:g}%", one.hits, options(one.options)


def chain(entries: Iterable[ChainView]) -> list[str]:
    """One line an entry."""
    headers = ("CHAIN", "HANDLER", "DIRECTION", "PROBABILITY", "HITS", "OPTIONS")
    rows = (
        (e.name, e.handler, e.direction, f"{e.probability:g}", e.hits, options(e.options))
        for e in entries
    )
    return columns(headers, rows)


def options(given: dict[str, Any]) -> str:
    """``sleep=2 jitter=0.5``."""
    return " ".join(f"{name}={_value(value)}" for name, value in given.items())


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, float):
        return f"{value:g}"
    return show(value)


def milliseconds(seconds: float) -> str:
    """``1.6 ms``; ``–`` where nothing was measured."""
    return f"{seconds * 1000:.1f} ms" if seconds else "–"


def connections(found: Iterable[ConnectionView]) -> list[str]:
    """One line a connection."""
    headers = ("ID", "PROXY", "CLIENT", "STATE", "HANDLER", "AGE", "UP", "DOWN", "REPLY", "REQUEST")
    rows = (
        (
            c.id,
            c.proxy,
            c.client,
            c.state,
            f"{c.handler} (pinned)" if c.pinned else c.handler,
            f"{c.age:.1f} s",
            c.upstream,
            c.downstream,
            milliseconds(c.reply),
            c.request,
        )
        for c in found
    )
    return columns(headers, rows)


def event(one: AnyEvent) -> str:
    """One line: when, where, what."""
    fields = msgspec.to_builtins(one)
    at = datetime.fromtimestamp(fields.pop("at")).astimezone().strftime("%H:%M:%S.%f")[:-3]
    kind, seq = fields.pop("event"), fields.pop("seq")
    proxy, connection = fields.pop("proxy"), fields.pop("connection", 0)
    where = f"{proxy}#{connection}" if connection else proxy
    rest = " ".join(f"{name}={_value(value)}" for name, value in fields.items() if value != "")
    return " ".join(filter(None, (str(seq), at, kind, where, rest)))
