"""A proxy as a form: where to listen, where to connect, and what is spoken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chaostui.safe_text import safe_text
from chaostui.settings import Address
from chaostui.tui.model.clients import example, guess
from chaostui.wire.shapes import ProtocolHelp

NEW = {"name": "", "listen": "127.0.0.1:16379", "backend": "127.0.0.1:6379", "protocol": "tcp"}
_HINTS = {
    "name": "what to call it; empty: what is spoken",
    "listen": "clients connect here instead of to the backend",
    "backend": "the real server",
    "protocol": "what both speak; tcp: bytes that are not read",
}


def problem(values: Mapping[str, str], protocols: Iterable[str], taken: Sequence[str] = ()) -> str:
    """What is wrong with the form, or nothing; ``taken`` are names of other proxies."""
    for name in ("listen", "backend"):
        try:
            Address.parse(values[name])
        except ValueError as error:
            return f"{name}: {error}"
    if values["protocol"] not in protocols:
        return f"protocol: one of {', '.join(protocols)}"
    if named(values, taken) in taken:
        return f"name: there is a proxy {values['name']} already"
    return ""


def named(values: Mapping[str, str], taken: Sequence[str] = ()) -> str:
    """The proxy's name: what was typed, else what is spoken, with a number where it is taken."""
    if values["name"]:
        return values["name"]
    base = values["protocol"] if values["protocol"] != "tcp" else "proxy"
    numbers = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbers) if name not in taken)


def _columns(settings: Mapping[str, str]) -> str:
    """Settings in two columns, with the way to change them."""
    told = [f"{name:>18}  {safe_text(value, limit=20):<16}" for name, value in settings.items()]
    pairs = ["".join(told[at : at + 2]).rstrip() for at in range(0, len(told), 2)]
    return "\n".join(["", *pairs, f"{'':>18}  O changes these"])


class ProxyForm(ModalScreen[dict[str, str] | None]):
    """Lines to fill in; tab goes on, enter takes them. The answer has no empty name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss(None)", "later"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
    ]

    def __init__(
        self,
        protocols: Mapping[str, ProtocolHelp],
        *,
        title: str = "Your first proxy",
        prose: str = "",
        values: Mapping[str, str] = NEW,
        taken: Sequence[str] = (),
        fixed: Sequence[str] = (),
        rest: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._protocols = protocols
        self._title, self._prose = title, prose
        self._values = dict(values)
        self._taken = taken
        self._fixed = fixed
        self._rest = rest or {}
        """Its other settings, which the form shows and leaves alone."""
        self._guessed = "tcp"

    def compose(self) -> ComposeResult:
        """The form."""
        with Vertical(classes="form") as form:
            form.border_title = self._title
            form.border_subtitle = "tab next   enter start   esc later"
            if self._prose:
                yield Static(f"{self._prose}\n", markup=False)
            for name in ("listen", "backend", "protocol", "name"):
                with Horizontal(classes="form-line"):
                    yield Static(f"{name:>9} ", classes="dialog-label", markup=False)
                    value = safe_text(self._values[name])
                    fixed = name in self._fixed
                    yield Input(value, id=f"first-{name}", compact=True, disabled=fixed)
                    yield Static(f" {_HINTS[name]}", classes="dialog-hint", markup=False)
            if self._rest:
                yield Static(_columns(self._rest), id="first-rest", markup=False)
            yield Static(f"\nprotocols  {'  '.join(self._protocols)}", markup=False)
            yield Static("", id="first-try", markup=False)
            yield Static("", id="first-problem", markup=False)

    def on_mount(self) -> None:
        """Say at once how the proxy can be tried."""
        self._tell()

    def values(self) -> dict[str, str]:
        """What is filled in."""
        return {n: self.query_one(f"#first-{n}", Input).value.strip() for n in NEW}

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say at once what is wrong; the protocol follows the backend's port until typed."""
        values = self.values()
        untouched = values["protocol"] == self._guessed
        if event.input.id == "first-backend" and untouched:
            self._guessed = guess(values["backend"], self._protocols)
            self.query_one("#first-protocol", Input).value = self._guessed
        self._tell()

    def _tell(self) -> None:
        values = self.values()
        wrong = problem(values, self._protocols, self._taken)
        command = example(self._protocols, values["protocol"], values["listen"])
        self.query_one("#first-problem", Static).update(f"✕ {safe_text(wrong)}" if wrong else "")
        self.query_one("#first-try", Static).update("" if wrong else f"  try it  {command}")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the values, unless something is wrong."""
        values = self.values()
        if not problem(values, self._protocols, self._taken):
            self.dismiss(values | {"name": named(values, self._taken)})
