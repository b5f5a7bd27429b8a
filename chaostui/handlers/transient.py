"""transient: a call fails some times over, then works: what a retry should live through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Send
from chaostui.handlers.errors import Errors
from chaostui.protocol import Frame


class Transient(Errors):
    """Fail ``agitate`` calls of the proxy, let one pass, and so on."""

    name = "transient"
    aliases = ()

    class Options(Errors.Options, frozen=True, kw_only=True):
        """How many failures before each success."""

        agitate: Annotated[int, Meta(ge=0, description="failures before a success")] = 1

    def on_open(self) -> Iterable[Action]:
        return ()

    def on_waiting(self) -> Iterable[Action]:
        self.count()
        return () if self.passing else super().on_waiting()

    def on_data(self, frame: Frame) -> Iterable[Action]:
        if self.reaches and frame.first:
            self.count()
        if not self.reaches or self.passing:
            yield Send(frame.data)
        else:
            yield from super().on_data(frame)

    def count(self) -> None:
        """Count a call of the proxy and find out whether it is the one that works."""
        shared = self.context.shared
        shared["turn"] = (shared.get("turn", -1) + 1) % (self.options.agitate + 1)
        self.passing = shared["turn"] == self.options.agitate

    passing = False
    """Whether the current call is the one that works."""
