"""Work beside the screen, owned by the widget, screen or app that starts it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.dom import DOMNode


def start(owner: DOMNode, work: Callable[[], Awaitable[None]], group: str) -> None:
    """Start work in a group of which one runs at a time; the newest one wins.

    It ends with its owner. ``work`` is called only when it really begins.
    """
    owner.run_worker(work, exclusive=True, group=group)
