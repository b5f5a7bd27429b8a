"""The faults of a with-block: they end with it, or with its process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaostui.client import calls
from chaostui.client.ask import API, Ask, part
from chaostui.errors import ChaosError, EngineRefused, FaultLost
from chaostui.handlers.delay import before
from chaostui.settings import Mix
from chaostui.wire.views import FaultView, SessionView

LEASE = 30.0
"""Seconds after which the faults of a frozen owner end."""

RENEWAL = LEASE / 3
"""Seconds between two renewals, and those that one may take."""

RETRY = LEASE / 30
"""Seconds after a renewal that failed until it is tried again."""

CALMING = {("POST", f"{API}/reset"), ("POST", f"{API}/halt")}
"""Calls that end everybody's faults."""

TRIES = 5
"""How often the end of a block is told to an engine that has no room for another connection."""


def session() -> Ask[SessionView]:
    """A session of this process."""
    return calls.open_session(LEASE, whoami())


def hold_path(id: str) -> str:
    """The path of the answer that stays open as long as a session shall live."""
    return f"{API}/sessions/{part(id)}/hold"


def fault(session: str, name: str, proxy: str | None, options: Mapping[str, Any]) -> Ask[FaultView]:
    """The fault of a with-block: a handler, in either generation's words, and its options."""
    mix, given = wanted(name, options)
    return calls.add_fault(session, str(mix), proxy=proxy, options=given)


def wanted(name: str, options: Mapping[str, Any]) -> tuple[Mix, dict[str, dict[str, Any]] | None]:
    """The mix that a handler's name, or weights, stand for, and the options of its handler.

    Raises ValueError for weights that make no sense, and for options of more than one handler.
    """
    mine = dict(options)
    weights = Mix.parse(name).weights
    if mine and len(weights) != 1:
        raise ValueError("options need one handler to belong to")
    if mine and weights[0][0] == "delay":
        mine = before(mine)
    mix = Mix(tuple(("normal" if n == "dummy" else n, w) for n, w in weights))
    return mix, {weights[0][0]: mine} if mine else None


def calms(ask: Ask[Any]) -> bool:
    """Whether a call ends faults of everybody, also of with-blocks."""
    return (ask.method, ask.path.partition("?")[0]) in CALMING


def ended(fault: FaultView, session: SessionView, cause: Exception | None) -> None:
    """Raise FaultLost where a with-block's fault is not in force any more, and its session is."""
    if fault.id not in session.faults:
        raise FaultLost(
            "the fault of this block ended before the block did: somebody has reset or halted"
            " the engine"
        ) from cause


def gone(error: EngineRefused) -> bool:
    """Whether the engine does not know the session any more; else it may be asked again."""
    return error.status == 404


def busy(error: EngineRefused) -> bool:
    """Whether the engine has no room for another connection just now."""
    return error.status == 503


def lost(error: ChaosError) -> FaultLost:
    """What a with-block raises at its end where its fault had ended before it."""
    return FaultLost(f"the fault of this block ended before the block did: {error}")


def senseless(error: EngineRefused) -> Exception:
    """What a with-block raises: ValueError where its handler, options or proxy do not exist."""
    return ValueError(str(error)) if error.status in (400, 404) else error


def whoami() -> str:
    """This process, for people who look at sessions: its test, else its program."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    return f"{test or Path(sys.argv[0] or 'python').name} (pid {os.getpid()})"[:255]
