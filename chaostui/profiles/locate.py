"""Where keys and values stand in a TOML text. The text is known to be valid."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import count

import tomli

from chaostui.profiles.mistakes import Part, Path

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''[\s\S]*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^\s,\]}#]+(?: \d\d:[^\s,\]}#]+)?")


class Locator:
    """Finds the line and column of every key and value of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._offsets: dict[Part, dict[Path, int]] = {"key": {}, "value": {}}
        self._tables: dict[Path, int] = {}
        """How many tables each array of tables has so far."""
        self._scan()

    def find(self, path: Path, part: Part = "value") -> tuple[int, int]:
        """Line and column, from 1, of a key or value, or of the nearest table around it."""
        for end in range(len(path), 0, -1):
            for offsets in (self._offsets[part], *self._offsets.values()):
                if path[:end] in offsets:
                    return self._line_and_column(offsets[path[:end]])
        return 1, 1

    def paths(self) -> set[Path]:
        """Every path that was found."""
        return {*self._offsets["key"], *self._offsets["value"]}

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def _scan(self) -> None:
        table: Path = ()
        while self._skip(_SPACE) < len(self._text):
            start = self._at
            if self._text.startswith("[[", start):
                table = self._header(2)
            elif self._text[start] == "[":
                table = self._header(1)
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return self._at

    def _header(self, brackets: int) -> Path:
        start = self._at
        self._at += brackets
        *around, last = self._key()
        self._at = self._text.index("]", self._at) + brackets
        path: Path = ()
        for part in around:
            self._offsets["key"].setdefault((*path, part), start)
            path = self._inside((*path, part))
        path = (*path, last)
        if brackets == 2:
            self._tables[path] = self._tables.get(path, 0) + 1
            self._offsets["key"].setdefault(path, start)
            path = self._inside(path)
        self._offsets["key"].setdefault(path, start)
        return path

    def _inside(self, path: Path) -> Path:
        """The newest table of an array of tables, or the table itself."""
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip(_SPACE)
            start = self._at
            quoted = self._text[start] in "\"'"
            self._skip(_STRING if quoted else _BARE_KEY)
            part = self._text[start : self._at]
            parts.append(tomli.loads(f"key = {part}")["key"] if quoted else part)
            dot = _DOT.match(self._text, self._at)
            if not dot:
                return parts
            self._at = dot.end()

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for part in self._key():
            path = (*path, part)
            self._offsets["key"].setdefault(path, start)
        self._at = self._text.index("=", self._at) + 1
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        self._offsets["value"][path] = self._at
        match self._text[self._at]:
            case "{":
                self._inner("}", path)
            case "[":
                self._inner("]", path)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_SCALAR)

    def _inner(self, end: str, path: Path) -> None:
        """Scan an inline table or an array up to its end."""
        self._at += 1
        for index in count():
            self._skip(_SPACE)
            if self._text[self._at] == end:
                break
            if end == "}":
                self._pair(path)
            else:
                self._value((*path, index))
            self._skip(_SPACE)
            if self._text[self._at] == ",":
                self._at += 1
        self._at += 1
