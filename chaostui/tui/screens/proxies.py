"""All proxies of the engine, one a line: watch them, add, change, close and remove them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget

from chaostui.tui.keys import Commands, bindings
from chaostui.tui.model import figures
from chaostui.tui.model.lines import Line
from chaostui.tui.model.proxylist import ProxyLine, Rates, line
from chaostui.tui.screens.base import ConsoleScreen, Desk
from chaostui.tui.widgets.listing import Cell, Entry, Listing
from chaostui.wire.views import ProxyView

HEAD = ("proxy", "state", "share", "requests", "p99", "mix", "where, or the last error")


class ProxyListing(Listing):
    """The list, for f1."""

    HELP = (
        "One line for each proxy: its state in words, the share of requests that faults are given,"
        " requests a second, p99 of the replies of the last seconds, its mix, and where it listens"
        " and connects, or its last error."
    )


class ProxiesScreen(ConsoleScreen):
    """Every proxy with its state, share, rate, reply time and last error."""

    BINDINGS: ClassVar = bindings("proxies")
    CONTEXT = "proxies"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = ProxyListing(
            id="proxies", title="Proxies", empty="there is no proxy · a makes one",
            context="proxies",
        )  # fmt: skip
        self._rates = Rates()

    def content(self) -> Iterable[Widget]:
        """One list."""
        yield self.list

    def on_mount(self) -> None:
        """The list has the focus."""
        self.list.focus()

    @property
    def chosen(self) -> ProxyView | None:
        """The proxy under the cursor."""
        known = self.session.store.proxies
        return known[self.list.at] if self.list.at < len(known) else None

    def tick(self, lines: Sequence[Line] = ()) -> None:
        """Show what is now."""
        store = self.session.store
        self._rates.add(store.at, store.proxies)
        entries = [_entry(line(each, self._rates.of(each.name))) for each in store.proxies]
        number = figures.number(len(entries), "proxy", "proxies")
        self.list.show(entries, f"{number} · {' · '.join(HEAD)}")
        super().tick(lines)

    def commands(self) -> Commands:
        """Looking at the proxy under the cursor; what changes it is the console's."""
        return {
            "proxies.look": lambda _: self._look(),
            "view.back": lambda _: self.ask("screen.live"),
        }

    def _look(self) -> None:
        if self.chosen is not None:
            self.session.look_at(self.chosen.name)
            self.ask("screen.live")


def _entry(shown: ProxyLine) -> Entry:
    return (
        Cell(shown.name, 14, "title"),
        Cell(shown.state, 18, shown.role),
        Cell(shown.share, 7, "bad" if shown.role == "bad" else "dim"),
        Cell(shown.requests, 9),
        Cell(shown.p99, 9, "warn"),
        Cell(shown.mix, 20),
        Cell(shown.error or shown.place, 0, "bad" if shown.error else "dim"),
    )
