"""Fixtures for the tests of the clients."""

from __future__ import annotations

from tests.api.conftest import echo, engine

__all__ = ["echo", "engine"]
