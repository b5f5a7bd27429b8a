"""timeout: data is swallowed, and the connection closed after a time of quiet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Close, Send, Wake
from chaostui.handler import Handler, Limits
from chaostui.protocol import Frame


class Timeout(Handler):
    """Swallow everything; what is lost cannot come back, so switching it off closes too."""

    name = "timeout"

    class Options(Limits, frozen=True, kw_only=True):
        """How long."""

        timeout: Annotated[
            float,
            Meta(
                ge=0,
                le=31_536_000,
                description="quiet after which it closes (0: never)",
                extra={"unit": "s"},
            ),
        ] = 0.0

    def on_start(self) -> Iterable[Action]:
        if self.options.timeout:
            yield Wake(self.options.timeout)

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(b"")
        yield from self.on_start()

    def on_wake(self) -> Iterable[Action]:
        if self.options.timeout:
            yield Close()

    def on_eof(self) -> Iterable[Action]:
        yield Close()

    def on_stop(self) -> Iterable[Action]:
        yield Close()
