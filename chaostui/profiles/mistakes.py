"""What is wrong with a profile, and where it stands in the text it was read from."""

from __future__ import annotations

from typing import Literal, NamedTuple

from chaostui.errors import Problem

Path = tuple[str | int, ...]
"""The way to a value: ``("proxy", 0, "listen")``."""

Part = Literal["key", "value"]


class Mistake(NamedTuple):
    """One thing wrong: where, what, and whether the key or its value is to blame."""

    path: Path
    what: str
    part: Part = "value"


def dotted(path: Path) -> str:
    """``proxy[0].chain[1].sleep``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def in_json(mistake: Mistake, place: str = "") -> Problem:
    """Describe a mistake by its dotted path, after ``place``."""
    path = dotted(mistake.path)
    return Problem(f"{place}.{path}" if place and path else place or path, mistake.what)


class Spot(NamedTuple):
    """A place in a file, and the key that stands there."""

    file: str
    line: int
    column: int
    key: str = ""

    def problem(self, what: str, part: Part = "value") -> Problem:
        """``file:line:col: key: what``; the key only where its value is to blame."""
        text = f"{self.key}: {what}" if self.key and part == "value" else what
        return Problem(f"{self.file}:{self.line}:{self.column}", text)
