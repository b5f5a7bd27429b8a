"""reset: "connection reset by peer", at the next bytes or end, or so many seconds after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Reset as ResetBoth, Wait
from chaostui.handler import Handler, Limits
from chaostui.protocol import Frame


class Reset(Handler):
    """Reset both sides; what had just arrived is lost."""

    name = "reset"

    class Options(Limits, frozen=True, kw_only=True):
        """When."""

        after: Annotated[
            float,
            Meta(ge=0, le=86_400, description="how long after them", extra={"unit": "s"}),
        ] = 0.0

    def on_data(self, frame: Frame) -> Iterable[Action]:
        return self._reset()

    def on_eof(self) -> Iterable[Action]:
        return self._reset()

    def on_other_eof(self) -> Iterable[Action]:
        # A client that closes leaves by a reset, too: nothing would come this way any more.
        yield ResetBoth()

    def _reset(self) -> Iterable[Action]:
        if self.options.after:
            yield Wait(self.options.after)
        yield ResetBoth()
