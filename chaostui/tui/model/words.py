"""What the words on the screen mean: f1 shows those that stand where it is pressed."""

from __future__ import annotations

from collections.abc import Mapping

TOP: Mapping[str, str] = {
    "live": "frames come from the engine; the time beside it is how late its loop was (max of 1 s)",
    "lost": "the engine does not answer; what is shown is what it said last",
    "FROZEN": "the display stands still, the engine does not; space lets it go on",
    "ALL NORMAL": "no fault acts on any proxy",
    "FAULTS ON": "faults act on so much of the traffic",
    "BYPASS": "everything passes untouched; the mix is kept",
    "HALTED": "everything is normal, and no fault can be switched on until it is released",
    "*": "the state differs from the profile that was loaded or saved last",
}
FIGURES: Mapping[str, str] = {
    "CONNS": "open connections; beside it, how many clients connected a second (conn)",
    "REQUESTS": "requests a second, by the protocol's frame; without one, turns to speak (req)",
    "REPLY p50": "half of the replies of the last seconds began sooner than this (p50)",
    "REPLY p99": "one reply of a hundred began later than this (p99); faults included",
    "UP ↑": "bytes a second from clients to backends",
    "DOWN ↓": "bytes a second from backends to clients",
    "HITS": "faults that really hit, a second (hits)",
    "late": "how much later than asked the slowest 1% of held bytes left",
}
COLUMNS: Mapping[str, str] = {
    "id": "the connection's number",
    "proxy": "the proxy it came through",
    "client": "the client's address",
    "handler": "what its current request was given; * marks a pinned handler",
    "rate/s": "bytes a second, both directions",
    "reply": "how long its latest reply took to begin",
    "up": "bytes from the client",
    "down": "bytes from the backend",
    "hits": "faults that really hit it",
    "request": "its latest request, where the protocol tells",
    "state": "dialling, open, half-closed, closing or closed",
    "age": "since the client was accepted",
    "exch": "exchanges: requests with their replies",
    "held": "bytes that are held back now",
    "idle": "since bytes moved last",
    "backend": "the address that was dialled",
    "pinned": "the handler that is pinned to it",
}
EVENTS: Mapping[str, str] = {
    "held": "bytes that were held back, and for how long",
    "slow": "a reply that took longer than the proxy's slow_reply",
    "not shown": "events that came too fast for this console; a record (--record) has all",
    "following": "the newest event stays in view",
}
SETTINGS: Mapping[str, str] = {
    "–": "no limit, or nothing",
    "‹ ›": "the value that the arrow keys change",
    "held p50": "how long this handler held bytes in the last seconds: half of them less",
    "replies p50": "reply times of the requests this handler was given, in the last seconds",
}
MIX: Mapping[str, str] = {
    "[x]": "this handler is given a share of the requests",
    "65%": "its share; the bar shows the same in eighths",
    "+": "a chain entry, which acts beside the mix, always or with a probability",
    "hits": "faults that really hit, a second",
}
TIMELINE: Mapping[str, str] = {
    "hits": "faults that really hit, a second, stacked by handler",
    "changes": "▲ marks a change or a marker",
    "reply p50": "half of the replies began sooner",
    "reply p99": "one reply of a hundred began later",
    "held p99": "one hold of a hundred was longer",
    "late p99": "one hold of a hundred ended so much later than asked",
}
PROXIES: Mapping[str, str] = {
    "CLOSED": "nobody can connect; o opens it again",
    "faults": "a mix, a chain or pins act",
    "share": "how much of its requests faults are given",
    "requests": "a second",
    "p99": "one reply of a hundred began later, in the last seconds",
    "last error": "what went wrong last with its backend or listener",
}
PANES: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "connections": (COLUMNS, FIGURES, TOP),
    "mix": (MIX, FIGURES, TOP),
    "settings": (SETTINGS, TOP),
    "events": (EVENTS, TOP),
    "stream": (TOP,),
    "timeline": (TIMELINE, TOP),
    "proxies": (PROXIES, TOP),
}
"""The words of each pane, its own first."""


def of(context: str) -> list[tuple[str, str]]:
    """The words that stand around the focused pane, each with what it means."""
    return [pair for words in PANES.get(context, (TOP,)) for pair in words.items()]
