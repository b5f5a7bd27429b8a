"""What lies over a proxy's own mix: faults of sessions and faults with an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaostui.settings import Mix

RawOptions = dict[str, dict[str, Any]]
"""Options as they were given, by handler."""


@dataclass(slots=True, eq=False)
class Layer:
    """A mix with options of its own."""

    mix: Mix = field(default_factory=Mix)
    options: RawOptions = field(default_factory=dict)
    id: str = ""
    session: str = ""
    owner: str = ""
    ends_at: float | None = None
    """On the monotonic clock; None: no end of its own."""


class Layers:
    """A proxy's own mix at the bottom, and what lies over it; the topmost is in force.

    Each is taken away by itself, in any order.
    """

    __slots__ = ("_over", "base")

    def __init__(self, mix: Mix) -> None:
        self.base = Layer(mix)
        self._over: list[Layer] = []

    @property
    def top(self) -> Layer:
        """The one in force."""
        return self._over[-1] if self._over else self.base

    @property
    def over(self) -> tuple[Layer, ...]:
        """Those over the proxy's own mix, the topmost last."""
        return tuple(self._over)

    def push(self, layer: Layer) -> None:
        """Lay one over the others."""
        self._over.append(layer)

    def remove(self, layer: Layer) -> bool:
        """Take one away; False when it is not there any more."""
        if layer not in self._over:
            return False
        self._over.remove(layer)
        return True

    def clear(self) -> None:
        """Back to the proxy's own mix, which is normal from now on."""
        self._over.clear()
        self.base = Layer()


def merged_options(canonical: Callable[[str], str], *levels: RawOptions) -> RawOptions:
    """Options by handler, later levels over earlier ones, aliases brought together."""
    merged: RawOptions = {}
    for level in levels:
        for name, options in level.items():
            handler = canonical(name)
            merged[handler] = {**merged.get(handler, {}), **options}
    return merged
