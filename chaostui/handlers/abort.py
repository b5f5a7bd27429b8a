"""abort: the backend gets the request and does the work; the client is cut off before the reply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta

from chaostui.actions import Action, Reset, Send
from chaostui.handler import Handler, Limits
from chaostui.protocol import Frame


class Abort(Handler):
    """Deliver the request, reset at the first byte of its reply, or earlier, or later."""

    name = "abort"
    one_way = True

    class Options(Limits, frozen=True, kw_only=True):
        """When."""

        at: Annotated[
            Literal["request", "reply", "mid-reply"],
            Meta(description="when it cuts: before the request, before the reply or within it"),
        ] = "reply"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        # Anything that the backend says cuts, a greeting too, unless it is a reply's second half.
        spared = 0 if self.acts and self.options.at == "reply" else self.spare(frame)
        if spared:
            yield Send(frame.data[:spared])
        if spared < len(frame.data):
            yield Reset()
