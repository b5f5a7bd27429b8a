"""Arithmetic on the weights of a mix, in percent; what is left of 100 is ``normal``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chaostui.settings import Mix

NORMAL = "normal"
FIRST_WEIGHT = 20.0
"""What a handler gets when it is switched on for the first time."""
FIRST_TOTAL = 50.0
"""What all faults get when ``normal`` is switched on again for the first time."""

Weights = dict[str, float]


def read(behavior: str) -> Weights:
    """Read ``20:delay,5:errors``; ``normal`` is left out, being what is left."""
    return {name: weight for name, weight in Mix.parse(behavior).weights if name != NORMAL}


def write(weights: Mapping[str, float]) -> str:
    """Write a mix as ``20:delay,5:errors``; handlers without weight are left out."""
    return ",".join(f"{weight:g}:{name}" for name, weight in weights.items() if weight > 0)


def faulty(weights: Mapping[str, float]) -> float:
    """The share of the traffic that is not normal."""
    return min(100.0, sum(weight for name, weight in weights.items() if name != NORMAL))


def room(weights: Mapping[str, float], name: str) -> float:
    """The most ``name`` can have while the others keep theirs."""
    return _tidy(100.0 - sum(w for other, w in weights.items() if other not in (name, NORMAL)))


def set_weight(weights: Mapping[str, float], name: str, weight: float) -> Weights:
    """Give ``name`` a weight from 0 to what the others leave. ``normal`` is what is left."""
    if name == NORMAL:
        return scale(weights, 100.0 - min(max(weight, 0.0), 100.0))
    changed = dict(weights)
    changed[name] = _tidy(min(max(weight, 0.0), room(weights, name)))
    return changed


def scale(weights: Mapping[str, float], total: float) -> Weights:
    """Scale all faults so that they add up to ``total``; nothing happens where there is none."""
    now = faulty(weights)
    if not now:
        return dict(weights)
    return {name: _tidy(weight * total / now) for name, weight in weights.items()}


def step(weights: Mapping[str, float], name: str, delta: float) -> Weights:
    """Raise or lower a weight by ``delta`` percent, within its bounds."""
    now = 100.0 - faulty(weights) if name == NORMAL else weights.get(name, 0.0)
    return set_weight(weights, name, now + delta)


def is_on(weights: Mapping[str, float], name: str) -> bool:
    """Whether a handler has any of the traffic."""
    return faulty(weights) < 100.0 if name == NORMAL else weights.get(name, 0.0) > 0


def switch(weights: Mapping[str, float], name: str, weight: float, *, on: bool) -> Weights:
    """Switch ``name`` on with ``weight``, or off; what is so already stays as it is.

    ``normal`` off means that the faults share all the traffic; on again, that they return to
    a total of ``weight``.
    """
    if is_on(weights, name) == on:
        return dict(weights)
    if name == NORMAL:
        return scale(weights, weight if on else 100.0)
    return set_weight(weights, name, weight if on else 0.0)


def solo(name: str) -> Weights:
    """All the traffic to one handler."""
    return {} if name == NORMAL else {name: 100.0}


def equal(weights: Mapping[str, float]) -> Weights:
    """Spread 100 equally over the handlers that are on, ``normal`` included if it has a share."""
    on = [name for name, weight in weights.items() if weight > 0 and name != NORMAL]
    shares = len(on) + (faulty(weights) < 100.0)
    each = int(1000 / shares) / 10 if shares else 0.0
    return {name: each if name in on else 0.0 for name in weights}


def order(behavior: str, catalogue: Iterable[str], before: Iterable[str] = ()) -> tuple[str, ...]:
    """The order of handlers on the keys 1 to 9: ``normal``, the profile's, then all others.

    Names in ``before`` keep their places, so that a key never changes its meaning in a session.
    """
    names = [*before] or [NORMAL]
    names += [*read(behavior), *catalogue]
    return tuple(dict.fromkeys(names))


def _tidy(weight: float) -> float:
    return max(0.0, round(weight, 3))
