"""Commands that make a first connection through a proxy: the protocol's own client."""

from __future__ import annotations

from collections.abc import Mapping

from chaostui.protocol import Protocol
from chaostui.safe_text import safe_text
from chaostui.wire.shapes import ProtocolHelp


def example(protocols: Mapping[str, ProtocolHelp], protocol: str, listen: str) -> str:
    """The command of a client that speaks ``protocol``; ``nc`` where none is known."""
    known = protocols.get(protocol)
    command = (known.example if known else "") or Protocol.example
    host, _, port = safe_text(listen).rpartition(":")
    bare = (host or "127.0.0.1").strip("[]")
    return safe_text(
        command.replace("{host}", bare)
        .replace("{port}", port)
        .replace("{listen}", f"{host or '127.0.0.1'}:{port}")
    )


def guess(backend: str, protocols: Mapping[str, ProtocolHelp]) -> str:
    """The protocol that a backend's port usually speaks."""
    port = backend.rpartition(":")[2]
    number = int(port) if port.isascii() and port.isdecimal() else 0
    return next((name for name, known in protocols.items() if number in known.ports), "tcp")
