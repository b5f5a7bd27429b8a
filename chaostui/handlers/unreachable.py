"""unreachable: connecting hangs, as behind a firewall that drops; live connections stay."""

from __future__ import annotations

from typing import Any

from chaostui.handler import Door, Handler


class Unreachable(Handler):
    """Leave each client that connects without an answer; those that wait get in afterwards."""

    name = "unreachable"
    scope = "listener"

    @classmethod
    def door(cls, options: Any, seconds: float) -> Door:
        return Door("stall")
