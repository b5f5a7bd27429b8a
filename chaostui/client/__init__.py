"""Clients of a running engine, and the start and stop of one in a process of its own.

* ``sync``          Client, for tests and scripts
* ``asynchronous``  AsyncClient, for the console and asyncio programs
* ``process``       start_proxy and stop_proxy
* ``ask``           a request, and how its answer is read; ``calls`` lists all of them once
* ``owner``         the faults of a with-block, which end with its process
* ``address``       where an engine answers, and what goes into every request

What the API answers, and live frames, are ``chaostui.wire``'s.
Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaostui.client.ask import Dropped
    from chaostui.client.asynchronous import AsyncClient
    from chaostui.client.process import start_proxy, stop_proxy
    from chaostui.client.sync import Client
    from chaostui.wire.frame import Frame

__all__ = ["AsyncClient", "Client", "Dropped", "Frame", "start_proxy", "stop_proxy"]

_HOMES = {
    "AsyncClient": "chaostui.client.asynchronous",
    "Client": "chaostui.client.sync",
    "Dropped": "chaostui.client.ask",
    "Frame": "chaostui.wire.frame",
    "start_proxy": "chaostui.client.process",
    "stop_proxy": "chaostui.client.process",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'chaostui.client' has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
