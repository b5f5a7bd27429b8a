"""blackout: the sockets are closed at once and the backend is never called."""

from __future__ import annotations

from collections.abc import Iterable

from chaostui.actions import Action, Close
from chaostui.handler import Handler
from chaostui.protocol import Frame


class Blackout(Handler):
    """Close on sight."""

    name = "blackout"

    def on_open(self) -> Iterable[Action]:
        yield Close()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Close()
