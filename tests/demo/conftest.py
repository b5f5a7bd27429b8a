"""The demo's clients run on uvloop, as beside an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Have every asyncio test of this folder run on uvloop."""
    return {"uvloop": uvloop.new_event_loop}
