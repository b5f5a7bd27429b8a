"""The command palette: every action by name, with arguments, and only what applies here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from chaostui.safe_text import safe_text
from chaostui.tui.actions import ACTIONS, EVERYWHERE, shown
from chaostui.tui.keys import Run
from chaostui.tui.model.columns import COLUMNS
from chaostui.tui.model.phrases import understand
from chaostui.tui.screens.base import ConsoleScreen
from chaostui.tui.widgets.lineview import LineView
from chaostui.tui.widgets.listing import Listing
from chaostui.wire.frame import STATES

Entry = tuple[str, str, str, str]
"""Title, help, action id, argument."""


class ActionsProvider(Provider):
    """Actions of the contexts on the screen, and their most useful arguments."""

    async def discover(self) -> Hits:
        """Every action that applies, when nothing is typed yet."""
        for title, text, identity, argument in self._actions():
            yield DiscoveryHit(title, partial(self._run, identity, argument), help=text)

    async def search(self, query: str) -> Hits:
        """What was typed: sentences such as ``delay 40`` first, then names."""
        base = self.screen
        if isinstance(base, ConsoleScreen):
            session = base.session
            for phrase in understand(query, session.names, session.catalogue):
                run = partial(self._run, phrase.identity, phrase.argument)
                words = safe_text(phrase.title, limit=100)
                yield Hit(1.0, Content(words), run, text=words, help="with this value")
        matcher = self.matcher(query)
        for title, text, identity, argument in (*self._actions(), *self._arguments()):
            score = matcher.match(title)
            if score > 0:
                run = partial(self._run, identity, argument)
                # Textual would read markup in what a user's handler is called.
                shown_title = Content(title) if "[" in title else matcher.highlight(title)
                yield Hit(score, shown_title, run, text=title, help=escape(text))

    def _actions(self) -> Iterator[Entry]:
        contexts = set(EVERYWHERE)
        base = self.screen
        if isinstance(base, ConsoleScreen):
            contexts |= {base.CONTEXT, *(str(p.CONTEXT) for p in base.query(LineView))}
            if base.CONTEXT == "connections":
                contexts.add("weights")
            if base.query(Listing):
                contexts.add("list")
        for action in ACTIONS:
            if action.context in contexts:
                keys = " ".join(shown(key) for key in action.keys)
                text = f"{action.help}  ({keys})" if keys else action.help
                yield action.palette, text, action.id, ""

    def _arguments(self) -> Iterator[Entry]:
        base = self.screen
        if not isinstance(base, ConsoleScreen):
            return
        yield from self._handlers(base)
        if base.CONTEXT == "connections":
            yield from self._filters(base)
        for proxy in base.session.store.proxies:
            word = safe_text(proxy.name, limit=40)
            yield f"proxy: show {word}", "only its connections", "proxy.show", proxy.name
        for theme in self.app.available_themes:
            yield f"theme: {theme}", "change the colours", "view.theme", theme

    def _handlers(self, base: ConsoleScreen) -> Iterator[Entry]:
        for name in base.session.names:
            word = safe_text(name, limit=32)
            text = safe_text(base.session.helps.get(name, ""), limit=100)
            yield f"handler: toggle {word}", text, "fault.toggle", name
            yield f"handler: solo {word}", text, "fault.solo", name
            yield f"handler: select {word}", text, "mix.select", name
        for seconds in (5, 30):
            text = "back by itself afterwards"
            yield f"mix: blackout for {seconds} s", text, "fault.timed", f"blackout {seconds}"

    def _filters(self, base: ConsoleScreen) -> Iterator[Entry]:
        words = [f"handler={name}" for name in base.session.names]
        words += [f"state={state}" for state in STATES]
        for word in words:
            title = f"connections: filter {safe_text(word, limit=40)}"
            yield title, "only these", "connections.filter", word
        for column in COLUMNS:
            yield f"connections: sort by {column.title}", "", "connections.sort", column.field
            yield f"columns: show or hide {column.title}", "", "columns.show", column.field

    def _run(self, identity: str, argument: str) -> None:
        self.screen.post_message(Run(identity, argument))
