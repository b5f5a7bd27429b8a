"""Fixtures for the tests of the control API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.engine import Echo, Engine, proxy
from tests.api.toxiproxy import Toxiproxy


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Run an engine with the proxy ``web``, whose backend nobody serves."""
    with Engine(proxy()) as running:
        yield running


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Run a backend that answers what it is sent."""
    with Echo() as running:
        yield running


@pytest.fixture
def echoing(echo: Echo) -> Iterator[Toxiproxy]:
    """Run an engine that speaks Toxiproxy's API, with the proxy ``p`` before an echo."""
    with Toxiproxy() as running:
        running.create("p", echo.address)
        yield running
