"""hang: the request is accepted and nothing comes back, for as long as it is on."""

from __future__ import annotations

from collections.abc import Iterable

from chaostui.actions import Action, Send, Stall
from chaostui.handler import At, Handler, Limits
from chaostui.protocol import Frame


class Hang(Handler):
    """Read, keep, and pass nothing; what was kept goes on when it is switched off."""

    name = "hang"

    class Options(Limits, frozen=True, kw_only=True):
        """From where on."""

        at: At = "anywhere"

    def on_open(self) -> Iterable[Action]:
        if self.options.at == "anywhere":
            yield Stall()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        spared = self.spare(frame)
        if spared:
            yield Send(frame.data[:spared])
        if spared < len(frame.data):
            yield Stall()
