"""The state of faults in words: what the top bar always says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaostui.engine.views import EngineView, ProxyView
from chaostui.safe_text import safe_text
from chaostui.tui.model import figures, mix


@dataclass(frozen=True)
class Status:
    """Whether faults are on, in words, and what ends when."""

    word: str
    role: str
    """``good``, ``warn`` or ``bad``: how the word is coloured."""
    ending: str = ""

    @property
    def faults(self) -> bool:
        """Whether anything is injected."""
        return self.word.startswith("FAULTS")


def status(engine: EngineView | None, proxies: Sequence[ProxyView]) -> Status:
    """Say what is being injected into the proxies in view."""
    if engine is None:
        return Status("WAITING FOR THE ENGINE", "warn")
    if engine.halt.halted:
        by = safe_text(engine.halt.by or "somebody", limit=24)
        return Status(f"HALTED by {by}", "warn")
    if not proxies:
        return Status("NO PROXY YET", "warn")
    if all(proxy.bypass for proxy in proxies):
        return Status("BYPASS: everything passes", "warn")
    acting = [proxy for proxy in proxies if not proxy.bypass and proxy.enabled]
    shares = [mix.faulty(mix.read(proxy.behavior)) for proxy in acting]
    chained = sum(len(proxy.chain) for proxy in acting)
    if not any(shares) and not chained:
        return Status("ALL NORMAL", "good")
    parts = [_share(shares)] if any(shares) else []
    parts += [f"chain {chained}"] if chained else []
    return Status("FAULTS ON " + " + ".join(parts), "bad", _ending(acting))


def _share(shares: Sequence[float]) -> str:
    low, high = min(shares), max(shares)
    return figures.percent(high) if low == high else f"{low:.4g}-{high:.4g}%"


def _ending(proxies: Sequence[ProxyView]) -> str:
    """What ends first of all that ends by itself."""
    ends = [(v.ends_in, v.name) for p in proxies for v in p.mix if v.ends_in is not None]
    ends += [(f.ends_in, f.behavior) for p in proxies for f in p.faults if f.ends_in is not None]
    if not ends:
        return ""
    left, name = min(ends)
    return f"{safe_text(name.removeprefix('100:'), limit=20)} ends {figures.clock(left)}"
