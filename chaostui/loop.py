"""Runs a coroutine on a uvloop of its own, and ends with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from chaostui.safe_text import safe_text

log = logging.getLogger("chaostui.loop")
T = TypeVar("T")

OURS = str(Path(__file__).parent)
PATIENCE = 0.5
"""Seconds that tasks have to end when they are cancelled."""


class TasksLeft(Exception):
    """Some tasks did not end when they were cancelled, and go on until the process ends."""

    def __init__(self, result: Any) -> None:
        super().__init__("tasks are left that swallow their cancellation")
        self.result = result


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` and return what it does; the other tasks are cancelled then.

    ``uvloop.run`` waits for ever for a task that swallows its cancellation; here TasksLeft is
    raised, and such a task is named in the log.
    """
    loop = uvloop.new_event_loop()
    try:
        try:
            result = loop.run_until_complete(main)
        finally:
            left = _cancel(loop)
        if left:
            raise TasksLeft(result)
        return result
    finally:
        loop.close()


def place(awaited: Any) -> str:
    """Where a coroutine waits, as ``name at file:line``: in the first code that is not ours."""
    frames = []
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames.append(frame)
        awaited = awaited.cr_await
    theirs = [each for each in frames if not each.f_code.co_filename.startswith(OURS)]
    found = (theirs or frames)[0]
    return f"{found.f_code.co_qualname} at {found.f_code.co_filename}:{found.f_lineno}"


def _cancel(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """Cancel all tasks; return those that do not end."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    left: set[asyncio.Task[Any]] = set()
    if tasks:
        _, left = loop.run_until_complete(asyncio.wait(tasks, timeout=PATIENCE))
    for task in left:
        log.warning("%s does not end when it is cancelled", safe_text(place(task.get_coro())))
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
    loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), PATIENCE))
    return left
