"""One picture of all connections, as columns; it never changes once it is made."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from chaostui.wire.frame import COLUMNS, STATES

CLOSED = STATES.index("closed")

Addresses = Mapping[int, tuple[str, str]]
Texts = Mapping[int, tuple[str, str, str]]
_ALIASES = {"up": "upstream", "down": "downstream"}
_NO_ADDRESS = ("?", "?")
_NO_TEXTS = ("", "", "")


class Rows:
    """Connections as columns of equal length: ``numbers`` and ``texts`` by field name.

    Texts are untrusted bytes of the network: whoever shows them passes them through
    ``safe_text``.
    """

    def __init__(
        self,
        columns: Mapping[str, array[Any]],
        rates: Mapping[int, float],
        handlers: Sequence[str] = (),
        proxies: Sequence[str] = (),
        addresses: Addresses | None = None,
        texts: Texts | None = None,
    ) -> None:
        self.columns = columns
        self.handlers = handlers
        self.proxies = proxies
        self.rates = rates
        """Bytes a second by id; another object each time they were measured anew."""
        self._addresses: Addresses = addresses if addresses is not None else {}
        self._texts: Texts = texts if texts is not None else {}
        self._numbers: dict[str, Sequence[float]] = {}
        self._words: dict[str, Sequence[str]] = {}

    @classmethod
    def empty(cls) -> Rows:
        """No connections at all."""
        return cls({name: array(code) for name, code in COLUMNS.items()}, {})

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __repr__(self) -> str:
        return f"<Rows {len(self)}>"

    def numbers(self, field: str) -> Sequence[float]:
        """One column of numbers; ``up``, ``down``, ``bytes`` and ``rate`` are understood too."""
        field = _ALIASES.get(field, field)
        if field in self.columns:
            return self.columns[field]
        if field not in self._numbers:
            self._numbers[field] = self._derived(field)
        return self._numbers[field]

    def _derived(self, field: str) -> Sequence[float]:
        if field == "rate":
            rate = self.rates.get
            return [rate(identity, 0.0) for identity in self.columns["id"]]
        assert field == "bytes", field
        pairs = zip(self.columns["upstream"], self.columns["downstream"], strict=True)
        return [up + down for up, down in pairs]

    def texts(self, field: str) -> Sequence[str]:
        """One column of texts: names looked up, addresses and requests as they were told."""
        if field not in self._words:
            self._words[field] = self._looked_up(field)
        return self._words[field]

    def _looked_up(self, field: str) -> list[str]:
        if field in ("handler", "proxy", "state"):
            names = {"handler": self.handlers, "proxy": self.proxies, "state": STATES}[field]
            last = len(names)
            return [names[i] if i < last else "?" for i in self.columns[field]]
        ids = self.columns["id"]
        if field in ("client", "backend"):
            at = ("client", "backend").index(field)
            return [self._addresses.get(i, _NO_ADDRESS)[at] for i in ids]
        at = ("pinned", "request", "opaque").index(field)
        return [self._texts.get(i, _NO_TEXTS)[at] for i in ids]

    def find(self, identity: int) -> int | None:
        """The index of a connection's row, or None when it is not there."""
        try:
            return self.columns["id"].index(identity)
        except ValueError:
            return None

    def record(self, index: int) -> dict[str, str | float]:
        """One row as a flat record, for export."""
        numbers = (*COLUMNS.keys() - {"proxy", "state", "handler"}, "rate")
        words = ("proxy", "state", "handler", "client", "backend", "pinned", "request", "opaque")
        row: dict[str, str | float] = {"id": self.numbers("id")[index]}
        row.update((name, self.texts(name)[index]) for name in words)
        row.update((name, round(self.numbers(name)[index], 3)) for name in sorted(numbers))
        return row
