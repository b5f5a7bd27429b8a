"""Cut what a PostgreSQL client sends into units of work."""

from __future__ import annotations

from chaostui.protocol import Frame
from chaostui.protocols.framing import Desync, Handover, step
from chaostui.protocols.lengths import END, MORE, LengthCutter
from chaostui.protocols.postgres_messages import (
    BIND,
    CALL,
    CANCEL,
    CLOSE,
    COPY_DATA,
    COPY_DONE,
    COPY_FAIL,
    DESCRIBE,
    EXECUTE,
    FLUSH,
    GSS,
    HEADER,
    LOGINS,
    MAX_START,
    PARSE,
    PASSWORD,
    PEEK,
    QUERY,
    SSL,
    SYNC,
    TERMINATE,
    VERSION_3,
    Session,
    Unit,
)

COPY = (COPY_DATA, COPY_DONE, COPY_FAIL)
COUNTED = (PARSE, BIND, DESCRIBE, EXECUTE, CLOSE)
PLAIN = (BIND, DESCRIBE, EXECUTE)
"""What need not be looked at but where it begins a unit."""
SYNCING = (QUERY, CALL, SYNC)
"""What the backend says ReadyForQuery after."""
CLOSING = (*SYNCING, FLUSH, TERMINATE, PASSWORD)
EMPTY = (SYNC, FLUSH, TERMINATE)
NO_START = "no connection to PostgreSQL begins like this"


class Requests(LengthCutter):
    """The bytes from the client."""

    session: Session
    unit: Unit
    step: Frame | None = None
    """What becomes of a request for encryption."""

    def head(self, data: bytes, at: int) -> int:
        if self.session.opaque:
            raise Handover(self.session.opaque)
        if self.session.starting:
            return self.startup(data, at)
        there = len(data) - at
        if there < 5:
            return MORE
        kind, length = HEADER.unpack_from(data, at)
        if kind not in PEEK or length < 4 or (kind in EMPTY and length > 4):
            raise Desync(f"no message of a PostgreSQL client begins with 0x{kind:02x}, {length}")
        peek = 5 + min(length - 4, PEEK[kind])
        if there < peek:
            return MORE
        if self.opened and self.unit.kind in COPY and kind not in COPY:
            return self.after_copy(kind)
        self.message(kind, data[at : at + peek])
        end = at + 1 + int(length)
        return (self.onwards(data, end) if kind in COUNTED else end) - at

    def onwards(self, data: bytes, end: int) -> int:
        """Pass over the complete messages at ``end`` that only count, up to Sync if it is there."""
        unit, size = self.unit, len(data)
        while end + 5 <= size:
            kind, length = HEADER.unpack_from(data, end)
            if kind == SYNC and length == 4:
                unit.synced = self.closes = True
                self.session.within = False
                return end + 5
            if kind not in PLAIN or length < 4 or end + length >= size:
                break
            unit.sent += 1
            end += 1 + length
        return end

    def message(self, kind: int, seen: bytes) -> None:
        """Take the next message into account: into its unit, and into what is owed for it."""
        session = self.session
        body = seen[5:]
        if kind == PARSE:
            session.remember(body)
        if not self.opened:
            self.begin(kind, seen)
        unit = self.unit
        self.closes = kind in CLOSING
        if kind in COUNTED:
            unit.sent += 1
            unit.unnamed = unit.unnamed or (kind == PARSE and body[:1] == b"\0")
        elif kind in SYNCING:
            unit.synced = True
            session.within = False
        elif kind == FLUSH:
            unit.owed = unit.sent
            session.within = True
        elif kind in COPY:
            self.closes = unit.kind in COPY and kind != COPY_DATA and not session.eats_sync

    def begin(self, kind: int, seen: bytes) -> None:
        """Begin a unit."""
        silent = kind in COPY or kind in (TERMINATE, FLUSH)
        if kind == SYNC and self.session.eats_sync:
            # The backend had failed before the COPY's end, and has dropped the first Sync.
            self.session.eats_sync = False
            silent = True
        raw = seen if silent and kind not in COPY else b""
        unit = Unit(*self.session.describe(kind, seen[5:]), tag=raw)
        unit.kind = kind
        if kind == PASSWORD and len(seen) == 1 + int.from_bytes(seen[1:5]):
            unit.raw = seen
        unit.whole = not self.session.within
        self.enter(unit, not silent)

    def enter(self, unit: Unit, replied: bool) -> None:
        """Begin a unit's message."""
        self.unit = unit
        unit.opens = self.session.opening = self.session.opening and unit.command in LOGINS
        if replied:
            self.ask(unit)
        else:
            self.open(unit, replied)

    def after_copy(self, kind: int) -> int:
        """End the COPY data, at the Sync that belongs to it or before anything else."""
        if kind == SYNC and self.session.eats_sync:
            self.session.eats_sync = False
            self.unit.synced = self.closes = True
            return 5
        return END

    # -- the connection's start ---------------------------------------------------------------

    def startup(self, data: bytes, at: int) -> int:
        """Read a message without a type, as a connection begins with."""
        if self.halted:
            return MORE
        there = len(data) - at
        if there < 4:
            if data[at]:
                raise Desync(NO_START)
            return MORE
        length = int.from_bytes(data[at : at + 4])
        if not 8 <= length <= MAX_START:
            raise Desync(NO_START)
        if there < length:
            return MORE
        self.started(data[at : at + length])
        self.closes = True
        return length

    def started(self, seen: bytes) -> None:
        """Take such a message into account."""
        session = self.session
        code = int.from_bytes(seen[4:8])
        if code in (SSL, GSS) and len(seen) == 8:
            if session.tls:
                self.encryption(code, seen)
                return
            session.connect = self.connect(seen, "CONNECT", "")
            session.asking += 1
            return
        session.starting = False
        if code == CANCEL:
            if session.connect is None:
                self.enter(Unit("CANCEL", "CANCEL", tag=seen), replied=False)
            else:
                self.connect(seen, "CANCEL", "")
        elif code >> 16 == VERSION_3:
            values = seen[8:].split(b"\0")
            given = dict(zip(values[::2], values[1::2], strict=False))
            name = given.get(b"database") or given.get(b"user", b"")
            database = name[:60].decode(errors="replace")
            self.connect(seen, f"CONNECT {database}", database)
        else:
            raise Desync(f"no version {code >> 16}.{code & 0xFFFF} of PostgreSQL's protocol")

    def encryption(self, code: int, seen: bytes) -> None:
        """Take a request for encryption that is not just passed on."""
        mode = self.session.tls
        if code == GSS or mode == "refuse":
            self.step = step(seen, answer=b"N")
            return
        self.halted = True
        if mode == "grant":
            self.step = step(seen, answer=b"S", tls="client")
            return
        self.session.asked = seen
        self.session.asking += 1
        # Complete, so that a fault that answers requests can say that it passes.
        self.step = step(seen, tls="asks")._replace(last=True)

    def connect(self, seen: bytes, name: str, database: str) -> Unit:
        """Begin the connection's unit, or go on with it after requests for encryption."""
        unit = self.session.connect
        if unit is None:
            unit = Unit(name, "CONNECT", database)
            self.enter(unit, replied=True)
        self.open(unit, replied=True)
        unit.raw = seen
        return unit

    def frame(self, data: bytes) -> Frame:
        """Make a frame; the connection's start is one message, asked and answered in steps.

        Each step is complete, so that it can be answered, but only the first one begins.
        """
        if self.step is not None:
            made, self.step = self.step, None
            return made
        frame = super().frame(data)
        if self.session.connect is not None and self.request is self.session.connect:
            self.begun = True
            if not self.session.starting and self.done:
                self.session.connect = None
                self.begun = False
        return frame
