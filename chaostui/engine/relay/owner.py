"""What a connection needs of the proxy that it belongs to, and of its engine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from chaostui import protocol
from chaostui.engine.faults.dice import Dice
from chaostui.engine.faults.plan import Armed, Plan
from chaostui.engine.net.files import Files
from chaostui.engine.net.watch import Watch
from chaostui.engine.observe.bus import Bus
from chaostui.engine.observe.stats import Stats
from chaostui.engine.pace.budget import Budget
from chaostui.engine.pace.rounds import Rounds
from chaostui.settings import ProxySettings

if TYPE_CHECKING:
    import asyncio

    from chaostui.engine.net.listener import Listener
    from chaostui.engine.relay.connection import Connection
    from chaostui.engine.relay.dialling import Dialling
    from chaostui.engine.relay.exchanges.contract import Exchanges
    from chaostui.engine.relay.freezer import Freezer
    from chaostui.engine.tls.certificates import Tls


class Engine(Protocol):
    """What all proxies of an engine share."""

    rounds: Rounds
    budget: Budget
    files: Files
    now: float
    """The monotonic clock at the last tick."""


class Owner(Protocol):
    """The proxy."""

    settings: ProxySettings
    plan: Plan
    """What happens now to what passes."""
    dice: Dice
    bus: Bus
    stats: Stats
    watch: Watch
    tls: Tls | None
    """How TLS is ended here; None: it is not."""
    backend_name: str
    slow: float
    """From how long on a reply is told of as slow, in seconds."""
    listener: Listener | None
    exchanges: Callable[[Connection], Exchanges]
    """What finds the exchanges of its connections."""
    half_closed: set[Connection]
    departing: dict[Connection, None]
    sealed: dict[Connection, None]
    dialling: set[Dialling]
    pins: dict[Connection, Armed]
    connections: dict[int, Connection]
    freezer: Freezer

    @property
    def name(self) -> str:
        """The proxy's name."""

    @property
    def core(self) -> Engine:
        """The engine."""

    def new_protocol(self) -> protocol.Protocol:
        """A protocol's instance for a connection."""

    def dial(self, factory: Callable[[], asyncio.Protocol]) -> Coroutine[Any, Any, Any]:
        """Connect the backend."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background."""

    def opened(self, connection: Connection) -> None:
        """A client was accepted."""

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""

    def dialled(self, backend: str, problem: str) -> None:
        """A call of ``backend`` has ended, with a problem or well."""

    def tls_failed(self, connection: Connection, why: str, *, client: bool) -> None:
        """TLS with one of a connection's peers has failed."""

    def handler_failed(self, connection: Connection, handler: str, error: BaseException) -> None:
        """A handler raised on a connection."""

    def lost_frame(self, connection: Connection) -> None:
        """A protocol does not follow a connection any more."""
