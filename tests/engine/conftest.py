"""The engine's tests run on uvloop, as the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Have every asyncio test of this folder run on uvloop."""
    return {"uvloop": uvloop.new_event_loop}
