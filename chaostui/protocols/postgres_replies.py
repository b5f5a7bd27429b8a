"""Cut what a PostgreSQL server sends into replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from chaostui.protocol import Frame
from chaostui.protocols.framing import Desync, Handover, step
from chaostui.protocols.lengths import END, MORE, SWITCH, LengthCutter
from chaostui.protocols.postgres_messages import AUTHENTICATION, FAILED, HEADER

if TYPE_CHECKING:
    from chaostui.protocols.postgres_messages import Session, Unit

READY, ERROR, AUTHENTICATE, COPY_IN, COPY_BOTH = b"ZERGW"
ASIDE = b"NSA"
"""NoticeResponse, ParameterStatus, NotificationResponse: sent at any time."""
ANSWERS = b"123TnCIs"
"""What answers one extended message; CommandComplete, PortalSuspended answer an Execute."""
PLAIN = frozenset(b"123CDEHITVcdnst")
"""What a reply up to ReadyForQuery consists of and need not be looked at."""
ONWARDS = PLAIN | frozenset(ASIDE)
KNOWN = ONWARDS | frozenset(b"GKRWZv")
LONG = b"TtDdVENA"
"""What can be long; libpq takes a length over 30,000 of another type for a loss of its place."""
MAX_SHORT, MAX = 30_000, 0x7FFFFFFF
READY_HEAD = b"Z\0\0\0\5"
LEAST = dict.fromkeys(KNOWN, 4) | {READY: 5, AUTHENTICATE: 8}
"""The least length of each type that a server sends."""
SMALL = b"ZR"
"""Types whose first bytes of the body matter."""
ASKING = frozenset({2, 3, 5, 6, 7, 8, 9, 10, 11})
"""AuthenticationRequests that the client answers; Ok (0) and SASLFinal (12) go on."""


class Replies(LengthCutter):
    """The bytes from the backend."""

    session: Session
    step: Frame | None = None
    """The answer to a request for TLS that was passed on."""
    swapped: bytes | None = None
    """What the client sees in place of the current message; None: itself."""

    def head(self, data: bytes, at: int) -> int:
        session = self.session
        if session.opaque:
            raise Handover(session.opaque)
        if session.asking:
            return self.encryption(data[at])
        there = len(data) - at
        if there < 5:
            return MORE
        kind, length = header(data, at)
        unit = cast("Unit", self.waiting[0]) if self.waiting else None
        if self.swapped is not None or (unit is not None and unit.swaps):
            if at > self.start:
                return SWITCH  # so that each message is a frame of its own
        elif kind in PLAIN and unit is not None and unit.synced:
            return self.plain(data, at, length)
        if kind in SMALL and there < min(length + 1, 9):
            return MORE
        return self.single(unit, kind, data[at + 5 : at + 9], length)

    def single(self, unit: Unit | None, kind: int, body: bytes, length: int) -> int:
        """Take a message by itself, which may be swapped."""
        if self.message(kind, body) == END:
            return END
        self.swapped = unit.swaps.get(kind) if unit is not None else None
        return length + 1

    def plain(self, data: bytes, at: int, length: int) -> int:
        """Pass over messages that need not be looked at, up to ReadyForQuery if that is there."""
        if not self.opened:
            self.open(None, replied=True)
        end = run(data, at, length)
        self.closes = data[end : end + 5] == READY_HEAD and len(data) > end + 5
        if not self.closes:
            return end - at
        self.waiting.popleft()
        self.note_ready(data[end + 5 : end + 6])
        return end + 6 - at

    def note_ready(self, status: bytes) -> None:
        """Take note of a ReadyForQuery."""
        session = self.session
        session.ready = True
        session.status = status
        session.eats_sync = False

    def message(self, kind: int, body: bytes) -> int:
        """Find the unit that the message answers, and whether it ends the reply to it.

        Returns ``END`` where the reply to the oldest unit has ended before it.
        """
        unit = cast("Unit", self.waiting[0]) if self.waiting else None
        if unit is not None and (unit.over or (kind == READY and unit.owed is not None)):
            self.waiting.popleft()
            if not self.opened:
                self.open(None, replied=True)
            return END
        if unit is None or (kind in ASIDE and not (self.opened or self.begun)):
            self.open(None, replied=True, aside=True)
            self.closes = True
        else:
            if not self.opened:
                self.open(None, replied=True)
            self.closes = self.answer(unit, kind, body)
            if self.closes:
                self.waiting.popleft()
        if kind == READY:
            self.note_ready(body[:1])
        elif kind == COPY_BOTH:
            self.session.opaque = "replication"
        return 0

    def answer(self, unit: Unit, kind: int, body: bytes) -> bool:
        """Take a message into account that answers ``unit``; return whether it is the last."""
        if kind == READY:
            return True
        if kind == ERROR:
            unit.answered = FAILED
            return unit.over or not self.session.ready
        if kind in ANSWERS:
            unit.answered += 1
            return unit.over
        if kind == AUTHENTICATE:
            return AUTHENTICATION.unpack_from(body)[0] in ASKING
        if kind == COPY_IN and unit.synced and unit.sent:
            self.session.eats_sync = True
        return False

    def encryption(self, answer: int) -> int:
        """Read the one byte that answers a request for encryption."""
        if self.halted:
            return MORE
        if self.session.tls and answer in b"SN":
            return self.decision(answer)
        self.session.asking -= 1
        if not self.opened:
            self.open(None, replied=True, aside=not self.waiting)
        self.closes = self.aside
        match answer:
            case 0x4E:  # N
                return 1
            case 0x53:  # S
                self.session.opaque = "TLS"
            case 0x47:  # G
                self.session.opaque = "GSSAPI encryption"
            case _:
                raise Desync("no answer to a request for encryption")
        self.closes = True
        if self.waiting:
            self.waiting.popleft()
        return 1

    def decision(self, answer: int) -> int:
        """Read the answer to a request for TLS that is not just passed through."""
        self.open(None, replied=True, aside=True)
        self.closes = True
        self.halted = answer == 0x53
        self.session.asking = int(self.halted)  # so that ``head`` comes by here
        self.step = step(bytes((answer,)), tls="both" if self.halted else "refused")
        self.session.asked = b""
        return 1

    def end(self) -> list[Frame]:
        self.session.asking = 0
        return super().end()

    def frame(self, data: bytes) -> Frame:
        if self.step is not None:
            made, self.step = self.step, None
            return made
        if self.swapped is not None:
            data, self.swapped = self.swapped, b""
        return super().frame(data)


def header(data: bytes, at: int) -> tuple[int, int]:
    """A message's type and length, which counts itself; Desync where no server sends such."""
    kind, length = HEADER.unpack_from(data, at)
    if not LEAST.get(kind, MAX) <= length <= (MAX if kind in LONG else MAX_SHORT):
        raise Desync(f"no message of a PostgreSQL server begins with 0x{kind:02x}, {length}")
    return kind, length


def run(data: bytes, at: int, length: int) -> int:
    """Where the complete plain messages from ``at`` on end; the first may be incomplete."""
    end = at + 1 + length
    size = len(data)
    while end + 5 <= size and data[end] in ONWARDS:
        length = int.from_bytes(data[end + 1 : end + 5])
        if length < 4 or end + length >= size:
            break
        end += 1 + length
    return end
