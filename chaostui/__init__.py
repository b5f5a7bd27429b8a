"""chaostui: a chaos TCP proxy with a terminal console.

The names here are what tests and plugins import. They load what they need when they are
first used, so ``import chaostui`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaostui import actions
    from chaostui.client import AsyncClient, Client, start_proxy, stop_proxy
    from chaostui.handler import Handler

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Client",
    "Handler",
    "__version__",
    "actions",
    "start_proxy",
    "stop_proxy",
]

_HOMES = {
    "AsyncClient": "chaostui.client",
    "Client": "chaostui.client",
    "Handler": "chaostui.handler",
    "start_proxy": "chaostui.client",
    "stop_proxy": "chaostui.client",
}


def __getattr__(name: str) -> object:
    if name == "actions":
        return import_module("chaostui.actions")
    if name not in _HOMES:
        raise AttributeError(f"module 'chaostui' has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
