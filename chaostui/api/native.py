"""The native API, ``/api/v1``: its whole table."""

from __future__ import annotations

from msgspec.structs import replace

from chaostui.api import (
    native_connections,
    native_engine,
    native_events,
    native_faults,
    native_live,
    native_profile,
    native_proxies,
    native_sessions,
    native_tap,
)

PREFIX = "/api/v1"

ROUTES = tuple(
    replace(route, path=PREFIX + route.path)
    for module in (
        native_engine,
        native_proxies,
        native_faults,
        native_connections,
        native_events,
        native_profile,
        native_sessions,
        native_live,
        native_tap,
    )
    for route in module.ROUTES
)
