"""What the control API answers beyond the engine's views."""

from __future__ import annotations

from typing import Any

import msgspec

from chaostui.options import Option
from chaostui.wire.views import HandlerView


class HealthView(msgspec.Struct, frozen=True):
    """All listeners are bound."""

    status: str = "ok"


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine this is."""

    version: str
    unauthenticated: bool
    """Reachable from other hosts without a token."""


class HandlerHelp(msgspec.Struct, frozen=True, kw_only=True):
    """A handler that mixes and chains may name."""

    name: str
    aliases: tuple[str, ...]
    help: str
    scope: str = "connection"
    """``listener``: it meets all who connect; its weight is a share of the time."""
    options: tuple[Option, ...]


class KindHelp(msgspec.Struct, frozen=True, kw_only=True):
    """An error that a protocol can speak."""

    name: str
    help: str
    phases: tuple[str, ...]
    default: bool


class ProtocolHelp(msgspec.Struct, frozen=True, kw_only=True):
    """A protocol that a proxy may speak."""

    name: str
    help: str
    kinds: tuple[KindHelp, ...]
    ports: tuple[int, ...] = ()
    """Where its servers usually listen."""
    example: str = ""
    """The command that makes a first connection, with ``{host}``, ``{port}`` and ``{listen}``."""


class ProfileView(msgspec.Struct, frozen=True, kw_only=True):
    """A profile in JSON's types, without what is at its default."""

    profile: dict[str, Any]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One value that a profile would change."""

    path: str
    running: Any
    given: Any


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """All that a profile would change."""

    changes: list[Difference]


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    """The file that was written."""

    path: str


class MixView(msgspec.Struct, frozen=True, kw_only=True):
    """The mix in force."""

    behavior: str
    mix: tuple[HandlerView, ...]


class HandlersView(msgspec.Struct, frozen=True):
    """Names that ``POST /handler`` takes."""

    handlers: list[str]


class BehaviorView(msgspec.Struct, frozen=True):
    """The behavior in force."""

    behavior: str


class BehaviorsView(msgspec.Struct, frozen=True):
    """Names that ``PUT /behavior`` takes."""

    behaviors: list[str]


class BackendView(msgspec.Struct, frozen=True):
    """Where the proxy connects to."""

    backend: str


class StatusView(msgspec.Struct, frozen=True):
    """It is done."""

    status: str = "ok"
