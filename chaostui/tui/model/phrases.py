"""What may be typed in the palette: ``delay 40``, ``delay 1.5s``, ``errors kind MOVED``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaostui.tui.model.form import Field, FieldError


@dataclass(frozen=True)
class Phrase:
    """A sentence that was understood: how it reads, and the action with its argument."""

    title: str
    identity: str
    argument: str


def understand(
    query: str, names: Sequence[str], catalogue: Mapping[str, Sequence[Field]]
) -> list[Phrase]:
    """All that a query can mean: a weight, a time or size, or an option by its name."""
    words = query.split()
    if len(words) < 2:
        return []
    found: list[Phrase] = []
    for name in names:
        if not name.startswith(words[0].lower()):
            continue
        fields = catalogue.get(name, ())
        if len(words) == 2:
            found += _weight(name, words[1])
            found += _value(name, fields, words[1])
        else:
            found += _option(name, fields, words[1], " ".join(words[2:]))
    return found


def _weight(name: str, word: str) -> list[Phrase]:
    number = word.rstrip("%")
    try:
        weight = float(number)
    except ValueError:
        return []
    if not 0 <= weight <= 100:
        return []
    return [Phrase(f"handler: set {name} weight {weight:g}%", "fault.weight", f"{name} {number}")]


def _value(name: str, fields: Sequence[Field], word: str) -> list[Phrase]:
    """``delay 1.5s`` means its first option that is a time, and it for so long in the mix."""
    if not word[:1].isdigit() or not word[-1:].isalpha():
        return []
    for field in fields:
        if field.unit in ("s", "ms") or (field.unit and not word.endswith("s")):
            return _option(name, [field], field.name, word)
    return []


def _option(name: str, fields: Sequence[Field], word: str, value: str) -> list[Phrase]:
    for field in fields:
        if field.name.startswith(word):
            try:
                shown = field.show(field.read(value))
            except FieldError:
                return []
            title = f"handler: set {name} {field.name} {shown}"
            return [Phrase(title, "handler.set", f"{name} {field.name} {value}")]
    return []
