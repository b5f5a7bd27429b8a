"""Everything chaostui raises on purpose, as one tree.

* ChaosError
    * SettingsError     a profile, option or command line that cannot be used
    * NotFound          no such proxy, handler, connection, session or chain entry
    * Conflict          a name or an address that is taken
    * NotAllowed        refused by policy: own listener as backend, code named over HTTP
    * Halted            a new fault while everything is halted
    * CannotListen      an address that cannot be bound
    * EngineUnreachable the client finds no engine at the address
    * EngineRefused     the engine answered a client's call with an error
    * FaultLost         a with-block's fault ended before the block did
    * HandlerError      a user's handler broke its contract

Each front maps this tree once: ``cli`` to exit codes, ``api`` to HTTP statuses,
the console to a line of text.
"""

from __future__ import annotations

from dataclasses import dataclass


class ChaosError(Exception):
    """The root of every error that chaostui raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with some settings.

    ``place`` says where (``chaos.toml:12:3``, ``--behavior``, ``proxy[0].listen``),
    ``what`` says what is wrong and the way out.
    """

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what


class SettingsError(ChaosError):
    """Settings that cannot be used; carries every problem found, not the first one."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class NotFound(ChaosError):
    """There is no such thing."""


class Conflict(ChaosError):
    """The name or the address is taken."""


class NotAllowed(ChaosError):
    """Refused by policy."""


class Halted(ChaosError):
    """No new fault is taken until the halt is released."""


class CannotListen(ChaosError):
    """An address cannot be bound.

    Where they are known, ``host`` is what was asked for, ``address`` the IP address and port
    that cannot be bound, and ``reason`` why, in the system's words.
    """

    def __init__(
        self, message: str, *, host: str = "", address: str = "", reason: str = ""
    ) -> None:
        super().__init__(message)
        self.host = host
        self.address = address
        self.reason = reason


class EngineUnreachable(ChaosError):
    """No engine answers at the address."""


class EngineRefused(ChaosError):
    """The engine answered with an error; ``status`` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class FaultLost(ChaosError):
    """The fault of a with-block ended before the block did: what ran there proves nothing."""


class HandlerError(ChaosError):
    """A user's handler broke its contract."""
