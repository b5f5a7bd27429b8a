"""slow_accept: the connection stands, but for a while nobody is at the other end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Wait
from chaostui.handler import Handler, Limits


class SlowAccept(Handler):
    """Call the backend late, as a server does whose accept queue is long."""

    name = "slow_accept"

    class Options(Limits, frozen=True, kw_only=True):
        """How late."""

        delay: Annotated[
            float,
            Meta(ge=0, le=86_400, description="how long a client waits", extra={"unit": "s"}),
        ] = 1.0

    def on_open(self) -> Iterable[Action]:
        yield Wait(self.options.delay)
