"""Every effective setting with its origin: the profile, an option, or its default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chaostui.engine.views import EngineView
from chaostui.settings import ControlSettings, Profile, ProxySettings
from chaostui.tui import config as console
from chaostui.tui.model import figures

_EDITABLE = {
    "backend": "the address that the proxy connects to",
    "listen": "the address that clients connect to; one that cannot be bound changes nothing",
    "protocol": "how bytes are cut into requests and replies",
    "enabled": "no: the proxy is closed, its connections too",
    "draw": "request: the dice are rolled for each request; connection: once for each connection",
    "tls": "passthrough: left as it is; refuse: hidden from clients; terminate: ended here",
    "tls_cert": "PEM file of the certificate that clients are shown; empty: one is made",
    "tls_key": "PEM file of its key; empty: it stands in tls_cert",
    "backend_tls": "where TLS ends here, on to the backend: off, on (not checked), verify",
    "backend_tls_ca": "PEM file of those who are trusted; empty: those whom the system trusts",
    "backend_tls_cert": "PEM file of the certificate that a backend is shown which wants one",
    "backend_tls_key": "PEM file of its key; empty: it stands in backend_tls_cert",
    "connect_timeout": "seconds that the backend has to accept a connection",
    "idle_timeout": "seconds without a byte after which a connection is closed; 0: never",
    "slow_reply": "seconds from which on a reply is told of as slow; 0: never",
    "half_close_timeout": "seconds that the other side has to end after the first one did",
    "abandoned": "what becomes of bytes that a fault holds when their client has gone",
    "linger": "seconds that a close waits for a peer that does not read",
    "max_connections": "how many at once; further clients wait; 0: what the file limit allows",
    "max_held": "bytes held back per connection and direction before reading pauses",
}
_FIXED = {
    "seed": "same seed, same decisions",
    "max_held": "bytes held back by all connections together before reading pauses",
    "drain": "how long a stop waits for open connections, in seconds",
    "log_level": "debug, info, warning, error, critical",
    "log_output": "a file, or - for standard error",
}
_CONTROL = {
    "listen": "the control API; absent: the Unix socket only",
    "toxiproxy": "the same engine in Toxiproxy's words",
    "no_auth": "other hosts need no token",
}


@dataclass(frozen=True)
class Setting:
    """One setting as the screen shows it."""

    place: str
    name: str
    value: str
    origin: str
    help: str = ""
    editable: bool = False
    kind: type = str

    def read(self, text: str) -> Any:
        """Read a typed value of this setting's type. Raises ValueError."""
        text = text.strip()
        if self.kind is bool:
            if text.lower() not in ("yes", "no", "true", "false"):
                raise ValueError("yes or no")
            return text.lower() in ("yes", "true")
        if self.kind is int:
            return round(figures.parse_size(text))
        return figures.parse_seconds(text) if self.kind is float else text


def settings(
    profile: Mapping[str, Any],
    engine: EngineView | None,
    config: console.ConsoleConfig,
    path: str = "",
) -> list[Setting]:
    """All settings: the proxies', the engine's, and the console's own."""
    source = "profile" if path else "command or API"
    found = [s for table in profile.get("proxy", ()) for s in _proxy(table, source)]
    found += _table("engine", profile, _FIXED, Profile, source)
    found += _table("control", profile.get("control", {}), _CONTROL, ControlSettings, source)
    if engine is not None:
        limit = engine.max_connections
        found.append(Setting("engine", "max_connections", str(limit), "file limit",
                             "what the limit of open files allows"))  # fmt: skip
        held = figures.size(engine.held)
        found.append(Setting("engine", "held", held, "measured", "bytes held back now"))
        found.append(Setting("engine", "rss", figures.size(engine.rss), "measured",
                             "memory in use"))  # fmt: skip
    for handler, table in profile.get("handler", {}).items():
        found += [Setting(f"[{handler}]", n, str(v), source) for n, v in table.items()]
    return found + list(_console(config))


def _proxy(table: Mapping[str, Any], source: str) -> Iterator[Setting]:
    defaults = {
        field.name: field.default
        for field in msgspec.structs.fields(ProxySettings)
        if field.default is not msgspec.NODEFAULT
    }
    for name, text in _EDITABLE.items():
        value = table.get(name, defaults.get(name, ""))
        origin = source if name in table else "default"
        yield Setting(str(table["name"]), name, _said(value), origin, text, editable=True,
                      kind=type(value))  # fmt: skip


def _table(
    place: str, given: Mapping[str, Any], known: Mapping[str, str], kind: Any, source: str
) -> list[Setting]:
    found = []
    for name, text in known.items():
        default = getattr(kind(), name)
        value = given.get(name, default)
        origin = source if name in given else "default"
        found.append(Setting(place, name, _said(value), origin, text))
    return found


def _console(config: console.ConsoleConfig) -> Iterator[Setting]:
    standard = console.ConsoleConfig()
    for name, text in console.HELP.items():
        value = getattr(config, name)
        origin = "default" if value == getattr(standard, name) else "config.toml"
        yield Setting("console", name, _said(value), origin, text)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k} = {v}" for k, v in value.items()) or "–"
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)
