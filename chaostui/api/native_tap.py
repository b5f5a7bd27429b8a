"""The payload of one connection, for a console that shows it."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator

import msgspec

from chaostui.api.routes import Call, Route
from chaostui.api.streaming import Stream
from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.relay.tap import Payload

_encoder = msgspec.msgpack.Encoder()


async def tap(call: Call) -> Stream:
    """Stream what passes on a connection from now on."""
    payload = call.supervisor.tap(call.id)
    return Stream(_chunks(call.supervisor, call.id, payload), "application/octet-stream")


async def _chunks(supervisor: Supervisor, id: int, payload: Payload) -> AsyncGenerator[bytes]:
    try:
        while chunks := await payload.take():
            for chunk in chunks:
                packed = _encoder.encode(chunk)
                yield struct.pack("<I", len(packed)) + packed
    finally:
        supervisor.untap(id, payload)


ROUTES = (
    Route(method="GET", path="/connections/{id:int}/tap", endpoint=tap,
          media="application/octet-stream",
          summary="Its payload from now on, in binary, see docs/api.md; secrets are left out"),
)  # fmt: skip
