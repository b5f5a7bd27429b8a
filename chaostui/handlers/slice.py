"""slice: bytes come in crumbs, each a segment of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Meta

from chaostui.actions import Action, Send, Wait
from chaostui.handler import At, Handler, Limits, Way
from chaostui.protocol import Frame


class Slice(Handler):
    """Cut what comes together into pieces, with a pause after each."""

    name = "slice"
    one_way = True

    class Options(Limits, frozen=True, kw_only=True):
        """How small, how evenly, how slowly."""

        size: Annotated[
            int,
            Meta(
                ge=0,
                le=1_048_576,
                description="a piece's bytes, on average (0: as they come)",
                extra={"unit": "B"},
            ),
        ] = 64
        variation: Annotated[
            int,
            Meta(ge=0, le=1_048_576, description="spread around it", extra={"unit": "B"}),
        ] = 0
        delay: Annotated[
            float,
            Meta(ge=0, le=86_400_000, description="pause after each piece", extra={"unit": "ms"}),
        ] = 0.0
        direction: Way = "both"
        at: At = "anywhere"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        spared = self.spare(frame)
        if spared:
            yield Send(frame.data[:spared])
        for piece in self.pieces(frame.data[spared:]) if spared < len(frame.data) else ():
            yield Send(piece)
            # Even no time at all lets the piece leave before the next one is written.
            yield Wait(self.options.delay / 1000)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Halve ``data``, more or less, until every piece is short enough."""
        size, variation = self.options.size, self.options.variation
        pending = [(0, len(data))]
        while pending:
            start, end = pending.pop()
            length = end - start
            if not size or length <= max(size + variation, 1):
                yield data[start:end]
                continue
            shift = self.context.dice.randint(-variation, variation) if variation else 0
            middle = min(max(start + length // 2 + shift, start + 1), end - 1)
            pending += [(middle, end), (start, middle)]
