"""The catalogue of handlers as ``GET /handlers`` tells it."""

from __future__ import annotations

from typing import Any

import msgspec

from chaostui.api.native_engine import catalogue
from chaostui.registry import builtin

CATALOGUE: list[dict[str, Any]] = [msgspec.to_builtins(each) for each in catalogue(builtin())]
