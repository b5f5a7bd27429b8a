"""The proxies of an engine as lines: what each one is, does, and how it fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaostui.safe_text import safe_text
from chaostui.tui.model import figures, mix
from chaostui.tui.model.status import DOORS
from chaostui.wire.views import ProxyView


@dataclass(frozen=True)
class ProxyLine:
    """One proxy in words; ``role`` is how its state is coloured."""

    name: str
    state: str
    role: str
    share: str
    mix: str
    requests: str
    p99: str
    place: str
    error: str


def line(proxy: ProxyView, rate: float) -> ProxyLine:
    """Say what a proxy is and does; ``rate`` is its requests a second."""
    share = mix.faulty(mix.read(proxy.behavior))
    state, role = _state(proxy, share)
    chained = f" + chain {len(proxy.chain)}" if proxy.chain else ""
    return ProxyLine(
        name=safe_text(proxy.name, limit=40),
        state=state,
        role=role,
        share=figures.percent(share) if share else figures.NONE,
        mix=safe_text(proxy.behavior, limit=60) + chained or "normal",
        requests=f"{figures.short(rate)}/s",
        p99=figures.seconds(proxy.stats.latency.p99),
        place=safe_text(f"{proxy.listen} → {proxy.backend} {proxy.protocol}", limit=90),
        error=safe_text(proxy.last_error, limit=120),
    )


def _state(proxy: ProxyView, share: float) -> tuple[str, str]:
    """The state in words: closed, frozen, bypassed, what meets clients, faults, pins, normal."""
    if not proxy.enabled:
        return "CLOSED", "bad"
    if proxy.frozen:
        return "FROZEN", "bad"
    if proxy.bypass:
        return "bypass", "warn"
    if proxy.door in DOORS:
        return DOORS[proxy.door], "bad"
    pinned = sum(number for name, number in proxy.pins.items() if name != mix.NORMAL)
    if share or proxy.chain or pinned:
        return f"faults, {pinned} pinned" if pinned else "faults", "bad"
    return "normal", "good"


class Rates:
    """Requests a second of each proxy, over about the last second."""

    def __init__(self) -> None:
        self._before: tuple[float, dict[str, int]] = (0.0, {})
        self._rates: dict[str, float] = {}

    def add(self, at: float, proxies: Sequence[ProxyView]) -> None:
        """Take note of the counters, twice a second at most."""
        then, before = self._before
        span = at - then
        if span < 0.95:
            return
        now = {proxy.name: proxy.stats.exchanges for proxy in proxies}
        self._rates = {n: max(0, c - before[n]) / span for n, c in now.items() if n in before}
        self._before = (at, now)

    def of(self, name: str) -> float:
        """The rate of one proxy; 0 where it was not seen long enough."""
        return self._rates.get(name, 0.0)
