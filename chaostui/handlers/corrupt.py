"""corrupt: bits are flipped on the way; the length stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Send
from chaostui.handler import Handler, Limits, Way
from chaostui.protocol import Frame


class Corrupt(Handler):
    """Flip ``bits`` bits, at random, in a share of what arrives together."""

    name = "corrupt"
    one_way = True

    class Options(Limits, frozen=True, kw_only=True):
        """How often, and how much."""

        rate: Annotated[
            float,
            Meta(ge=0, le=100, description="share of the chunks that are hit", extra={"unit": "%"}),
        ] = 100.0
        bits: Annotated[int, Meta(ge=1, le=65_536, description="flipped bits in each of them")] = 1
        direction: Way = "downstream"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        if self.acts and self.context.dice.random() * 100 < self.options.rate:
            yield Send(self.flip(frame.data))
        else:
            yield Send(frame.data)

    def flip(self, data: bytes) -> bytes:
        """Flip different bits, as many as there are at most."""
        flipped = bytearray(data)
        bits = len(data) * 8
        for place in self.context.dice.sample(range(bits), min(self.options.bits, bits)):
            flipped[-1 - place // 8] ^= 1 << place % 8
        return bytes(flipped)
