"""What the app asks in small dialogs, and what it does with the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widget import Widget

from chaostui.client import calls
from chaostui.safe_text import safe_text
from chaostui.tui import config
from chaostui.tui.keys import Commands, Keys, Run
from chaostui.tui.model import chain, changes, figures
from chaostui.tui.model.columns import COLUMNS
from chaostui.tui.model.faults import Mistyped
from chaostui.tui.model.lines import parse_clock
from chaostui.tui.screens.base import ConsoleScreen
from chaostui.tui.screens.dialogs import Choice, Menu, Prompt
from chaostui.tui.screens.help import HelpScreen, filter_help, pane_help, screen_help
from chaostui.tui.session import Session
from chaostui.tui.themes import THEMES
from chaostui.tui.widgets.bars import FilterBar
from chaostui.tui.widgets.chainlist import ChainList

if TYPE_CHECKING:
    from chaostui.tui.app import ConsoleApp


class Dialogs:
    """Prompts, menus and help of the whole console."""

    def __init__(self, app: ConsoleApp, session: Session) -> None:
        self._app = app
        self._session = session

    def commands(self) -> Commands:
        """The actions that need a dialog."""
        return {
            "fault.timed": self._timed,
            "fault.weight": lambda _: self._ask("weight", "fault.weight", hint="delay 40"),
            "handler.set": lambda _: self._ask("set", "handler.set", hint="delay sleep 1.5s"),
            "proxy.show": lambda _: self._menu(
                "proxy", "proxy.show", [p.name for p in self._session.store.proxies]
            ),
            "journal.mark": self._mark,
            "ask.setting": lambda now: self._ask("value", "settings.enter", now),
            "ask.option": self._option,
            "ask.chain": lambda _: self._addition(),
            "ask.entry": lambda _: self._entry(),
            "ask.sort": lambda _: self._sort("sort by", "connections.sort"),
            "ask.column": lambda _: self._sort("show or hide", "columns.show"),
            "ask.time": lambda _: self._time(),
            "ask.file": lambda _: self._ask("save as", "rules.save-as", "chaos-2.toml"),
            "ask.settings": lambda _: self._settings(),
            "copy.menu": lambda _: self._copy(),
            "view.theme": self._theme,
            "help.keys": lambda _: self._app.push_screen(
                screen_help(self._context(), self._app.desk.config.keymap)
            ),
            "help.focused": lambda _: self._pane_help(),
            "help.filter": lambda _: self._app.push_screen(filter_help()),
            "help.jump": lambda _: self._jump(),
            "engine.status": lambda _: self._status(),
        }

    # --- the kinds of dialog ---------------------------------------------------------------

    def _ask(
        self,
        label: str,
        identity: str,
        value: str = "",
        *,
        hint: str = "",
        attempt: Callable[[str], str] = lambda text: "",
        wrap: Callable[[str], str] = lambda text: text,
    ) -> None:
        """Ask for a line and run an action with it."""

        def answered(text: str | None) -> None:
            if text:
                self._run(identity, wrap(text))
            self._session.guard()

        self._app.push_screen(Prompt(label, value, hint=hint, attempt=attempt), answered)

    def _menu(self, title: str, identity: str, names: list[str]) -> None:
        choices = [Choice("", safe_text(name, limit=60), name) for name in names]
        self._choose(title, choices, lambda name: self._run(identity, name))

    def _choose(self, title: str, choices: list[Choice], act: Callable[[str], object]) -> None:
        def answered(answer: str | None) -> None:
            self._session.guard()
            if answer is not None:
                act(answer)

        self._app.push_screen(Menu(title, choices), answered)

    def _run(self, identity: str, argument: str) -> None:
        """Perform an action at once: what comes after a dialog is guarded, not its answer."""
        screen = self._app.screen
        if not (isinstance(screen, ConsoleScreen) and screen.dispatch(identity, argument)):
            self._app.on_run(Run(identity, argument))

    # --- single ones -----------------------------------------------------------------------

    def _timed(self, argument: str) -> None:
        name = self._session.selected

        def attempt(text: str) -> str:
            try:
                return "" if figures.parse_seconds(text) > 0 else "a time is more than 0 s"
            except ValueError as error:
                return str(error)

        label, hint = f"{name} solo for", "10s, 2m; the mix before returns by itself"
        self._ask(label, "fault.timed", "10s", hint=hint, attempt=attempt,
                  wrap=lambda text: f"{name} {text}")  # fmt: skip

    def _mark(self, note: str) -> None:
        if note:
            step = changes.Step(changes.Call(calls.note(note)))
            self._session.apply(changes.Change(f"marker: {note}", (step,)))
        else:
            self._ask("marker", "journal.mark", hint="a note for the journal and the timeline")

    def _option(self, given: str) -> None:
        name, _, value = given.partition("\0")
        self._ask(name, "options.enter", value)

    def _sort(self, title: str, identity: str) -> None:
        letters = "abcdefghilmnopqr"
        choices = [Choice(k, c.title, c.field) for k, c in zip(letters, COLUMNS, strict=False)]
        self._choose(title, choices, lambda field: self._run(identity, field))

    def _time(self) -> None:
        now = self._session.store.at

        def attempt(text: str) -> str:
            try:
                parse_clock(text, now)
            except ValueError as error:
                return str(error)
            return ""

        stamp = time.strftime("%H:%M:%S", time.localtime(now))
        self._ask("go to", "events.at", stamp, attempt=attempt,
                  wrap=lambda text: str(parse_clock(text, now)))  # fmt: skip

    def _settings(self) -> None:
        """Where there is no room for the pane: choose an option, then type its value."""
        handler = self._session.selected
        values = self._session.options(handler)
        fields = self._session.catalogue.get(handler, ())
        choices = [
            Choice("", f"{field.name:14} {field.show(values.get(field.name))}", field.name)
            for field in fields
        ]

        def chosen(name: str) -> None:
            field = next(field for field in fields if field.name == name)
            self._ask(name, "handler.set", field.show(values.get(name)), hint=field.bounds(),
                      wrap=lambda text: f"{handler} {name} {text}")  # fmt: skip

        self._choose(f"{handler} · settings", choices, chosen)

    def _addition(self) -> None:
        catalogue = self._session.catalogue
        names = [proxy.name for proxy in self._session.store.in_view]
        label = f"add to {names[0] if len(names) == 1 else f'{len(names)} chains'}"

        def attempt(text: str) -> str:
            try:
                chain.read(text, catalogue)
            except Mistyped as error:
                return str(error)
            return ""

        self._ask(label, "chain.add", hint=f"handler, direction, probability and options, as in "
                  f"{chain.EXAMPLE}", attempt=attempt)  # fmt: skip

    def _entry(self) -> None:
        """Choose the probability or an option of a chain entry, then type its value."""
        place = self._app.screen.query_one(ChainList).chosen
        if place is None:
            return
        entry = place[1]
        fields = {f.name: f for f in self._session.catalogue.get(entry.handler, ())}
        fields.pop("direction", None)
        now = {name: field.show(entry.options.get(name)) for name, field in fields.items()}
        now = {"probability": f"{entry.probability * 100:.6g}%", **now}
        choices = [Choice("", f"{name:14} {value}", name) for name, value in now.items()]

        def chosen(name: str) -> None:
            hint = fields[name].bounds() if name in fields else "0 to 100%"
            self._ask(name, "chain.set", now[name], hint=hint, wrap=lambda text: f"{name} {text}")

        self._choose(f"{safe_text(entry.name, limit=40)} · chain entry", choices, chosen)

    def _copy(self) -> None:
        """What there is to copy now, each with what it would be."""
        screen, session = self._app.screen, self._session
        identity = screen.connection_id() if isinstance(screen, ConsoleScreen) else 0
        choices = [
            Choice("c", "mix as curl", "copy.curl"),
            Choice("l", "mix as command line", "copy.cli"),
            Choice("t", "mix as TOML", "copy.toml"),
        ]
        at = session.store.rows.find(identity)
        if at is not None:
            rows = session.store.rows
            choices.append(Choice("r", f"connection #{identity} as JSON", "copy.row"))
            choices.append(Choice("i", f"its {'id':14} {identity}", "copy.id"))
            for key, name, label in (
                ("d", "client", "client address"),
                ("q", "request", "request"),
            ):
                if value := safe_text(rows.texts(name)[at], limit=80):
                    choices.append(Choice(key, f"its {label:14} {value}", f"copy.{name}"))
        if len(session.tap):
            what = f"payload of #{session.tap.connection} as"
            choices.append(Choice("p", f"{what} text", "copy.text"))
            choices.append(Choice("h", f"{what} hex", "copy.hex"))
        choices.append(Choice("a", "attach command", "copy.attach"))
        self._choose("copy", choices, lambda identity: self._run(identity, ""))

    def _theme(self, name: str) -> None:
        own = [theme.name for theme in THEMES]
        if name in self._app.available_themes:
            self._app.theme = name
            config.remember(name)
        else:
            names = own + sorted(set(self._app.available_themes) - set(own))
            self._menu("theme", "view.theme", names)

    def _context(self) -> str:
        screen = self._app.screen
        return screen.context() if isinstance(screen, ConsoleScreen) else ""

    def _pane_help(self) -> None:
        focused = self._app.screen.focused
        if focused is not None and any(isinstance(a, FilterBar) for a in focused.ancestors):
            self._app.push_screen(filter_help())
            return
        prose = getattr(focused, "HELP", "") or ""
        self._app.push_screen(pane_help(self._context(), prose, self._app.desk.config.keymap))

    def _jump(self) -> None:
        """Every pane that can be focused, by the first free letter of its name."""
        panes = [p for p in self._app.screen.focus_chain if isinstance(p, Keys) and p.id]
        taken: set[str] = set()
        choices = []
        for pane in panes:
            name = str(pane.id)
            letter = next((c for c in name if c.isalpha() and c not in taken), "")
            taken.add(letter)
            choices.append(Choice(letter, name.replace("-", " "), name))

        def jump(name: str) -> None:
            self._app.screen.query_one(f"#{name}", Widget).focus()

        self._choose("jump to", choices, jump)

    def _status(self) -> None:
        engine = self._session.store.engine
        if engine is None:
            self._session.flash("the engine has said nothing yet", "warn")
            return
        rows = [
            ("version", engine.version),
            ("process", str(engine.pid)),
            ("seed", str(engine.seed)),
            ("up for", figures.age(engine.uptime)),
            ("revision", str(engine.revision)),
            ("loop lag", figures.seconds(engine.loop_lag)),
            ("memory", figures.size(engine.rss)),
            ("connections", f"at most {engine.max_connections:,}"),
            ("events", f"{engine.events:,}, {engine.events_dropped:,} dropped"),
            (
                "sessions",
                ", ".join(safe_text(s.owner, limit=40) for s in engine.sessions) or "none",
            ),
            ("endpoint", safe_text(self._session.link.endpoint)),
            ("profile", safe_text(self._session.profile) or "none"),
            ("log folder", str(Path(config.folder("state")))),
        ]
        self._app.push_screen(HelpScreen("Engine", [("status", rows)]))
