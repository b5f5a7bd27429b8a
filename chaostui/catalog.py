"""The handlers and protocols that a program knows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaostui.handler import Handler
from chaostui.protocol import Protocol


@dataclass(frozen=True)
class Catalog:
    """The classes an engine knows, by name; aliases are further keys."""

    handlers: Mapping[str, type[Handler]]
    protocols: Mapping[str, type[Protocol]]
