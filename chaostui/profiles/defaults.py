"""Vaurien's defaults, which hold where nothing else is said."""

from __future__ import annotations

LISTEN = "localhost:8000"
BACKEND = "localhost:80"
CONTROL_HOST = "localhost"
CONTROL_PORT = 8080
