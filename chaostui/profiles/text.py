"""Reads a profile's file: a TOML profile, or Vaurien's INI."""

from __future__ import annotations

import os
import re
from pathlib import Path as FilePath
from typing import Any

import tomli

from chaostui.errors import Problem, SettingsError
from chaostui.profiles.draft import Draft
from chaostui.profiles.mistakes import Part, Path, Spot
from chaostui.safe_text import safe_text

_VAURIEN = re.compile(r"^[ \t]*\[vaurien\]", re.MULTILINE)
_INI = frozenset({".ini", ".cfg", ".conf"})
_SAID = {
    "Cannot overwrite a value": "this key stands there twice",
    "Invalid value": "this is no value; text stands in quotes",
    "Expected newline or end of document after a statement": "the value should end here; "
    "text stands in quotes",
}


def draft(path: str | os.PathLike[str]) -> Draft:
    """Read a file into a draft. Raises SettingsError when it cannot be read or parsed."""
    file = os.fspath(path)
    text = read_text(file)
    if FilePath(file).suffix.lower() in _INI or _VAURIEN.search(text):
        from chaostui.profiles import vaurien_ini

        return vaurien_ini.draft(text, file)
    return parse(text, file)


def read_text(file: str) -> str:
    """Read a file as UTF-8; raises SettingsError in one line."""
    shown = safe_text(file)
    try:
        data = FilePath(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(Problem(shown, reason[:1].lower() + reason[1:])) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        place = f"{shown}:{line}:{column}"
        raise SettingsError(Problem(place, "this byte is not UTF-8")) from None


def parse(text: str, file: str) -> Draft:
    """Read TOML into a draft. Raises SettingsError where it is not TOML."""
    shown = safe_text(file)
    try:
        raw = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        place = f"{shown}:{error.lineno}:{error.colno}"
        raise SettingsError(Problem(place, _SAID.get(error.msg, error.msg))) from None
    except RecursionError:
        raise SettingsError(Problem(shown, "nested too deeply")) from None
    return Draft(raw, spot=_Spots(text, shown), toml=True)


class _Spots:
    """Finds places in a text; it is scanned only when there is something to find."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._locator: Any = None

    def __call__(self, path: Path, part: Part) -> Spot:
        if self._locator is None:
            from chaostui.profiles.locate import Locator

            self._locator = Locator(self._text)
        line, column = self._locator.find(path, part)
        key = path[-1] if path and isinstance(path[-1], str) else ""
        return Spot(self._file, line, column, key)
