"""Cut what a MySQL server sends into replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from chaostui.protocols import mysql_errors as errors
from chaostui.protocols.framing import Desync, Handover
from chaostui.protocols.lengths import MORE, LengthCutter
from chaostui.protocols.mysql_packets import (
    EOF,
    ERR,
    FULL,
    GREETING,
    Command,
    Results,
    after_definitions,
)

if TYPE_CHECKING:
    from chaostui.protocols.mysql_packets import Session

PEEK = 32
"""How much of a payload is looked at: an OK packet's status is among the first 21 bytes."""
PEEK_WHOLE = 1024
"""A greeting is no longer, nor an answer that an error takes the place of."""
RUNS = (Results.rows, Results.definitions)
"""What reads packets that come in numbers."""


class Replies(LengthCutter):
    """The bytes from the backend."""

    session: Session
    split = False
    """The payload goes on in the next packet."""

    def head(self, data: bytes, at: int) -> int:
        if self.session.opaque:
            raise Handover(self.session.opaque)
        there = len(data) - at
        if there < 4:
            return MORE
        size = int.from_bytes(data[at : at + 3], "little")
        if self.split:
            self.split = size == FULL
            return 4 + size
        if not size:
            raise Desync("an empty packet of a MySQL server's")
        if not self.waiting:
            return self.unasked(data, at, size)
        return self.answer(cast("Command", self.waiting[0]), data, at, size)

    def answer(self, command: Command, data: bytes, at: int, size: int) -> int:
        """Read a packet, or several rows, of a command's reply."""
        if self.opened and command.reads in RUNS:
            end = self.run(command, data, at)
            if end > at:
                self.closes = False
                return end - at
        peek = min(size, PEEK if command.instead is None else PEEK_WHOLE)
        if len(data) - at < 4 + peek:
            return MORE
        self.packet(command, data[at + 3 : at + 4 + peek], size)
        return 4 + size

    def run(self, command: Command, data: bytes, at: int) -> int:
        """Pass over complete rows, or definitions of columns, from ``at`` on; return their end.

        What may be the end of them is left: a row can begin with 0xFE too, before a value of
        16 MiB and more.
        """
        definitions = command.reads is Results.definitions
        last = len(data) - 5
        while at <= last:
            size = int.from_bytes(data[at : at + 3], "little")
            if data[at + 4] in (EOF, ERR) or not 0 < size < FULL or at + 4 + size > len(data):
                break
            at += 4 + size
            if definitions:
                command.left -= 1
                if not command.left:
                    command.reads = after_definitions(self.session)
                    break
        return at

    def packet(self, command: Command, seen: bytes, size: int) -> None:
        """Take a packet of a reply into account; ``seen`` is its sequence number and payload."""
        if not self.opened:
            self.open(None, replied=True)
        self.closes = command.reads(self.session, command, seen[1:], size)
        self.split = size == FULL
        if not self.closes:
            return
        self.waiting.popleft()
        if command.instead is not None and size < len(seen):
            sequence, mariadb = command.sequence + 1, self.session.mariadb
            self.instead = errors.response(command.instead, sequence, mariadb=mariadb)

    def unasked(self, data: bytes, at: int, size: int) -> int:
        """Read the greeting, or what the server says unasked before it closes."""
        if self.session.phase == GREETING:
            if size > PEEK_WHOLE:
                raise Desync("no greeting of MySQL's protocol 10")
            if len(data) - at < 4 + size:
                return MORE
            if data[at + 4] != ERR:
                greeting = self.session.greeted(data[at + 4 : at + 4 + size])
                self.instead = data[at : at + 4] + greeting
        self.open(None, replied=True, aside=True)
        self.closes = True
        return 4 + size
