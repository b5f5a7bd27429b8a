"""The first run: where to listen, where to connect, and what is spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chaostui.settings import Address

_FIELDS = (
    ("listen", "127.0.0.1:16379", "clients connect here instead of to the backend"),
    ("backend", "127.0.0.1:6379", "the real server"),
    ("protocol", "tcp", ""),
)
_PORTS = {
    6379: "redis", 80: "http", 8000: "http", 8080: "http", 3306: "mysql", 5432: "postgresql",
    11211: "memcache", 25: "smtp", 389: "ldap",
}  # fmt: skip


def guess(backend: str, protocols: tuple[str, ...]) -> str:
    """The protocol that a backend's port usually speaks."""
    name = _PORTS.get(int(backend.rpartition(":")[2] or 0), "tcp")
    near = [protocol for protocol in protocols if protocol.startswith(name[:5])]
    return near[0] if near else "tcp"


def problem(values: Mapping[str, str], protocols: tuple[str, ...]) -> str:
    """What is wrong with the form, or nothing."""
    for name in ("listen", "backend"):
        try:
            Address.parse(values[name])
        except ValueError as error:
            return f"{name}: {error}"
    if values["protocol"] not in protocols:
        return f"protocol: one of {', '.join(protocols)}"
    return ""


class FirstRun(ModalScreen[dict[str, Any] | None]):
    """Three lines to fill in; tab goes on, enter starts the proxy."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss(None)", "later"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
    ]

    def __init__(self, protocols: tuple[str, ...]) -> None:
        super().__init__()
        self._protocols = protocols
        self._guessed = "tcp"

    def compose(self) -> ComposeResult:
        """The form."""
        with Vertical(classes="form") as form:
            form.border_title = "Your first proxy"
            form.border_subtitle = "tab next   enter start   esc later"
            yield Static(
                "chaostui stands between an application and its backend, passes traffic "
                "untouched, and breaks it on demand.\n", markup=False,
            )  # fmt: skip
            for name, value, text in _FIELDS:
                with Horizontal(classes="form-line"):
                    yield Static(f"{name:>9} ", classes="dialog-label", markup=False)
                    yield Input(value, id=f"first-{name}", compact=True)
                    hint = text or ", ".join(self._protocols)
                    yield Static(f" {hint}", classes="dialog-hint", markup=False)
            yield Static("", id="first-problem", markup=False)

    def values(self) -> dict[str, str]:
        """What is filled in."""
        return {n: self.query_one(f"#first-{n}", Input).value.strip() for n, _, _ in _FIELDS}

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say at once what is wrong; the protocol follows the backend's port until typed."""
        values = self.values()
        wrong = problem(values, self._protocols)
        self.query_one("#first-problem", Static).update(f"✕ {wrong}" if wrong else "")
        untouched = values["protocol"] == self._guessed
        if event.input.id == "first-backend" and not wrong and untouched:
            self._guessed = guess(values["backend"], self._protocols)
            self.query_one("#first-protocol", Input).value = self._guessed

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Start the proxy, unless something is wrong."""
        values = self.values()
        if not problem(values, self._protocols):
            name = values["protocol"] if values["protocol"] != "tcp" else "proxy"
            self.dismiss({"name": name, **values})
