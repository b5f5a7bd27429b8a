"""The console's own configuration and what it remembers; profiles are none of its business."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from chaostui import options
from chaostui.errors import Problem, SettingsError
from chaostui.tui import keymap
from chaostui.tui.actions import ACTIONS
from chaostui.tui.model.columns import BY_FIELD, SHOWN


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
    "sort": "the column that the table is sorted by at first",
    "reverse": "true: the largest first",
    "profiles": "folder of the profiles on the screen R; empty: that of the profile, else this one",
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


def path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where ``config.toml`` is looked for."""
    return folder("config", environ) / "config.toml"


def load(environ: Mapping[str, str] = os.environ) -> ConsoleConfig:
    """Read ``config.toml`` where there is one. Raises SettingsError with every problem."""
    file = path(environ)
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return remembered(ConsoleConfig(), environ)
    except (OSError, ValueError) as error:
        raise SettingsError(Problem(str(file), str(error))) from None
    return remembered(parse(text, str(file)), environ)


def parse(text: str, place: str) -> ConsoleConfig:
    """Read a configuration's text. Raises SettingsError with every problem, as profiles do."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(Problem(place, str(error))) from None
    values, wrong = options.parse(ConsoleConfig, raw)
    problems = [Problem(f"{place}: {problem.place}", problem.what) for problem in wrong]
    problems += _problems(values, place)
    if problems:
        raise SettingsError(*problems)
    values["keymap"] = keymap.normal(values.get("keymap", {}))
    return ConsoleConfig(**values)


def _problems(values: Mapping[str, Any], place: str) -> Iterator[Problem]:
    """What is well-formed and means nothing: themes, columns, keys."""
    if "theme" in values:
        known = themes()
        if values["theme"] not in known:
            yield Problem(f"{place}: theme", options.unknown("theme", values["theme"], known))
    for name in [*values.get("columns", ()), *([values["sort"]] if "sort" in values else [])]:
        if name not in BY_FIELD:
            where = "sort" if name == values.get("sort") else "columns"
            yield Problem(f"{place}: {where}", options.unknown("column", name, BY_FIELD))
    if "columns" in values and not values["columns"]:
        yield Problem(f"{place}: columns", "at least one column is wanted")
    yield from keymap.problems(values.get("keymap", {}), place)


def themes() -> list[str]:
    """All themes there are, the console's own first."""
    from textual.theme import BUILTIN_THEMES

    from chaostui.tui.themes import THEMES

    return [*(theme.name for theme in THEMES), *sorted(BUILTIN_THEMES)]


def sample() -> str:
    """A configuration with every setting at its default, each explained and commented out."""
    lines = [
        "# The console's own settings. Remove a # to set one. Profiles are files of their own."
    ]
    for field in msgspec.structs.fields(ConsoleConfig):
        if field.name != "keymap":
            lines += ["", f"# {HELP[field.name]}", f"#{field.name} = {json.dumps(field.default)}"]
    lines += ["", f"# {HELP['keymap']}; several keys are separated by commas", "[keymap]"]
    for action in ACTIONS:
        for keys, identity, _ in action.bindings():
            if keys:
                lines.append(f"#{json.dumps(identity)} = {json.dumps(keys)}  # {action.help}")
    return "\n".join(lines) + "\n"


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
