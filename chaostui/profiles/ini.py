"""INI text, as Python's and Mozilla's configuration readers take it, with places."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaostui.errors import Problem
from chaostui.options import Typed, meant
from chaostui.profiles.mistakes import Part, Spot
from chaostui.safe_text import safe_text

_HEADER = re.compile(r"\[([^\]\n]+)\]\s*(?:[;#].*)?$")
_ENTRY = re.compile(r"([^=:\s][^=:]*?)[ \t]*[=:][ \t]*(.*)$")
_COMMENT = re.compile(r"""((?:"[^"]*"|[^"])*?)\s+[;#].*$""")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(slots=True)
class Entry:
    """A key with its value, unquoted and with its variables put in."""

    key: str
    value: str
    file: str
    line: int
    column: int = 1
    value_column: int = 1
    quoted: bool = False

    def spot(self, part: Part = "value") -> Spot:
        """Where the key or its value stands."""
        column = self.column if part == "key" else self.value_column
        return Spot(safe_text(self.file), self.line, column, self.key)

    def meant(self) -> Any:
        """The value as a number, true or false, a list or text; as text where it was quoted."""
        return self.value if self.quoted else meant(Typed(self.value))


@dataclass(slots=True)
class Section:
    """A section's entries by key."""

    name: str
    file: str
    line: int
    entries: dict[str, Entry]


def parse(text: str, file: str) -> tuple[dict[str, Section], list[tuple[Spot, Problem]]]:
    """Cut INI text into sections, and say everything that is wrong with it."""
    parser = _Parser(file)
    for number, line in enumerate(text.splitlines(), 1):
        parser.line(line.rstrip(), number)
    for section in parser.sections.values():
        for entry in section.entries.values():
            parser.finish(entry)
    return parser.sections, parser.problems


class _Parser:
    def __init__(self, file: str) -> None:
        self.file = file
        self.sections: dict[str, Section] = {}
        self.problems: list[tuple[Spot, Problem]] = []
        self._section: Section | None = None
        self._entry: Entry | None = None

    def line(self, line: str, number: int) -> None:
        """Take one line."""
        text = line.lstrip()
        indent = len(line) - len(text)
        if not text or text[0] in ";#":
            return
        if indent and self._entry:
            # A value goes on where the line is indented.
            self._entry.value += "\n" + _uncommented(text)
        elif header := _HEADER.match(text):
            self._open(header[1].strip(), number)
        else:
            self._pair(text, number, indent)

    def _open(self, name: str, number: int) -> None:
        self._entry = None
        self._section = self.sections.setdefault(name, Section(name, self.file, number, {}))

    def _pair(self, text: str, number: int, indent: int) -> None:
        match = _ENTRY.match(text)
        if not match:
            self._problem(number, indent + 1, "this is neither [section] nor key = value")
        elif self._section is None:
            self._problem(number, indent + 1, "this stands before the first [section]")
        else:
            key, value = match[1], _uncommented(match[2])
            column = indent + match.start(2) + 1
            self._entry = Entry(key, value, self.file, number, indent + 1, column)
            if key in self._section.entries:
                self._problem(number, indent + 1, f"{key!r} stands there twice")
            self._section.entries[key] = self._entry

    def finish(self, entry: Entry) -> None:
        """Put the variables of the environment into a value and take off its quotes."""
        for name in _VARIABLE.findall(entry.value):
            if name not in os.environ and name != "HERE":
                spot = entry.spot()
                what = f"${{{name}}} is not set in the environment"
                self.problems.append((spot, spot.problem(what)))
        known = {"HERE": str(Path(self.file).parent), **os.environ}
        value = _VARIABLE.sub(lambda match: known.get(match[1], ""), entry.value).strip()
        entry.quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        entry.value = value[1:-1] if entry.quoted else value

    def _problem(self, line: int, column: int, what: str) -> None:
        spot = Spot(safe_text(self.file), line, column)
        self.problems.append((spot, spot.problem(what)))


def _uncommented(value: str) -> str:
    comment = _COMMENT.match(value)
    return (comment[1] if comment else value).strip()
