"""hang: the request is accepted and nothing comes back, for as long as it is on."""

from __future__ import annotations

from collections.abc import Iterable

from chaostui.actions import Action, Stall
from chaostui.handler import Handler
from chaostui.protocol import Frame


class Hang(Handler):
    """Read, keep, and pass nothing; what was kept goes on when it is switched off."""

    name = "hang"

    def on_open(self) -> Iterable[Action]:
        yield Stall()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Stall()
