"""Says in a few words what an action does, for events."""

from __future__ import annotations

from typing import assert_never

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall, Wait, Wake
from chaostui.protocol import Frame


def ending(action: Close | Reset) -> str:
    """Say how a connection is ended, and why, where that is known."""
    if isinstance(action, Close):
        return "closed"
    return f"reset, {action.what}" if action.what else "reset"


def describe(action: Action, frame: Frame) -> str:
    """Say what ``action`` does to ``frame``."""
    size = len(frame.data)
    match action:
        case Send(what=what) | Reply(what=what) if what:
            return f"answered with {what}"
        case Send(data, after):
            return f"held {after:.3f} s, {size} B" if after else f"{size} B became {len(data)} B"
        case Wait(seconds) | Wake(seconds):
            return f"waits {seconds:.3f} s"
        case Reply(data):
            return f"answered with {len(data)} B"
        case Call(_, name):
            return f"called {name}"
        case Stall():
            return f"stalled, {size} B wait" if size else "stalled"
        case Close() | Reset():
            return ending(action)
        case _:
            assert_never(action)
