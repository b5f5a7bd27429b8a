"""normal: nothing happens; every byte passes as it came."""

from __future__ import annotations

from chaostui.handler import Handler


class Normal(Handler):
    """Pass everything on untouched."""

    name = "normal"
    aliases = ("dummy",)
