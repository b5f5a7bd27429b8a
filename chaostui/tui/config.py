"""The console's own configuration and what it remembers; profiles are none of its business."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from chaostui.errors import Problem, SettingsError
from chaostui.tui.actions import ACTIONS
from chaostui.tui.model.columns import SHOWN


class ConsoleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``config.toml`` of the console; ``origins`` is what ``load`` found where."""

    theme: str = "chaos"
    glyphs: Literal["auto", "unicode", "ascii"] = "auto"
    columns: tuple[str, ...] = SHOWN
    sort: str = "rate"
    reverse: bool = True
    profiles: str = ""
    """The folder of profiles; empty: that of the profile, else the current one."""
    keymap: dict[str, str] = {}
    """Action id to keys: ``"fault.normal" = "0,f9"``."""


HELP: Mapping[str, str] = {
    "theme": "colours: chaos, chaos-light, chaos-mono, chaos-colorblind or any of Textual's",
    "glyphs": "auto, unicode, ascii; auto: ASCII where the locale is not UTF-8 or TERM is linux",
    "columns": "columns of the connections table, left to right",
    "sort": "the column it is sorted by at first",
    "reverse": "largest first",
    "profiles": "folder of profiles on the screen R",
    "keymap": 'action id to keys, as in "fault.normal" = "0,f9"',
}


def folder(kind: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder for ``config`` or ``state``, by the XDG rules."""
    variable, default = {
        "config": ("XDG_CONFIG_HOME", ".config"),
        "state": ("XDG_STATE_HOME", ".local/state"),
    }[kind]
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get(variable) or home / default) / "chaostui"


def load(environ: Mapping[str, str] = os.environ) -> ConsoleConfig:
    """Read ``config.toml`` where there is one. Raises SettingsError."""
    path = folder("config", environ) / "config.toml"
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=ConsoleConfig)
    except FileNotFoundError:
        return remembered(ConsoleConfig(), environ)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SettingsError(Problem(str(path), str(error))) from None
    check(config, str(path))
    return remembered(config, environ)


def check(config: ConsoleConfig, place: str) -> None:
    """Refuse keys for actions that do not exist. Raises SettingsError."""
    known = {identity for action in ACTIONS for _, identity, _ in action.bindings()}
    problems = [
        Problem(f"{place}: keymap.{name}", "no such action (they are listed under ?)")
        for name in config.keymap
        if name not in known
    ]
    if problems:
        raise SettingsError(*problems)


def remembered(config: ConsoleConfig, environ: Mapping[str, str] = os.environ) -> ConsoleConfig:
    """What the configuration leaves open and the operator chose last time."""
    if config.theme != ConsoleConfig().theme:
        return config
    try:
        state = msgspec.json.decode(
            (folder("state", environ) / "console.json").read_bytes(), type=dict[str, str]
        )
    except (OSError, msgspec.MsgspecError):
        return config
    return msgspec.structs.replace(config, theme=state.get("theme", config.theme))


def remember(theme: str, environ: Mapping[str, str] = os.environ) -> None:
    """Keep the chosen theme for next time; a folder that cannot be written is no error."""
    path = folder("state", environ) / "console.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(msgspec.json.encode({"theme": theme}))
    except OSError:
        return
