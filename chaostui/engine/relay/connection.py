"""One accepted client and its dialled backend: how they open, end and are seen."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine.faults.exchange import Exchange
from chaostui.engine.faults.items import NO_FRAME, What
from chaostui.engine.pace.pauses import FROZEN
from chaostui.engine.relay import departure, trail
from chaostui.engine.relay.dialling import Dialling
from chaostui.engine.relay.endpoint import Side
from chaostui.engine.relay.endpoints import BackendSide, ClientSide
from chaostui.engine.relay.exchanges.contract import Exchanges
from chaostui.engine.relay.exchanges.starttls import StartTls
from chaostui.engine.relay.exchanges.turns import Turns
from chaostui.engine.relay.flow import Link
from chaostui.engine.relay.selection import Selection
from chaostui.engine.relay.tap import Payload
from chaostui.events import Closed, CloseReason, Dialled, Opened

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Armed
    from chaostui.engine.relay.owner import Owner


class Connection:
    """Joins the two sides by a link each way; its ``exchanges`` know what passes in between."""

    __slots__ = (
        "_dialling",
        "_final",
        "_selection",
        "asked",
        "backend",
        "backend_name",
        "client",
        "client_name",
        "closed",
        "down",
        "exchange",
        "exchanges",
        "first",
        "half_closed_at",
        "hits",
        "id",
        "number",
        "opened",
        "ordinal",
        "payloads",
        "pinned",
        "protocol",
        "proxy",
        "reason",
        "reply",
        "request",
        "seen",
        "starttls",
        "tls",
        "turns",
        "up",
    )

    def __init__(self, proxy: Owner) -> None:
        self.proxy = proxy
        self.client, self.backend = ClientSide(self), BackendSide(self)
        self.up = Link(self, "upstream", self.client, self.backend)
        self.down = Link(self, "downstream", self.backend, self.client)
        self.protocol = proxy.new_protocol()
        self.tls = proxy.tls
        """How TLS is ended here; None: it is not."""
        self._dialling: Dialling | None = None
        self._final: Close | Reset | None = None
        """What a handler asked for while the backend was being called."""
        self.payloads: tuple[Payload, ...] = ()
        """Those who look at what passes."""
        # Its numbers from 1, of all and of the proxy's: its draws depend on the latter.
        self.id = self.ordinal = 0
        # Whom it called, or will call: its proxy may have another backend by now.
        self.client_name, self.backend_name = "", proxy.backend_name
        self.opened = self.asked = time.monotonic()
        """When it was accepted, and when its newest exchange began, on the monotonic clock."""
        self.seen = (0, self.opened)
        """Bytes carried when they were last looked at, and when that last changed."""
        self.reason: CloseReason | None = None
        self.closed = False
        self.reply = self.half_closed_at = 0.0
        # The current exchange's number, 0 until the client has spoken, and how many were hit.
        self.number = self.hits = 0
        self.exchange: Exchange | None = None
        """The current exchange, where a handler or a chain may act on it."""
        # The newest request's name; what the client's first bytes tell where none is read.
        self.request = self.first = ""
        # In force: while everything passes, Proxy.pins alone knows what is kept.
        self.pinned: Armed | None = None
        self._selection: Selection | None = None
        # Who answers in the backend's place, where clients ask for TLS in the protocol's words.
        self.starttls: StartTls | None = None
        self.exchanges: Exchanges = proxy.exchanges(self)
        # The same where the bytes are not read.
        self.turns = self.exchanges if isinstance(self.exchanges, Turns) else None

    def __repr__(self) -> str:
        up, down = self.up.received, self.down.received
        return (
            f"<Connection {self.id} {self.proxy.name} {self.handler_name}"
            f" ↑{up} B ↓{down} B {self.state}>"
        )

    # -- reading ----------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """``dialling``, ``open``, ``half-closed``, ``closing`` or ``closed``."""
        if self.closed:
            return "closed"
        if self.client.closing or self.up.cutting or self.down.cutting:
            return "closing"
        if self.backend.transport is None:
            return "dialling"
        return "half-closed" if self.half_closed_at else "open"

    @property
    def handler_name(self) -> str:
        """The handler that the current exchange was given."""
        exchange = self.exchange
        return exchange.armed.name if exchange is not None and exchange.armed else "normal"

    @property
    def opaque(self) -> str:
        """Why its bytes are not read, as far as that is known."""
        why = self.protocol.opaque
        return f"desync: {why}" if self.protocol.desync else why or self.first

    def look(self, now: float) -> float:
        """Look whether bytes moved since the last look; return the seconds of quiet."""
        carried = self.up.received + self.down.received
        if carried != self.seen[0]:
            self.seen = (carried, now)
        return now - self.seen[1]

    def other(self, side: Side) -> Side:
        """The side across."""
        return self.backend if side is self.client else self.client

    @property
    def selection(self) -> Selection:
        """Which faults act on it; made when a plan first can."""
        if self._selection is None:
            self._selection = Selection(self)
        return self._selection

    def settle(self) -> None:
        """The exchange or its handler changed: find out anew whether bytes pass untouched."""
        for link in (self.up, self.down):
            link.stage = self.exchanges.stage_of(link)
            link.settle()

    def show(self, payloads: tuple[Payload, ...]) -> None:
        """Let these readers see what passes from now on."""
        self.payloads = payloads
        self.up.settle()
        self.down.settle()

    # -- opening ----------------------------------------------------------------------------

    def accepted(self) -> None:
        """The client is there: draw for its first exchange, then dial."""
        self.client_name = peer_name(self.client)
        self.proxy.opened(self)
        self.proxy.bus.publish(
            Opened, proxy=self.proxy.name, connection=self.id, client=self.client_name
        )
        if trail.on():
            trail.say(self.proxy.name, self.id, f"open from {self.client_name}")
        if self.proxy.plan.quiet:
            self.dial()
        else:
            self.selection.at_open()
            self.up.feed(What.OPEN, NO_FRAME, self.exchange)
        if self.proxy.freezer.on:
            self.proxy.freezer.stop(self)

    def turn_away(self) -> None:
        """The proxy was switched off, or removed, while its client was being accepted."""
        self.closed = True  # it never was one: nobody counts it, nobody is told
        self.client.abort()

    def dial(self) -> None:
        """Call the backend."""
        if self._dialling is None and self.client.writable:
            self.backend_name = self.proxy.backend_name
            self._dialling = Dialling(self)

    def dialled(
        self, seconds: float, problem: str = "", reason: CloseReason = "backend unreachable"
    ) -> None:
        """The call of the backend has ended, with a ``problem`` or well."""
        self.proxy.dialled(self.backend_name, problem)
        if trail.on():
            told = f"dial {self.proxy.backend_name}: {problem or 'connected'} ({seconds:.4f} s)"
            trail.say(self.proxy.name, self.id, told)
        self.proxy.bus.publish(
            Dialled,
            proxy=self.proxy.name,
            connection=self.id,
            backend=self.backend_name,
            seconds=seconds,
            error=problem,
        )
        if problem:
            closes = self.proxy.settings.backend_down == "close" and not self.up.received
            self.end(reason, Close() if closes else Reset())

    def joined(self) -> None:
        """The backend is there: what came before it goes on, ahead of anything else."""
        if self.proxy.freezer.defers(self, self.joined):
            self.backend.pause(FROZEN)
        elif not self.closed and self.client.writable:
            self.up.connected()
            self.down.settle()
            if self._final is not None:
                self.end("fault", self._final)

    # -- ending -----------------------------------------------------------------------------

    def source_ended(self, link: Link) -> None:
        """The peer that feeds ``link`` has sent its FIN."""
        if self.reason is None:
            self.reason = "client closed" if link is self.up else "backend closed"
        self.exchanges.source_ended(link)
        (self.down if link is self.up else self.up).other_ended()
        link.end()
        if link is self.up:
            departure.client_ended(self)

    def half_closed(self, link: Link) -> None:
        """The end of ``link`` has come: pass it on; when both have, the connection is over."""
        if self.up.ended and self.down.ended:
            self.client.shut()
            self.backend.shut()
            return
        if link.dest.writable:
            link.dest.send_fin()
        if not self.half_closed_at:
            self.half_closed_at = self.proxy.core.now
            self.proxy.half_closed.add(self)

    def side_lost(self, side: Side) -> None:
        """A socket is gone: closed by us, or reset by its peer."""
        if self.closed:
            self._untie()
            return
        into, out_of = (self.down, self.up) if side is self.client else (self.up, self.down)
        across = self.other(side)
        self.exchanges.take_rest(out_of if across.writable and not side.closing else None)
        into.drop()
        if across.transport is None or across.lost:
            if not side.closing:
                self.reason = "reset by client"
            out_of.drop()
            self._closed()
            return
        if side.closing:
            return
        self.reason = "reset by client" if side is self.client else "reset by backend"
        across.unpause()
        over = out_of.finished and not out_of.cutting
        kept = out_of.blocked or self.proxy.freezer.on
        if kept or over or (out_of is self.up and departure.kept(self)):
            out_of.drop()
            across.reset()
        elif not out_of.ended:
            # What it had sent goes on before its reset does.
            out_of.feed(What.RESET, NO_FRAME, self.exchange)
        else:
            across.reset()

    def peer_vanished(self, side: Side) -> None:
        """The peer was seen to be gone while its socket is not read.

        Where what it sent still leaves by itself, its end is met in order, if that does not
        take too long; where a handler keeps it, or nobody was dialled yet, or its FIN was
        read before, nothing would ever be noticed.
        """
        link = self.up if side is self.client else self.down
        kept = self.proxy.freezer.on or (link is self.up and departure.kept(self))
        if link.blocked or kept or side.eof or not link.dest.writable:
            side.vanish()
        else:
            side.vanish_late()

    def peer_ended(self, side: Side) -> None:
        """The peer's FIN waits in the kernel, behind bytes that are not read for now."""
        if side is self.client:
            departure.client_ended(self)

    def tls_failed(self, why: str, *, client: bool) -> None:
        """TLS with one of the peers has failed."""
        self.proxy.tls_failed(self, why, client=client)

    def failed(self, handler: str, error: BaseException) -> None:
        """A handler raised: this connection alone is cut, so that no test passes by it."""
        self.proxy.handler_failed(self, handler, error)
        self.end("handler failed", Reset())

    def finish(self, final: Close | Reset, exchange: Exchange | None) -> None:
        """A handler ended the connection; a backend that is being called sees it first."""
        if self.exchanges.finish(final, exchange):
            return
        if self._dialling is None or self.backend.transport is not None:
            self.end("fault", final)
        else:
            self._final = self._final or final
            self.up.cut(What.CLOSE if isinstance(final, Close) else What.RESET, early=True)

    def end(self, reason: CloseReason, final: Close | Reset) -> None:
        """Close or reset both sides, once what was already passed on has left."""
        if self.proxy.freezer.defers(self, partial(self.end, reason, final)):
            return
        self.reason = reason
        closing = isinstance(final, Close)
        self.client.talks = isinstance(final, Close) and final.unread
        for link in (self.up, self.down):
            if not link.ended:
                link.cut(What.CLOSE if closing else What.RESET)
            elif closing:
                link.dest.shut()
            else:
                link.dest.reset()
        if self.backend.transport is None:
            self.up.drop()
            self._stop_dialling()

    def kill(self, reason: CloseReason) -> None:
        """Reset both sides at once; what is pending is lost."""
        self._drop(reason)
        self.client.abort()
        self.backend.abort()

    def hang_up(self, reason: CloseReason) -> None:
        """Close both sides (FIN) at once, as a process that ends does; what is held is lost."""
        if self.closed:
            return
        self._drop(reason)
        self.client.shut()
        self.backend.shut()

    def _drop(self, reason: CloseReason) -> None:
        self.reason = reason
        self.up.drop()
        self.down.drop()
        self._stop_dialling()

    def _stop_dialling(self) -> None:
        if self._dialling is not None:
            self._dialling.give_up()

    def _closed(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._stop_dialling()
        self.exchanges.end_all()
        for payload in self.payloads:
            payload.close()
        self.proxy.closed(self)
        if trail.on():
            told = f"close: {self.reason or 'client closed'}, {self!r}"
            trail.say(self.proxy.name, self.id, told)
        self.proxy.bus.publish(
            Closed,
            proxy=self.proxy.name,
            connection=self.id,
            reason=self.reason or "client closed",
            upstream=self.up.received,
            downstream=self.down.received,
            seconds=time.monotonic() - self.opened,
        )
        self._untie()

    def _untie(self) -> None:
        """Break the cycles, so that the memory goes now: collecting it costs more than a dial."""
        self._dialling = self._selection = self.turns = self.starttls = None
        for link in (self.up, self.down):
            link.untie()
        for side in (self.client, self.backend):
            side.untie()
        del self.exchanges


def peer_name(side: Side) -> str:
    """The address of a side's peer, as ``host:port``."""
    peer = side.transport.get_extra_info("peername") if side.transport is not None else None
    if isinstance(peer, tuple) and len(peer) >= 2:
        return f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
    return "unix"
