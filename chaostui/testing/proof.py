"""The proof that a fault really hit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaostui.safe_text import safe_text
from chaostui.wire.views import ProxyView


class NeverHit(AssertionError):
    """A test passed, or would have, without the fault it is about."""


class Fault:
    """A fault that is in force within a block, and its hits since the block began."""

    def __init__(
        self, behavior: str, hits: Callable[[], int], wait: Callable[[int, float], int]
    ) -> None:
        self.behavior = behavior
        self._hits = hits
        self._wait = wait
        self._before = hits()

    def __repr__(self) -> str:
        return f"<Fault {self.behavior} {self.hits} hits>"

    @property
    def hits(self) -> int:
        """How often it has hit since the block began."""
        return self._hits() - self._before

    def wait_for_hit(self, count: int = 1, timeout: float = 5.0) -> int:
        """Wait until it has hit so often since the block began; NeverHit after ``timeout`` s."""
        return self._wait(self._before + count, timeout) - self._before


def account(handlers: Sequence[str], when: str, proxies: Sequence[ProxyView]) -> str:
    """Why a fault may not have hit, from what its proxies saw instead."""
    what = " and ".join(handlers) or "any fault"
    return "\n  ".join([f"{what} did not hit {when}", *map(seen, proxies)])


def seen(proxy: ProxyView) -> str:
    """What a proxy saw, in a line."""
    stats = proxy.stats
    hits = ", ".join(f"{count} {name}" for name, count in stats.hits.items()) or "none"
    return safe_text(
        f"{proxy.name} ({proxy.listen} to {proxy.backend}), {proxy.behavior or 'normal'}:"
        f" connections {stats.connections}, exchanges {stats.exchanges}, hits {hits}"
        + (f", last error: {proxy.last_error}" if proxy.last_error else ""),
        limit=1_000,
    )
