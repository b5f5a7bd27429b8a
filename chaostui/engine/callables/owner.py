"""What a user's function needs of the connection that it is called on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from chaostui.actions import Close, Reset
from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.faults.items import NO_FRAME, What
from chaostui.handler import Direction
from chaostui.protocol import Frame
from chaostui.settings import ProxySettings

if TYPE_CHECKING:
    from chaostui.engine.callables.calls import UserCall


class Endpoint(Protocol):
    """One of the two sockets."""

    def pause(self, reason: int) -> None:
        """Stop reading."""

    def resume(self, reason: int) -> None:
        """Read on, when no other reason is left."""

    async def drained(self) -> None:
        """Return when the peer has read enough for more to be written, or is gone."""


class Owner(Protocol):
    """The proxy."""

    settings: ProxySettings

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background."""


class Caller(Protocol):
    """The connection."""

    @property
    def proxy(self) -> Owner:
        """Whose it is."""

    @property
    def up(self) -> Way:
        """The way to the backend."""

    @property
    def down(self) -> Way:
        """The way to the client."""

    def finish(self, final: Close | Reset, exchange: Exchange | None) -> None:
        """End it."""

    def failed(self, handler: str, error: BaseException) -> None:
        """The function raised."""


class Way(Protocol):
    """One direction of the connection."""

    direction: Direction
    dead: bool
    tap: UserCall | None

    @property
    def connection(self) -> Caller:
        """Whose it is."""

    @property
    def source(self) -> Endpoint:
        """Where its bytes come from."""

    @property
    def dest(self) -> Endpoint:
        """Where they go."""

    def send(self, data: bytes) -> None:
        """Pass bytes on behind those that are held."""

    def feed(self, what: What, frame: Frame = NO_FRAME, exchange: Exchange | None = None) -> None:
        """Take bytes, or an end, in their turn."""

    def end(self) -> None:
        """The source has sent its FIN."""

    def settle(self) -> None:
        """Find out anew whether bytes may pass untouched."""
