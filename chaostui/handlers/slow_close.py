"""slow_close: the end of the connection comes late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Wait
from chaostui.handler import Handler, Limits


class SlowClose(Handler):
    """Hold a FIN back, in each direction for itself."""

    name = "slow_close"

    class Options(Limits, frozen=True, kw_only=True):
        """How late."""

        delay: Annotated[
            float,
            Meta(ge=0, le=86_400, description="how late the end comes", extra={"unit": "s"}),
        ] = 1.0

    def on_eof(self) -> Iterable[Action]:
        yield Wait(self.options.delay)
