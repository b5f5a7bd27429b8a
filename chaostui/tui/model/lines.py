"""Events as lines: what happened, in words, with a glyph's name for the handler."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaostui.safe_text import safe_text
from chaostui.tui.model import figures

CHANGES = 1000
"""How many of the newest changes it remembers beside them."""
KEPT = 5000
"""How many of the newest events the console remembers; the engine's record has all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event, fit for a terminal."""

    seq: int
    at: float
    kind: str
    proxy: str
    connection: int
    handler: str
    text: str

    def clock(self) -> str:
        """Local wall-clock time with milliseconds."""
        whole = time.strftime("%H:%M:%S", time.localtime(self.at))
        return f"{whole}.{int(self.at % 1 * 1000):03}"

    def __str__(self) -> str:
        number = f"#{self.connection}" if self.connection else ""
        return f"{self.clock()} {number:>7} {self.kind:8} {self.handler:9} {self.text}"


def line(event: Mapping[str, Any]) -> Line:
    """Read one event as the engine tells it."""
    kind = str(event.get("event", ""))
    say = _SAY.get(kind, _other)
    return Line(
        seq=int(event.get("seq", 0)),
        at=float(event.get("at", 0.0)),
        kind=kind,
        proxy=safe_text(str(event.get("proxy", "")), limit=64),
        connection=int(event.get("connection", 0)),
        handler=safe_text(str(event.get("handler", "")), limit=32),
        text=safe_text(say(event), limit=240),
    )


def _open(event: Mapping[str, Any]) -> str:
    return f"client {event.get('client', '?')} connected"


def _dial(event: Mapping[str, Any]) -> str:
    if error := event.get("error"):
        return f"{error}: no connection to backend {event.get('backend')}"
    return f"connected to backend {event.get('backend')} in {figures.seconds(event['seconds'])}"


def _exchange(event: Mapping[str, Any]) -> str:
    name = event.get("request") or f"request {event.get('exchange', 0)}"
    seconds = event["seconds"]
    if not seconds:
        return f"{name} got no reply"
    slow = "slow: " if event.get("slow") else ""
    return f"{slow}{name} answered in {figures.seconds(seconds)}"


def _fault(event: Mapping[str, Any]) -> str:
    name = event.get("request")
    return f"{event.get('what', '')} on {name}" if name else str(event.get("what", ""))


def _close(event: Mapping[str, Any]) -> str:
    up, down = figures.size(event["upstream"]), figures.size(event["downstream"])
    carried = f"{up} up, {down} down" if event["upstream"] or event["downstream"] else "no bytes"
    return f"{event['reason']} after {figures.seconds(event['seconds'])}, {carried}"


def _change(event: Mapping[str, Any]) -> str:
    before, after = event.get("before", ""), event.get("after", "")
    what = f"{event.get('actor') or 'somebody'}: {event.get('what', '')}"
    return f"{what}: {before or 'nothing'} → {after or 'nothing'}" if before or after else what


def _warning(event: Mapping[str, Any]) -> str:
    return str(event.get("message", ""))


def _other(event: Mapping[str, Any]) -> str:
    known = {"event", "seq", "at", "proxy", "connection"}
    return " ".join(f"{key}={value}" for key, value in event.items() if key not in known)


_SAY = {
    "open": _open,
    "dial": _dial,
    "exchange": _exchange,
    "fault": _fault,
    "close": _close,
    "change": _change,
    "warning": _warning,
}


class EventLog:
    """The newest events as lines, bounded; ``skipped`` counts what never came this far."""

    def __init__(self, limit: int = KEPT) -> None:
        self._lines: deque[Line] = deque(maxlen=limit)
        self.changes: deque[Line] = deque(maxlen=CHANGES)
        """The changes, which stay when busy traffic pushes all else out."""
        self.skipped = 0
        self.total = 0

    def add(self, events: Iterable[Mapping[str, Any]], skipped: int = 0) -> list[Line]:
        """Append events as lines and say which those are."""
        new = [line(event) for event in events]
        self._lines.extend(new)
        self.changes.extend(each for each in new if each.kind == "change")
        self.skipped += skipped
        self.total += len(new) + skipped
        return new

    def __len__(self) -> int:
        return len(self._lines)

    def lines(self) -> list[Line]:
        """All lines that are remembered, oldest first."""
        return list(self._lines)

    def tail(self, count: int) -> list[Line]:
        """The newest ``count`` lines, oldest first."""
        if count >= len(self._lines):
            return list(self._lines)
        return [self._lines[i] for i in range(-count, 0)] if count > 0 else []


class LineColumns:
    """Lines seen as columns, for the filter language."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def numbers(self, field: str) -> Sequence[float]:
        """``connection`` or ``seq``."""
        return [getattr(line, field) for line in self._lines]

    def texts(self, field: str) -> Sequence[str]:
        """``kind``, ``proxy``, ``handler`` or ``text``."""
        return [getattr(line, field) for line in self._lines]


def parse_clock(text: str, near: float) -> float:
    """Read ``12:04`` or ``12:04:51`` as epoch seconds of the day of ``near``. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 12:04 or 12:04:51")
    hours, minutes, whole = (int(part or 0) for part in match.group(1, 2, 3))
    if hours > 23 or minutes > 59 or whole > 59:
        raise ValueError(f"{text!r} is not a time of the day")
    day = time.localtime(near)
    start = (day.tm_year, day.tm_mon, day.tm_mday, hours, minutes, whole, 0, 0, day.tm_isdst)
    return time.mktime(start) + float(match[4] or 0)
