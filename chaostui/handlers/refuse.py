"""refuse: connection refused, though the port is still held; live connections stay."""

from __future__ import annotations

from typing import Any

from chaostui.handler import Door, Handler


class Refuse(Handler):
    """Answer each client that connects with a reset."""

    name = "refuse"
    scope = "listener"

    @classmethod
    def door(cls, options: Any, seconds: float) -> Door:
        return Door("refuse")
