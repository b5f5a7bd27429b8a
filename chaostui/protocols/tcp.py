"""tcp: any protocol, as bytes; an exchange is a turn of the two sides, an error is a reset."""

from __future__ import annotations

from chaostui.protocol import Protocol
from chaostui.protocols import tls


class Tcp(Protocol):
    """Plain TCP, for every backend whose protocol chaostui does not speak."""

    def first(self, data: bytes) -> str:
        return tls.reason(data) if data.startswith(tls.HANDSHAKE) else ""
