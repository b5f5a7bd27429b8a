"""One direction of a connection.

Untouched bytes go straight from ``source`` to ``dest``: while ``direct`` is true the side that
reads them writes them to its peer. Bytes that come before the backend is there wait in
``early``; all that a handler acts on takes its way through a pipeline, made when first needed.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import NO_FRAME, What
from chaostui.engine.pace.pauses import DIAL
from chaostui.engine.relay.driver import Driver
from chaostui.engine.relay.endpoint import Side
from chaostui.engine.relay.state import State
from chaostui.engine.tls import upgrade
from chaostui.handler import Direction, Handler
from chaostui.protocol import Frame

if TYPE_CHECKING:
    from chaostui.engine.callables.calls import UserCall
    from chaostui.engine.pace.budget import Budget
    from chaostui.engine.pace.rounds import Rounds
    from chaostui.engine.relay.connection import Connection

EARLY_BYTES = 65_536
"""Bytes taken before the backend is there; then reading pauses."""


class Link:
    """The bytes from ``source`` to ``dest``."""

    __slots__ = (
        "_driver",
        "_early",
        "chain",
        "connection",
        "cutting",
        "dead",
        "dest",
        "direct",
        "direction",
        "ended",
        "received",
        "source",
        "stage",
        "tap",
    )

    def __init__(self, connection: Connection, direction: Direction, source: Side, dest: Side):
        self.connection = connection
        self.direction: Direction = direction
        self.source = source
        self.dest = dest
        self.direct = False
        self.received = 0
        self.stage: Stage | None = None
        """The instance of the drawn handler that all bytes now go through."""
        self.chain: tuple[Stage, ...] = ()
        self.cutting = False
        """What is held still goes, nothing more is taken."""
        self.dead = False
        """There is nobody to send to: what comes is dropped."""
        self.ended = False
        """The end was passed on: nothing goes this way any more."""
        self.tap: UserCall | None = None
        """A user's call on the other direction that reads this one's bytes."""
        self._early: list[bytes] | None = None
        self._driver: Driver | None = None

    # -- state ------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Bytes read and not yet passed on, the peer's write buffer aside."""
        early = sum(map(len, self._early)) if self._early else 0
        return early + (self._driver.pipe.held if self._driver is not None else 0)

    @property
    def handled(self) -> bool:
        """Whether bytes go, or have gone, through handlers here."""
        return self._driver is not None or self.stage is not None or bool(self.chain)

    @property
    def stalled(self) -> bool:
        """Whether a handler keeps everything until it is switched off."""
        return self._driver is not None and self._driver.pipe.state is State.STALLED

    @property
    def blocked(self) -> bool:
        """Whether a handler keeps bytes from leaving for an unknown time."""
        return self._driver is not None and self._driver.pipe.blocked

    @property
    def finished(self) -> bool:
        """Whether a handler has ended the connection, and nothing that comes now goes further."""
        return self._driver is not None and self._driver.pipe.state is State.FINISHED

    @property
    def keeps(self) -> bool:
        """Whether a handler keeps bytes, and not an end alone, from leaving."""
        return self._driver is not None and self._driver.keeps

    @property
    def _untouched(self) -> bool:
        """Whether nothing acts on bytes that come now."""
        return (
            self.stage is None
            and not self.chain
            and self.tap is None
            and not (self.ended or self.dead or self.cutting)
            and (self._driver is None or self._driver.pipe.idle)
            and not self.connection.payloads
        )

    @property
    def early(self) -> bool:
        """Whether bytes that come now wait for the other side, and for nothing else."""
        return self.dest.transport is None and self._untouched

    def settle(self) -> None:
        """Find out anew whether bytes may pass untouched."""
        self.direct = self.stage is None and self._untouched and self.dest.writable

    @property
    def budget(self) -> Budget:
        """What all connections together may hold."""
        return self.connection.proxy.core.budget

    @property
    def rounds(self) -> Rounds:
        """The turns that those take who have much to do."""
        return self.connection.proxy.core.rounds

    # -- bytes ------------------------------------------------------------------------------

    def feed(self, what: What, frame: Frame = NO_FRAME, exchange: Exchange | None = None) -> None:
        """Take bytes, or an end, in their turn."""
        if self.dead or self.ended or self.cutting:
            return
        if self.connection.payloads and frame.data:
            self._show(what, frame)
        drawn = exchange is not None and exchange.stage(self.direction) is not None
        if what is What.DATA and self._untouched and not drawn and self.dest.transport is None:
            self._keep(frame.data)
            return
        self.driver.feed(what, frame, exchange)

    def _show(self, what: What, frame: Frame) -> None:
        """Let readers see bytes, without the secrets that the protocol knows of."""
        connection = self.connection
        data = frame.data
        if what is What.DATA:
            data = connection.protocol.redact(frame, upstream=self.direction == "upstream")
        for payload in connection.payloads:
            payload.add(self.direction, data)

    def _keep(self, data: bytes) -> None:
        """Nobody is there yet: keep the bytes."""
        if self._early is None:
            self._early = []
        self._early.append(data)
        if sum(map(len, self._early)) > EARLY_BYTES:
            self.source.pause(DIAL)

    def connected(self) -> None:
        """The other side is there: send what came before it."""
        early, self._early = self._early, None
        if early and self.dest.transport is not None:
            self.dest.transport.write(early[0] if len(early) == 1 else b"".join(early))
        if self._driver is not None:
            self._driver.flush()
        self.source.resume(DIAL)
        self.direct = self._untouched and self.dest.writable

    def drained(self, *, thawed: bool = False) -> None:
        """The other side takes bytes again, or the proxy was thawed and much may be due."""
        if self._driver is not None:
            self._driver.go_on() if thawed else self._driver.flush()

    def send(self, data: bytes) -> None:
        """Pass bytes on after those that are held: a user's own."""
        self.driver.send(data)

    def end(self) -> None:
        """The source has sent its FIN: pass it on after all that came before."""
        if self.direct:
            self.walked_out(What.EOF)
        else:
            self.feed(What.EOF, NO_FRAME, self.connection.exchange)

    def begin_tls(self) -> None:
        """Speak TLS to ``dest`` after all that came before."""
        if self.direct:
            self.walked_out(What.TLS)
        else:
            self.feed(What.TLS)

    def walked_out(self, what: What) -> None:
        """An end, or a mark, has come to the front: do to ``dest`` what it says."""
        if what is What.TLS:
            upgrade.begin(self.dest)
            return
        if what is What.ANSWER:
            if self.connection.starttls is not None:
                self.connection.starttls.answer_due()
            return
        self.ended = True
        self.direct = False
        dest = self.dest
        if what is What.EOF:
            self.connection.half_closed(self)
        elif what is What.RESET:
            dest.reset()
        elif what is What.CLOSE:
            dest.shut()

    # -- letting go -------------------------------------------------------------------------

    @property
    def driver(self) -> Driver:
        """What takes bytes through the handlers."""
        if self._driver is None:
            self._driver = Driver(self)
        return self._driver

    def start(self, stage: Stage) -> None:
        """A handler of the chain begins to act, or to act in another way."""
        if type(stage.handler).on_start is not Handler.on_start:
            self.driver.feed(What.START, NO_FRAME, self.connection.exchange, stage)

    def other_ended(self) -> None:
        """The other direction has ended: ask those of the chain who care."""
        for stage in self.chain:
            if type(stage.handler).on_other_eof is not Handler.on_other_eof:
                self.driver.feed(What.ACROSS, NO_FRAME, self.connection.exchange, stage)

    def exchanges(self) -> set[Exchange]:
        """Those whose bytes are still on their way here, ended or not."""
        found = self._driver.exchanges() if self._driver is not None else set()
        return found if self.tap is None else found | self.tap.dest_inbox.exchanges()

    def unsent(self) -> set[Exchange]:
        """Those of which nothing has gone through here yet."""
        return self._driver.pipe.unsent() if self._driver is not None else set()

    def holders(self) -> set[Stage]:
        """The handlers that keep something back here, of exchanges that have ended too."""
        return self._driver.pipe.holders() if self._driver is not None else set()

    def release(self, off: Set[Stage], changed: Set[Stage]) -> None:
        """Handlers were switched ``off`` or ``changed``: what they held goes on, in order."""
        if self._driver is not None:
            self._driver.release(off, changed)
        self.settle()

    def drop(self) -> None:
        """Forget everything: there is nobody to send to, or the connection ends."""
        self.dead = True
        self.direct = False
        self._early = None
        if self._driver is not None:
            self._driver.drop()

    def cut(self, what: What, *, early: bool = False) -> None:
        """End this direction with ``what`` after the bytes that were already passed on.

        With ``early`` that waits until the other side is there.
        """
        if self.dead or self.ended or self.cutting:
            return
        self.cutting = True
        self.direct = False
        if early or self._driver is not None:
            self.driver.cut(what)
        else:
            self.walked_out(what)

    def untie(self) -> None:
        """The connection is over: let go of it."""
        self.drop()
        self._driver = self.tap = self.stage = None
        self.chain = ()
        del self.connection
