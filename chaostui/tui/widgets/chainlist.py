"""The chains of the proxies in view: each entry with its direction, probability and options."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import chain, figures
from chaostui.tui.model.changes import Change
from chaostui.tui.model.faults import Mistyped
from chaostui.tui.model.glyphs import glyph, hue
from chaostui.tui.session import Session
from chaostui.tui.widgets.listing import Cell, Entry, Listing
from chaostui.wire.views import ChainView, ProxyView


class ChainList(Listing):
    """Entries in the order they act; what is changed here acts at once on live connections."""

    BINDINGS: ClassVar = bindings("chain")
    HELP = (
        "Chains: handlers that act always, one after the other, each in its direction and with "
        "its probability. a adds one (delay downstream 50% sleep=0.2s), enter changes one."
    )

    def __init__(self, session: Session) -> None:
        super().__init__(
            id="chain", title="Chains", context="chain",
            empty="no chain entries: a adds a handler that acts always, beside the mix",
        )  # fmt: skip
        self._session = session
        self._places: list[tuple[ProxyView, ChainView]] = []

    @property
    def chosen(self) -> tuple[ProxyView, ChainView] | None:
        """The entry under the cursor, and its proxy."""
        return self._places[self.at] if self.at < len(self._places) else None

    @property
    def names(self) -> list[str]:
        """The names of the entries, in order."""
        return [entry.name for _, entry in self._places]

    def commands(self) -> Commands:
        """Adding, removing and changing entries."""
        return {
            **super().commands(),
            "chain.add": self._add,
            "chain.remove": lambda _: self._change(chain.remove),
            "chain.edit": lambda _: self._ask_edit(),
            "chain.set": self._set,
            "chain.more": lambda _: self._change(lambda p, e: chain.step(p, e, 5)),
            "chain.less": lambda _: self._change(lambda p, e: chain.step(p, e, -5)),
            "chain.earlier": lambda _: self._move(-1),
            "chain.later": lambda _: self._move(1),
        }

    def tick(self) -> None:
        """Take the newest state of the chains."""
        self._places = [(p, e) for p in self._session.store.in_view for e in p.chain]
        wide = self.content_size.width >= 100
        several = len(self._session.store.in_view) > 1
        entries = [self._cells(p, e, several=several, wide=wide) for p, e in self._places]
        number = f" · {len(entries)}" if entries else ""
        self.show(entries, f"Chains{number} · act always, in this order")

    def _cells(self, proxy: ProxyView, entry: ChainView, *, several: bool, wide: bool) -> Entry:
        fields = self._session.catalogue.get(entry.handler, ())
        pending = (proxy.name, f"chain.{entry.name}") in self._session.pending
        ink = f"h{hue(entry.handler)}"
        head = [Cell(safe_text(proxy.name, limit=12), 13, "dim")] if several else []
        name = [Cell(safe_text(entry.name, limit=20), 21, "dim")] if wide else []
        return (
            *head,
            Cell(f"{glyph(entry.handler)} {safe_text(entry.handler, limit=12)}", 14, ink),
            Cell(f"{chain.ARROWS.get(entry.direction, '?')} {entry.direction}", 13),
            Cell(figures.percent(entry.probability * 100) + ("…" if pending else ""), 8,
                 "warn" if pending else "title"),
            Cell(f"{figures.short(entry.hits)} hits", 11, "dim"),
            *name,
            Cell(safe_text(chain.told(entry, fields), limit=120)),
        )  # fmt: skip

    def _change(self, make: Callable[[ProxyView, ChainView], Change]) -> None:
        if self.chosen is None:
            self._session.flash("there is no chain entry: a adds one", "warn")
        elif not self._session.hasty():
            self._session.apply(make(*self.chosen))

    def _move(self, by: int) -> None:
        before = self.chosen
        self._change(lambda proxy, entry: chain.move(proxy, entry, by))
        if before is not None and chain.move(*before, by):
            self.at += by

    def _add(self, text: str) -> None:
        if not text:
            self.ask("ask.chain")
            return
        try:
            new = chain.read(text, self._session.catalogue)
        except Mistyped as error:
            self._session.flash(str(error), "bad")
        else:
            self._session.apply(chain.add(self._session.store.in_view, new))

    def _ask_edit(self) -> None:
        if self.chosen is None:
            self._session.flash("there is no chain entry: a adds one", "warn")
        else:
            self.ask("ask.entry", self.chosen[1].name)

    def _set(self, text: str) -> None:
        """Put in force what the dialog asked for: ``NAME VALUE``."""
        name, _, value = text.partition(" ")
        if self.chosen is None:
            return
        try:
            handler = self.chosen[1].handler
            is_share = name == "probability"
            read = chain.share(value) if is_share else chain.option(
                handler, name, value, self._session.catalogue
            )  # fmt: skip
        except (Mistyped, KeyError) as error:
            self._session.flash(str(error), "bad")
        else:
            self._session.apply(chain.put(*self.chosen, name, read))
