"""truncate: the connection is cut after so many bytes, or after a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from chaostui.actions import Action, Close, Send, Wake
from chaostui.handler import At, Context, Handler, Limits, Way
from chaostui.protocol import Frame


class Truncate(Handler):
    """Pass exactly ``bytes`` bytes and close; count anew where it is switched on anew."""

    name = "truncate"
    one_way = True

    class Options(Limits, frozen=True, kw_only=True):
        """How much, or how long."""

        bytes: Annotated[
            int,
            Meta(
                ge=0,
                le=2**62,
                description="what still passes; with a time: 0 is no limit",
                extra={"unit": "B"},
            ),
        ] = 1000
        after: Annotated[
            float,
            Meta(
                ge=0,
                le=86_400,
                description="cut after so long, whatever has passed (0: by bytes alone)",
                extra={"unit": "s"},
            ),
        ] = 0.0
        direction: Way = "downstream"
        at: At = "anywhere"

    def __init__(self, options: Any, context: Context) -> None:
        super().__init__(options, context)
        self._passed = 0
        self._begun: float | None = None

    def on_start(self) -> Iterable[Action]:
        if self.acts and self.options.after:
            if self._begun is None:
                self._begun = self.context.now
            yield Wake(max(self._begun + self.options.after - self.context.now, 0.0))

    def on_data(self, frame: Frame) -> Iterable[Action]:
        spared = self.spare(frame)
        if spared:
            yield Send(frame.data[:spared])
        rest = frame.data[spared:]
        if spared and not rest:
            return
        yield from self.on_start()
        if self.options.after and not self.options.bytes:
            yield Send(rest)
            return
        if frame.first and self.options.at != "anywhere":
            self._passed = 0
        piece = rest[: max(self.options.bytes - self._passed, 0)]
        self._passed += len(piece)
        if piece:
            yield Send(piece)
        if self._passed >= self.options.bytes:
            yield Close()

    def on_wake(self) -> Iterable[Action]:
        if self.acts and self.options.after:
            yield Close()
