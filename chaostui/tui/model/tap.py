"""Payload of one connection, bounded, as text or hex."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from chaostui.safe_text import safe_text

BUDGET = 262_144
"""How many bytes of payload the console remembers, of one connection at a time."""

ARROWS = {"upstream": "→", "downstream": "←"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes that passed, and where in their direction they stand."""

    direction: str
    offset: int
    data: bytes
    at: float = 0.0
    note: str = ""
    """Instead of bytes: what was injected here."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the view: where it comes from, its offset and its text."""

    direction: str
    head: str
    text: str


class Tap:
    """The newest payload of the tapped connection; what is over the budget is forgotten."""

    def __init__(self, connection: int, budget: int = BUDGET) -> None:
        self.connection = connection
        self.missing = 0
        """Bytes that passed and were not shown: dropped by the engine or over the budget."""
        self._budget = budget
        self._held = 0
        self._chunks: deque[Chunk] = deque()
        self._next = {"upstream": 0, "downstream": 0}

    def add(self, direction: str, offset: int, data: bytes, at: float = 0.0) -> None:
        """Take bytes; a gap in the offsets is counted as missing."""
        expected = self._next.get(direction, 0)
        if expected and offset > expected:
            self.missing += offset - expected
        self._next[direction] = offset + len(data)
        self._chunks.append(Chunk(direction, offset, data[-self._budget :], at))
        self._held += len(self._chunks[-1].data)
        while self._held > self._budget:
            gone = self._chunks.popleft()
            self._held -= len(gone.data)
            self.missing += len(gone.data)

    def note(self, text: str, at: float) -> None:
        """Put what was injected between the bytes."""
        self._chunks.append(Chunk("", 0, b"", at, text))
        while len(self._chunks) > 4096:
            gone = self._chunks.popleft()
            self._held -= len(gone.data)

    def __len__(self) -> int:
        return self._held

    def rows(self, *, as_hex: bool, width: int, direction: str = "both") -> list[Row]:
        """The lines of the view, oldest first."""
        found: list[Row] = []
        for chunk in self._chunks:
            if chunk.note:
                found.append(Row("", "", f"── {safe_text(chunk.note, limit=120)} ──"))
            elif direction in ("both", chunk.direction):
                found.extend(_hex(chunk, width) if as_hex else _text(chunk, width))
        return found

    def copied(self, *, as_hex: bool, direction: str = "both") -> str:
        """The bytes as text to copy: hex a line for each piece, or text that steers no terminal.

        With both directions, an arrow stands before each piece.
        """
        pieces = [c for c in self._chunks if c.data and direction in ("both", c.direction)]
        lines = []
        for chunk in pieces:
            head = f"{ARROWS.get(chunk.direction, '')} " if direction == "both" else ""
            body = [chunk.data.hex()] if as_hex else _plain(chunk.data)
            lines += [f"{head}{line}" for line in body]
        return "\n".join(lines)


def _plain(data: bytes) -> list[str]:
    """Lines of text; whatever is not printable is written out."""
    return [safe_text(line.rstrip(b"\r\n"), limit=BUDGET * 4) for line in data.splitlines(True)]


def _hex(chunk: Chunk, width: int) -> Iterator[Row]:
    """``00000010  48 54 54 50 …  HTTP/1.1``, 16 bytes a line or 8 where it is narrow."""
    each = 16 if width >= 78 else 8
    for start in range(0, len(chunk.data), each):
        part = chunk.data[start : start + each]
        pairs = " ".join(f"{byte:02x}" for byte in part)
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        offset = f"{chunk.offset + start:08x}"
        yield Row(chunk.direction, offset, f"{pairs:<{each * 3}} {shown}")


def _text(chunk: Chunk, width: int) -> Iterator[Row]:
    """Lines of text, long ones folded; whatever is not printable is written out."""
    room = max(10, width - 10)
    offset = chunk.offset
    for part in chunk.data.splitlines(keepends=True):
        for start in range(0, len(part), room):
            piece = part[start : start + room]
            whole = piece.rstrip(b"\r\n")
            yield Row(chunk.direction, f"{offset + start:8}", safe_text(whole, limit=4 * room))
        offset += len(part)
