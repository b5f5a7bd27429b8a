"""tcp: any protocol, as bytes; an exchange is a turn of the two sides, an error is a reset."""

from __future__ import annotations

from chaostui.protocol import Protocol
from chaostui.protocols import proxy_header, tls


class Tcp(Protocol):
    """Plain TCP, for every backend whose protocol chaostui does not speak."""

    def first(self, data: bytes) -> str:
        header = proxy_header.read(data) if self.options.proxy_protocol else None
        if header is not None and header.size:
            self.client = header.client
            data = data[header.size :]
        return tls.reason(data) if data.startswith(tls.HANDSHAKE) else ""
