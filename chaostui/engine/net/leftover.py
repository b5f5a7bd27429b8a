"""What a peer had sent before its connection broke, and nobody has read yet.

A write fails at once where the peer has reset the connection; what it sent before, its reason
perhaps, still lies in the kernel's buffer. No loop reads that: it tells of the failure alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

CHUNK = 262_144


def leftover(transport: asyncio.BaseTransport | None) -> Iterator[bytes]:
    """Read the rest; to be called by ``connection_lost``, while the socket is still open.

    It is as much as the kernel's receive buffer holds, at most (``tcp_rmem``).
    """
    sock = transport.get_extra_info("socket") if transport is not None else None
    fd = -1 if sock is None else sock.fileno()
    while fd >= 0:
        try:
            data = os.read(fd, CHUNK)
        except OSError:
            return
        if not data:
            return
        yield data
