"""Everything an operator can do, as one table.

Key bindings, footer, palette, help and the README's key table are made from it, and each
entry names the HTTP request it makes, where it makes one. A context is where its keys work:

* ``faults``, ``view``, ``screens``, ``help``  on every screen
* ``weights``      on the main screen (the timeline zooms with these keys)
* ``connections``, ``mix``, ``settings``, ``events``, ``stream``, ``timeline``, ``rules``,
  ``proxies``, ``chain``, ``options``, ``journal``  in the pane or screen of that name
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

EVERYWHERE = ("faults", "view", "screens", "help")
"""The contexts that no other may take keys from."""


@dataclass(frozen=True)
class Action:
    """One thing an operator can do."""

    id: str
    keys: tuple[str, ...]
    context: str
    palette: str
    """Its name in the palette, ``area: verb``."""
    help: str
    request: str = ""
    """The HTTP request it makes, as the API's documentation writes it."""
    short: str = ""
    """Its word in the footer; empty: it is not shown there."""
    argument: str = ""
    """What the palette lets the operator type after the name."""

    def bindings(self) -> Iterator[tuple[str, str, str]]:
        """Key, binding id and argument of each of its bindings."""
        if self.id == "fault.toggle":
            yield from ((key, f"{self.id}.{key}", key) for key in self.keys)
        else:
            yield ",".join(self.keys), self.id, ""


# fmt: off
_MIX = "PATCH /proxies/{proxy}/mix"
_PUT_MIX = "PUT /proxies/{proxy}/mix"
_PIN = "PUT /connections/{id}/pin"
_CHAIN = "/proxies/{proxy}/chain"
_SET = "PATCH /proxies/{proxy}/handlers/{handler}"


def _faults() -> Iterator[Action]:
    a = Action
    yield a("fault.toggle", tuple("123456789"), "faults", "handler: toggle",
            "switch handler 1 to 9 on or off; twice where it hits several proxies or everything",
            _MIX, "toggle", "NAME")
    yield a("fault.more", ("plus",), "weights", "handler: more", "5% more of the selected handler",
            _MIX, "weight")
    yield a("fault.less", ("minus",), "weights", "handler: less",
            "5% less of the selected handler", _MIX)
    yield a("fault.more-1", ("right_square_bracket",), "weights", "handler: 1% more",
            "1% more of the selected handler", _MIX)
    yield a("fault.less-1", ("left_square_bracket",), "weights", "handler: 1% less",
            "1% less of the selected handler", _MIX)
    yield a("fault.equal", ("equals_sign",), "weights", "mix: equal",
            "spread equally over what is on", _MIX)
    yield a("fault.weight", (), "faults", "handler: set weight", "set an exact weight, in percent",
            _MIX, argument="NAME PERCENT")
    yield a("fault.normal", ("0",), "faults", "mix: all normal",
            "all proxies normal: ends mixes, chains, pins, tests' faults; opens what is closed",
            "POST /reset", "all normal")
    yield a("fault.normal-here", ("z",), "faults", "mix: normal here",
            "the same for the proxies in view alone", "POST /reset")
    yield a("fault.bypass", ("b",), "faults", "mix: bypass",
            "bypass: pass everything, keep mix, chain and pins", "PUT /proxies/{proxy}/bypass",
            "bypass")
    yield a("fault.freeze", ("F",), "faults", "proxy: freeze or thaw",
            "freeze: accept, pass and close nothing, press twice; again thaws",
            "POST /proxies/{proxy}/freeze")
    yield a("fault.solo", ("s",), "faults", "handler: solo",
            "all traffic to the selected handler, press twice; again to go back", _PUT_MIX,
            argument="NAME")
    yield a("fault.timed", ("t",), "faults", "mix: timed fault",
            "the selected handler solo for some seconds, then back by itself", _PUT_MIX,
            argument="NAME SECONDS")
    yield a("fault.undo", ("u",), "faults", "mix: undo",
            "undo the last change, twice where faults come back to several proxies", "", "undo")
    yield a("fault.redo", ("ctrl+r",), "faults", "mix: redo",
            "make the change again that was undone")
    yield a("engine.halt", (), "faults", "engine: halt",
            "everything normal at once, and no new faults until released", "POST /halt")
    yield a("engine.release", (), "faults", "engine: release halt", "allow faults again",
            "DELETE /halt")


def _panes() -> Iterator[Action]:
    a = Action
    yield a("settings.edit", ("e",), "view", "handler: edit settings",
            "go to the settings of the selected handler", "", "edit")
    yield a("handler.set", (), "view", "handler: set option", "set an option to an exact value",
            _SET, argument="NAME OPTION VALUE")
    yield a("settings.up", ("up", "k"), "settings", "settings: field above", "field above")
    yield a("settings.down", ("down", "j"), "settings", "settings: field below", "field below")
    yield a("settings.less", ("left",), "settings", "settings: step down", "one step down", _SET,
            "step")
    yield a("settings.more", ("right",), "settings", "settings: step up", "one step up", _SET)
    yield a("settings.much-less", ("shift+left",), "settings", "settings: large step down",
            "a large step down", _SET)
    yield a("settings.much-more", ("shift+right",), "settings", "settings: large step up",
            "a large step up", _SET, "large step")
    yield a("settings.exact", ("enter",), "settings", "settings: exact value",
            "type an exact value: 1.5, 20ms, 64k", _SET, "exact value")
    yield a("settings.default", ("delete", "backspace"), "settings", "settings: default",
            "give it back its default", _SET, "default")
    yield a("mix.up", ("up", "k"), "mix", "mix: handler above", "select the handler above")
    yield a("mix.down", ("down", "j"), "mix", "mix: handler below", "select the handler below")
    yield a("mix.toggle", ("enter",), "mix", "mix: toggle selected",
            "switch the selected handler on or off", _MIX, "toggle")


def _connections() -> Iterator[Action]:
    a, c = Action, "connections"
    yield a("connections.down", ("j", "down"), c, "connections: down", "one row down")
    yield a("connections.up", ("k", "up"), c, "connections: up", "one row up")
    yield a("connections.top", ("g", "home"), c, "connections: top", "first row")
    yield a("connections.bottom", ("G", "end"), c, "connections: bottom", "last row")
    yield a("connections.page-down", ("pagedown", "ctrl+f"), c, "connections: page down",
            "one page down")
    yield a("connections.page-up", ("pageup",), c, "connections: page up", "one page up")
    yield a("connections.detail", ("enter",), c, "connections: detail",
            "the connection's timeline and payload", "GET /events?since=0&connection={id}",
            "detail")
    yield a("connections.filter", ("slash",), "view", "connections: filter",
            "filter; red or green while typing, esc clears", "", "filter", "FILTER")
    yield a("connections.clear-filter", (), "view", "connections: clear filter",
            "show all connections")
    yield a("connections.sort-left", ("less_than_sign",), c, "connections: sort column left",
            "sort by the column to the left")
    yield a("connections.sort-right", ("greater_than_sign",), c, "connections: sort column right",
            "sort by the column to the right", "", "sort")
    yield a("connections.reverse", ("r",), c, "connections: reverse", "turn the order round")
    yield a("connections.sort", ("o",), c, "connections: sort by", "choose the column to sort by",
            argument="COLUMN")
    yield a("columns.show", (), c, "columns: show or hide", "show or hide a column",
            argument="COLUMN")
    yield a("connections.pin", ("a",), c, "connections: pin handler",
            "pin the selected handler to this connection; again frees it", _PIN, "pin")
    yield a("connections.pin-all", ("A",), c, "connections: pin handler to matching",
            "pin it to all that match the filter, twice to confirm", _PIN)
    yield a("connections.reset", ("x",), c, "connections: reset",
            "reset this connection, press twice", "DELETE /connections/{id}", "reset")
    yield a("connections.reset-all", ("X",), c, "connections: reset matching",
            "reset all that match the filter, press twice", "DELETE /connections/{id}")
    yield a("connections.closed", ("c",), c, "connections: closed", "show or hide closed ones",
            short="closed")
    yield a("connections.follow", ("f",), c, "connections: follow newest",
            "keep the newest connection in view")


def _views() -> Iterator[Action]:
    a = Action
    yield a("view.freeze", ("space",), "view", "view: freeze",
            "freeze the display; collecting goes on", "", "freeze")
    yield a("view.next-pane", ("tab",), "view", "view: next pane", "next pane")
    yield a("view.previous-pane", ("shift+tab",), "view", "view: previous pane", "previous pane")
    yield a("view.maximise", ("backslash",), "view", "view: maximise pane",
            "maximise the focused pane, or back")
    yield a("view.back", ("escape",), "view", "view: back", "back: closes what is on top", "",
            "back")
    yield a("view.pane", ("v",), "view", "view: hex or text",
            "lower pane: events, stream as text, stream as hex", "", "hex/text")
    yield a("view.tap", ("p",), "view", "view: payload",
            "payload of the selected connection on or off (off at first)",
            "GET /connections/{id}/tap", "payload")
    yield a("stream.direction", ("d",), "stream", "stream: direction",
            "both directions, upstream only, downstream only", "", "direction")
    yield a("proxy.next", ("n",), "view", "proxy: next", "look at the next proxy, or all of them")
    yield a("proxy.previous", ("N",), "view", "proxy: previous", "look at the proxy before")
    yield a("proxy.show", (), "view", "proxy: show", "look at one proxy", argument="NAME")
    yield a("copy.menu", ("y",), "view", "copy: menu",
            "copy the mix, the connection or one of its fields, payload, or the attach command",
            "", "copy")
    yield a("copy.curl", (), "view", "copy: mix as curl", "copy the mix as curl calls")
    yield a("copy.cli", (), "view", "copy: mix as CLI command", "copy it as a command line")
    yield a("copy.toml", (), "view", "copy: mix as TOML", "copy it as part of a profile")
    yield a("copy.row", (), "view", "copy: connection", "copy the selected connection as JSON")
    yield a("copy.id", (), "view", "copy: connection's id", "copy the selected connection's id")
    yield a("copy.client", (), "view", "copy: client address", "copy its client's address")
    yield a("copy.request", (), "view", "copy: request", "copy its newest request")
    yield a("copy.text", (), "view", "copy: payload as text",
            "copy the payload that is shown; what is not printable is written out")
    yield a("copy.hex", (), "view", "copy: payload as hex",
            "copy the payload that is shown, a line of hex for each piece")
    yield a("copy.attach", (), "view", "copy: attach command",
            "copy the command that attaches another console")
    yield a("export.write", ("w",), "view", "capture: export",
            "write connections as CSV and events as JSONL to the current folder")
    yield a("journal.mark", ("m",), "view", "journal: add marker",
            "drop a marker with a note into the journal", "POST /journal", "marker", "NOTE")
    yield a("view.theme", (), "view", "theme: choose", "choose a theme", argument="NAME")
    yield a("view.glyphs", (), "view", "view: glyphs", "ASCII in place of glyphs, or glyphs again")
    yield a("view.screenshot", (), "view", "screenshot: save SVG", "save the screen as SVG")


def _screens() -> Iterator[Action]:
    a = Action
    yield a("screen.live", ("L",), "screens", "screen: live", "the main screen")
    yield a("screen.timeline", ("T",), "screens", "screen: timeline",
            "hits, rates and delays over time")
    yield a("screen.events", ("E",), "screens", "screen: events", "all events, full screen")
    yield a("screen.proxies", ("P",), "screens", "screen: proxies",
            "all proxies: what each does; add, change, close, remove")
    yield a("screen.rules", ("R",), "screens", "screen: rules and profiles",
            "profiles: load, compare, save; chains (engine lost: restart it)")
    yield a("screen.options", ("O",), "screens", "screen: options",
            "every setting with its origin", "GET /profile")
    yield a("screen.journal", ("J",), "screens", "screen: journal", "who changed what, markers",
            "GET /journal")
    yield a("timeline.in", ("plus",), "timeline", "timeline: zoom in", "shorter time", "", "in")
    yield a("timeline.out", ("minus",), "timeline", "timeline: zoom out", "longer time", "", "out")
    yield a("timeline.fit", ("equals_sign",), "timeline", "timeline: one second a column",
            "one second a column", "", "1 s")
    yield a("events.filter", ("slash",), "events", "events: filter",
            "kind:fault handler:delay connection=7 words /regex/", "", "filter")
    yield a("events.follow", ("f",), "events", "events: follow", "keep the newest in view", "",
            "follow")
    yield a("events.goto", ("at",), "events", "events: go to time", "go to a time of the day", "",
            "go to time")
    yield a("events.top", ("g", "home"), "events", "events: oldest", "oldest event")
    yield a("events.bottom", ("G", "end"), "events", "events: newest", "newest event")
    yield a("events.down", ("j", "down"), "events", "events: down", "one line down")
    yield a("events.up", ("k", "up"), "events", "events: up", "one line up")
    yield a("events.page-down", ("pagedown",), "events", "events: page down", "one page down")
    yield a("events.page-up", ("pageup",), "events", "events: page up", "one page up")


def _lists() -> Iterator[Action]:
    a = Action
    yield a("list.up", ("k", "up"), "list", "list: up", "one row up")
    yield a("list.down", ("j", "down"), "list", "list: down", "one row down")
    yield a("proxies.look", ("enter",), "proxies", "proxies: look at it",
            "look at this proxy alone", "", "look at it")
    yield a("proxy.add", (), "view", "proxy: add", "make a proxy: fill in a form",
            "POST /proxies")
    yield a("proxies.add", ("a",), "proxies", "proxies: add", "make a proxy: fill in a form",
            "POST /proxies", "add")
    yield a("proxy.edit", ("c",), "proxies", "proxies: change",
            "change where it listens, connects, and what it speaks", "PATCH /proxies/{proxy}",
            "change")
    yield a("proxy.open", ("o",), "proxies", "proxies: close or open",
            "close it, so that clients are refused, or open it again", "PATCH /proxies/{proxy}",
            "close/open")
    yield a("proxy.remove", ("x",), "proxies", "proxies: remove",
            "remove it with its connections, press twice", "DELETE /proxies/{proxy}", "remove")
    yield a("rules.load", ("enter",), "rules", "profile: load",
            "make the engine what the selected profile says, press twice", "PUT /profile", "load",
            "NAME")
    yield a("rules.diff", ("d",), "rules", "profile: diff",
            "what loading the selected profile would change", "POST /profile/diff", "diff")
    yield a("rules.save", ("S",), "rules", "profile: save",
            "save what runs to the engine's own file, comments kept; twice if another was loaded",
            "POST /profile/save", "save")
    yield a("rules.save-as", ("W",), "rules", "profile: save as", "save what runs to a new file",
            "GET /profile?format=toml", "save as", "FILE")
    yield a("rules.reload", (), "rules", "profile: reload from disk", "read the profile anew",
            "PUT /profile")
    yield a("chain.add", ("a",), "chain", "chain: add",
            "add a handler that acts always: delay downstream 50% sleep=0.2s", f"POST {_CHAIN}",
            "add", "HANDLER")
    yield a("chain.edit", ("enter",), "chain", "chain: change entry",
            "change the entry's probability or an option", f"PATCH {_CHAIN}/{{name}}", "change")
    yield a("chain.more", ("plus",), "chain", "chain: more likely", "5% more likely",
            f"PATCH {_CHAIN}/{{name}}", "probability")
    yield a("chain.less", ("minus",), "chain", "chain: less likely", "5% less likely",
            f"PATCH {_CHAIN}/{{name}}")
    yield a("chain.earlier", ("shift+up",), "chain", "chain: earlier",
            "let it act one place earlier", "PATCH /proxies/{proxy}")
    yield a("chain.later", ("shift+down",), "chain", "chain: later",
            "let it act one place later", "PATCH /proxies/{proxy}", "move")
    yield a("chain.remove", ("x", "delete"), "chain", "chain: remove", "take the entry out",
            f"DELETE {_CHAIN}/{{name}}", "remove")
    yield a("options.edit", ("enter",), "options", "options: edit", "edit in place",
            "PATCH /proxies/{proxy}", "edit")
    yield a("options.filter", ("slash",), "options", "options: search", "search the options", "",
            "search")
    yield a("journal.export", ("w",), "journal", "journal: export Markdown",
            "write the journal as Markdown for a bug report", "", "export")


def _help() -> Iterator[Action]:
    a = Action
    yield a("help.keys", ("question_mark",), "help", "help: keys", "all keys of this screen", "",
            "help")
    yield a("help.focused", ("f1",), "help", "help: this pane", "help of the focused pane")
    yield a("help.filter", (), "help", "help: filter language", "how to write a filter")
    yield a("help.palette", ("ctrl+p", "colon"), "help", "help: commands",
            "find any command by name", "", "commands")
    yield a("help.jump", ("ctrl+o",), "help", "view: jump", "jump to a pane by a letter")
    yield a("engine.status", (), "help", "engine: show status", "what the engine says of itself")
    yield a("help.quit", ("q",), "help", "app: quit", "quit; twice while faults are on")
    yield a("help.suspend", ("ctrl+z",), "help", "app: suspend",
            "back to the shell; the engine runs on")


ACTIONS: tuple[Action, ...] = (
    *_faults(), *_panes(), *_connections(), *_views(), *_screens(), *_lists(), *_help(),
)
# fmt: on
BY_ID = {action.id: action for action in ACTIONS}

_SHOWN = {
    "plus": "+", "minus": "-", "equals_sign": "=", "right_square_bracket": "]",
    "left_square_bracket": "[", "slash": "/", "backslash": "\\", "question_mark": "?",
    "colon": ":", "at": "@", "less_than_sign": "<", "greater_than_sign": ">", "enter": "enter",
    "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓", "pagedown": "pgdn",
    "pageup": "pgup", "shift+left": "shift+←", "shift+right": "shift+→", "shift+up": "shift+↑",
    "shift+down": "shift+↓",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as people write it: ``+``, ``⏎``, ``^p``."""
    return _SHOWN.get(key, key.replace("ctrl+", "^"))


def of(*contexts: str) -> list[Action]:
    """The actions of some contexts, in the order of the table."""
    return [action for action in ACTIONS if action.context in contexts]


FOOTERS: dict[str, tuple[str, ...]] = {
    "connections": (
        "fault.toggle", "fault.more", "fault.normal", "fault.bypass", "connections.filter",
        "connections.detail", "connections.pin", "connections.reset", "view.freeze", "fault.undo",
        "copy.menu", "view.pane",
    ),
    "mix": (
        "fault.toggle", "fault.more", "mix.toggle", "fault.normal", "settings.edit",
        "fault.bypass", "fault.undo",
    ),
    "settings": (
        "settings.less", "settings.much-more", "settings.exact", "settings.default", "fault.undo",
        "fault.normal",
    ),
    "events": ("events.follow", "events.goto", "view.pane", "fault.normal", "view.freeze"),
    "stream": ("view.pane", "stream.direction", "fault.normal", "view.freeze"),
    "connection": (
        "view.pane", "stream.direction", "view.tap", "connections.pin", "connections.reset",
        "copy.menu", "view.back", "fault.normal",
    ),
    "timeline": ("timeline.in", "timeline.out", "timeline.fit", "journal.mark", "fault.normal"),
    "proxies": (
        "proxies.look", "proxies.add", "proxy.edit", "proxy.open", "proxy.remove", "fault.undo",
        "fault.normal",
    ),
    "rules": ("rules.load", "rules.diff", "rules.save", "rules.save-as", "fault.normal"),
    "chain": (
        "chain.add", "chain.edit", "chain.more", "chain.later", "chain.remove", "fault.undo",
        "fault.normal",
    ),
    "options": ("options.edit", "options.filter", "fault.normal"),
    "journal": ("journal.mark", "journal.export", "fault.normal"),
}  # fmt: skip
"""The useful keys of each context, hand-picked and in this order."""


def clashes(actions: Iterable[Action] = ACTIONS) -> list[str]:
    """Keys that two actions of one context share. There must be none."""
    seen: dict[tuple[str, str], str] = {}
    found = []
    for action in actions:
        for key in action.keys:
            other = seen.setdefault((action.context, key), action.id)
            if other != action.id:
                found.append(f"{key} in {action.context}: {other} and {action.id}")
    return found


def key_table() -> str:
    """The README's key table, in Markdown."""
    rows = ["| where | keys | what it does |", "|---|---|---|"]
    for action in ACTIONS:
        if action.keys:
            keys = " ".join(f"`{shown(key).replace('|', chr(92) + '|')}`" for key in action.keys)
            keys = "`1` … `9`" if action.id == "fault.toggle" else keys
            rows.append(f"| {action.context} | {keys} | {action.help} |")
    return "\n".join(rows) + "\n"
