"""Reads server-sent events of the engine."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from chaostui.client.ask import Dropped
from chaostui.events import AnyEvent

_event = msgspec.json.Decoder(AnyEvent)
_dropped = msgspec.json.Decoder(Dropped)


class Reader:
    """Makes events of the bytes of a stream, however they are cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[AnyEvent | Dropped]:
        """The events that are complete with ``data``."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            lines = block.split(b"\n")
            found = [line[6:] for line in lines if line.startswith(b"data: ")]
            if not found:
                continue
            if b"event: dropped" in lines:
                yield _dropped.decode(found[0])
            else:
                yield _event.decode(found[0])
