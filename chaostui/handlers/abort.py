"""abort: the backend gets the request and does the work; the client is cut off before the reply."""

from __future__ import annotations

from collections.abc import Iterable

from chaostui.actions import Action, Reset, Send
from chaostui.handler import Handler
from chaostui.protocol import Frame


class Abort(Handler):
    """Deliver the request, reset at the first byte of its reply."""

    name = "abort"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        if self.context.upstream:
            yield Send(frame.data)
        else:
            yield Reset()
