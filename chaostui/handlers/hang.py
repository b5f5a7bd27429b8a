"""hang: the request is accepted and nothing comes back, for as long as it is on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta

from chaostui.actions import Action, Send, Stall
from chaostui.handler import Handler, Limits
from chaostui.protocol import Frame


class Hang(Handler):
    """Read, keep, and pass nothing; what was kept goes on when it is switched off."""

    name = "hang"

    class Options(Limits, frozen=True, kw_only=True):
        """From where on."""

        at: Annotated[
            Literal["session", "anywhere", "request", "reply", "mid-reply"],
            Meta(
                description="where it begins (session: after the login, where there is one;"
                " anywhere: with the connection; mid-reply: half of what comes first passes)"
            ),
        ] = "session"

    def on_open(self) -> Iterable[Action]:
        session = self.options.at == "session" and not self.context.protocol.logins
        if session or self.options.at == "anywhere":
            yield Stall()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        spared = self.spare(frame)
        if spared:
            yield Send(frame.data[:spared])
        if spared < len(frame.data):
            yield Stall()

    def spare(self, frame: Frame) -> int:
        if self.options.at != "session":
            return super().spare(frame)
        return len(frame.data) if self.context.protocol.opens(self.context.request) else 0
