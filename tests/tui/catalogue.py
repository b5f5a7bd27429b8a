"""A fixed catalogue of handlers, as ``GET /handlers`` tells it, so that pictures stay the same."""

from __future__ import annotations

from typing import Any


def _option(name: str, kind: str, default: Any, text: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "unit": "", "minimum": None, "maximum": None,
            "choices": [], "default": default, "help": text, **more}  # fmt: skip


_COMMON = [
    _option("max_hits", "integer", 0, "hits before it is normal again (0: no limit)", minimum=0),
    _option("every", "integer", 1, "hit only each Nth time it is drawn", minimum=1),
    _option("duration", "number", 0.0, "how long it stays armed (0: no end)", unit="s",
            minimum=0, maximum=31_536_000),
]  # fmt: skip
_DIRECTION = ["upstream", "downstream", "both"]

_OWN: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "normal": ("nothing happens", []),
    "delay": ("the request reaches the backend late", [
        _option("sleep", "number", 1.0, "how long to hold back", unit="s", minimum=0,
                maximum=86_400),
        _option("jitter", "number", 0.0, "spread around it", unit="s", minimum=0, maximum=86_400),
        _option("distribution", "string", "constant", "shape of the spread",
                choices=["constant", "uniform", "normal", "lognormal", "pareto"]),
        _option("direction", "string", "upstream", "which way is held back", choices=_DIRECTION),
    ]),
    "errors": ("the protocol's own error comes back", [
        _option("kind", "string", "", "the protocol's name of the error (empty: a likely one)"),
        _option("inject", "boolean", False, "instead: put random bytes into the request"),
        _option("warmup", "integer", 0, "calls that pass before it begins", minimum=0),
    ]),
    "hang": ("request accepted, nothing comes back", []),
    "blackout": ("sockets closed, backend never called", []),
    "throttle": ("slow link", [
        _option("rate", "number", 64.0, "at most so much", unit="kB/s", minimum=0.1),
    ]),
    "corrupt": ("flipped bits, length kept", [
        _option("rate", "number", 0.01, "share of bytes hit", minimum=0, maximum=1),
        _option("bits", "integer", 1, "bits flipped in a byte", minimum=1, maximum=8),
    ]),
    "abort": ("request delivered, connection cut before the reply", []),
    "reset": ("connection reset by peer", [
        _option("after", "number", 0.0, "after so long", unit="s", minimum=0),
    ]),
    "truncate": ("connection cut after N bytes", [
        _option("bytes", "integer", 1024, "after so many bytes", unit="B", minimum=0),
    ]),
    "transient": ("a call fails some times over, then works", []),
    "slice": ("bytes come in crumbs", []),
    "slow_accept": ("for a while nobody is at the other end", []),
    "slow_close": ("the end of the connection comes late", []),
    "timeout": ("data is swallowed", []),
    "loss": ("lost segments", []),
    "refuse": ("connection refused", []),
    "unreachable": ("connecting hangs", []),
    "bounce": ("the backend restarts", []),
}  # fmt: skip

CATALOGUE: list[dict[str, Any]] = [
    {"name": name, "aliases": [], "help": text, "options": [*own, *_COMMON]}
    for name, (text, own) in _OWN.items()
]
