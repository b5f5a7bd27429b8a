"""Every effective setting with its origin: the profile, an option, or its default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from chaostui.options import fields
from chaostui.settings import ControlSettings, Profile, ProxySettings, StatsdSettings
from chaostui.tui import config as console
from chaostui.tui.model import figures
from chaostui.wire.views import EngineView

_ELSEWHERE = {"name", "behavior", "chain", "handler", "proxy", "control", "statsd"}
"""What other screens show, and tables, whose settings are listed one by one."""

_FINE = (
    "draw", "abandoned", "backend_down", "max_connections", "connect_timeout", "idle_timeout",
    "half_close_timeout", "linger", "slow_reply", "max_held", "tls", "backend_tls",
)  # fmt: skip
"""What the form of a proxy shows of it; O changes it."""


@dataclass(frozen=True)
class Setting:
    """One setting as the screen shows it."""

    place: str
    name: str
    value: str
    origin: str
    help: str = ""
    editable: bool = False
    type: str = "string"
    """What ``options`` calls it."""
    unit: str = ""
    raw: Any = ""
    """The value as the API takes it."""

    def read(self, text: str) -> Any:
        """Read a typed value of this setting's type. Raises ValueError."""
        text = text.strip()
        text = "" if text == figures.NONE else text
        if self.type == "boolean":
            if text.lower() not in ("yes", "no", "true", "false"):
                raise ValueError("yes or no")
            return text.lower() in ("yes", "true")
        if self.type == "object":
            raise ValueError("a table is changed in the profile")
        if self.type == "integer":
            return round(figures.parse_size(text))
        return figures.parse_seconds(text) if self.unit == "s" else text


def settings(
    profile: Mapping[str, Any],
    engine: EngineView | None,
    config: console.ConsoleConfig,
    path: str = "",
) -> list[Setting]:
    """All settings: the proxies', the engine's, and the console's own."""
    source = "profile" if path else "command or API"
    found = [s for table in profile.get("proxy", ()) for s in _proxy(table, source)]
    found += _table("engine", profile, Profile, source)
    found += _table("control", profile.get("control", {}), ControlSettings, source)
    if profile.get("statsd") is not None:
        found += _table("statsd", profile["statsd"], StatsdSettings, source)
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


def fine_settings(profile: Mapping[str, Any], proxy: str) -> dict[str, str]:
    """How one proxy treats its connections: bounds, times and modes by name, with units."""
    tables = (table for table in profile.get("proxy", ()) if table["name"] == proxy)
    known = {setting.name: setting for table in tables for setting in _proxy(table, "")}
    return {name: _measured(known[name]) for name in _FINE if name in known}


def _measured(setting: Setting) -> str:
    if not setting.unit:
        return setting.value
    if not setting.raw:
        return figures.NONE
    size = setting.unit == "B"
    return figures.size(setting.raw) if size else f"{setting.value} {setting.unit}"


def _proxy(table: Mapping[str, Any], source: str) -> Iterator[Setting]:
    for setting in _table(str(table["name"]), table, ProxySettings, source):
        yield replace(setting, editable=setting.type != "object")


def _table(
    place: str, given: Mapping[str, Any], kind: type[msgspec.Struct], source: str
) -> list[Setting]:
    """The settings of one table, each with the help that its declaration has."""
    found = []
    for name, field in fields(kind).items():
        if name in _ELSEWHERE:
            continue
        option = field.option
        value = given.get(name, option.default)
        origin = source if name in given else "default"
        found.append(
            Setting(place, name, _said(value), origin, option.help, type=option.type,
                    unit=option.unit, raw=value)
        )  # fmt: skip
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
        return " ".join(map(str, value)) or figures.NONE
    if isinstance(value, dict):
        return ", ".join(f"{k} = {v}" for k, v in value.items()) or figures.NONE
    if value in (None, ""):
        return figures.NONE
    return f"{value:g}" if isinstance(value, float) else str(value)
