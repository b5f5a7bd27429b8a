"""What a connection asks of whatever finds its exchanges."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from chaostui.actions import Close, Reset
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.relay.flow import Link

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Plan


class Turn(Enum):
    """Whose turn it is.

    ====== ================================= ==========================================
    turn   the client speaks                 the backend speaks
    ====== ================================= ==========================================
    FRESH  the exchange drawn at open goes   it belongs to that exchange: a greeting
           on: CLIENT
    CLIENT goes on                           answers: BACKEND, or LOOK where a plan acts
    BACKEND begins an exchange: CLIENT       goes on
    LOOK   begins an exchange: CLIENT        after a pause, a push: an exchange of its own
    ====== ================================= ==========================================
    """

    FRESH = 0
    CLIENT = 1
    BACKEND = 2
    LOOK = 3


class Exchanges(Protocol):
    """Finds the exchanges of one connection in the bytes of both directions."""

    turn: Turn

    def cut_requests(self, data: bytes) -> None:
        """Bytes from the client: find the exchanges in them, and pass them on."""

    def cut_replies(self, data: bytes) -> None:
        """Bytes from the backend: find whose they are, and pass them on."""

    def source_ended(self, link: Link) -> None:
        """The peer that feeds ``link`` has sent its FIN: what is held back goes on before it."""

    def take_rest(self, link: Link | None) -> None:
        """A peer is gone: of what was not looked at yet, take what goes on by ``link`` alone."""

    def answer(self, exchange: Exchange | None, data: bytes, link: Link) -> None:
        """Send a reply made here back to where the bytes of ``link`` came from."""

    def finish(self, final: Close | Reset, exchange: Exchange | None) -> bool:
        """A handler ends the connection; return whether that must wait, and comes by itself."""

    def wrote(self, link: Link) -> None:
        """Bytes left ``link`` that did not pass untouched."""

    def stage_of(self, link: Link) -> Stage | None:
        """The instance of the drawn handler that all bytes of ``link`` now go through."""

    def end_all(self) -> None:
        """The connection is over, and so are its exchanges."""

    # -- where a plan acts ------------------------------------------------------------------

    @property
    def special(self) -> bool:
        """Whether a handler acts on an exchange that is not the newest."""

    @property
    def replies_due(self) -> bool:
        """Whether the backend owes a reply, as far as that is known."""

    def stale(self, plan: Plan) -> bool:
        """Whether the newest exchange was not drawn by the plan that is in force."""

    def expect(self) -> None:
        """See to it that what comes next is drawn by the plan that is in force then."""

    def live(self) -> list[Exchange]:
        """The exchanges on which a handler may still act."""

    def under_way(self) -> list[Exchange]:
        """The exchanges that are known to be under way: a reply is due, or a request comes."""

    def waits(self, exchange: Exchange) -> bool:
        """Whether the backend has its request whole, and has not begun to answer."""

    def amid(self, exchange: Exchange, link: Link) -> bool:
        """Whether a message of it has begun on ``link`` and is not over."""
