"""The filter language: ``handler:delay client:10. bytes>1M /regex/ -closed``.

Terms are joined by AND; ``OR`` joins groups of such terms. ``field:text`` looks for a part of
the text, ``field=value`` for all of it, ``field>1M`` compares; a bare word or ``"quoted
words"`` looks in every text, and ``/regex/`` (also ``field:/regex/``) searches. ``-`` before a
term turns it round.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chaostui.tui.model import figures

Reader = Callable[[str], float]

_TOKEN = re.compile(
    r"""(?P<minus>[-!])?
        (?:(?P<field>[a-z_]+)(?P<op>>=|<=|!=|[:=><]))?
        (?P<value>/(?:[^/\\]|\\.)*/|"[^"]*"|\S+)?""",
    re.VERBOSE | re.IGNORECASE,
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
}


AND, OR = "AND", "OR"
OTHERS = ("NOT", "(", ")", "&&", "||", "|", "&")
"""What other languages write; quoted they are words."""


class FilterError(ValueError):
    """A filter that cannot be read; the text says why and what is known."""


class Columns(Protocol):
    """What a filter is applied to: columns of equal length."""

    def numbers(self, field: str) -> Sequence[float]: ...

    def texts(self, field: str) -> Sequence[str]: ...


@dataclass(frozen=True)
class Fields:
    """The fields a filter may name: texts, and numbers with how their values are read."""

    texts: tuple[str, ...]
    numbers: Mapping[str, Reader]
    searched: tuple[str, ...]
    """The texts a bare word looks in."""


CONNECTION_FIELDS = Fields(
    texts=("client", "backend", "proxy", "handler", "state", "request", "pinned", "opaque"),
    numbers={
        "id": figures.parse_number,
        "up": figures.parse_size,
        "down": figures.parse_size,
        "bytes": figures.parse_size,
        "rate": figures.parse_size,
        "reply": figures.parse_seconds,
        "held": figures.parse_size,
        "exchanges": figures.parse_number,
        "hits": figures.parse_number,
        "age": figures.parse_seconds,
        "idle": figures.parse_seconds,
    },
    searched=("client", "backend", "proxy", "handler", "state", "request"),
)
EVENT_FIELDS = Fields(
    texts=("kind", "proxy", "handler", "text"),
    numbers={"connection": figures.parse_number, "seq": figures.parse_number},
    searched=("text", "kind", "proxy", "handler"),
)


@dataclass(frozen=True)
class Term:
    """One term: says which rows it keeps."""

    keep: Callable[[Columns, Sequence[int]], list[int]]
    inverse: bool

    def apply(self, rows: Columns, indices: Sequence[int]) -> list[int]:
        """Narrow ``indices`` down to the rows this term lets pass."""
        kept = self.keep(rows, indices)
        if not self.inverse:
            return kept
        gone = set(kept)
        return [index for index in indices if index not in gone]


@dataclass(frozen=True)
class Filter:
    """A filter that has been read; an empty one lets everything pass."""

    text: str = ""
    groups: tuple[tuple[Term, ...], ...] = ()
    """A row passes where all terms of any group let it."""

    def __bool__(self) -> bool:
        return bool(self.groups)

    def apply(self, rows: Columns, indices: Sequence[int]) -> Sequence[int]:
        """Narrow ``indices`` down to the rows that pass."""
        if not self.groups:
            return indices
        found = [_narrowed(group, rows, indices) for group in self.groups]
        if len(found) == 1:
            return found[0]
        passed = set().union(*found)
        return [index for index in indices if index in passed]


def _narrowed(terms: Sequence[Term], rows: Columns, indices: Sequence[int]) -> Sequence[int]:
    for term in terms:
        indices = term.apply(rows, indices)
    return indices


def parse(text: str, fields: Fields = CONNECTION_FIELDS) -> Filter:
    """Read a filter. Raises FilterError, which names the known fields where one is unknown."""
    groups: list[list[Term]] = [[]]
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TOKEN.match(text, position)
        assert match is not None  # every part of the pattern is optional
        if match.end() == position:
            raise FilterError(f"cannot read {text[position:]!r}")
        word = match[0].upper()
        if word == OR:
            groups.append([])
        elif word in OTHERS or word.startswith("("):
            raise FilterError(f'{match[0]} is not understood, only AND and OR: "quote" a word')
        elif word != AND:
            groups[-1].append(_term(match, fields))
        position = match.end()
    if len(groups) > 1 and not all(groups):
        raise FilterError("a term is missing beside OR")
    return Filter(text.strip(), tuple(map(tuple, groups)) if all(groups) else ())


def _term(match: re.Match[str], fields: Fields) -> Term:
    field, op, value = match["field"], match["op"], match["value"] or ""
    inverse = bool(match["minus"])
    if not field:
        if not value:
            raise FilterError("a term is missing after -")
        return Term(_searcher(fields.searched, *_matcher(value)), inverse)
    field = field.lower()
    if not value:
        raise FilterError(f"a value is missing after {field}{op}")
    if field in fields.numbers:
        return Term(_comparer(field, op, _read(fields.numbers[field], value)), inverse)
    if field not in fields.texts:
        known = ", ".join((*fields.texts, *fields.numbers))
        raise FilterError(f"no field named {field!r} (there are {known})")
    if op in ("=", "!="):
        return Term(_equal(field, value.strip('"').casefold()), inverse ^ (op == "!="))
    if op != ":":
        raise FilterError(f"{field} is a text: use {field}:word or {field}=word")
    return Term(_searcher((field,), *_matcher(value)), inverse)


def _read(reader: Reader, value: str) -> float:
    try:
        return reader(value)
    except ValueError as error:
        raise FilterError(str(error)) from None


def _matcher(value: str) -> tuple[str, re.Pattern[str] | None]:
    if len(value) > 1 and value.startswith("/") and value.endswith("/"):
        try:
            return "", re.compile(value[1:-1], re.IGNORECASE)
        except re.error as error:
            raise FilterError(f"not a regular expression: {error}") from None
    if value.startswith("/"):
        raise FilterError("a regular expression ends with /")
    if value.startswith('"') and not (len(value) > 1 and value.endswith('"')):
        raise FilterError('a quoted text ends with "')
    return value.strip('"').casefold(), None


def _searcher(
    names: tuple[str, ...], word: str, pattern: re.Pattern[str] | None
) -> Callable[[Columns, Sequence[int]], list[int]]:
    def keep(rows: Columns, indices: Sequence[int]) -> list[int]:
        kept: set[int] = set()
        for name in names:
            column = rows.texts(name)
            if pattern is not None:
                search = pattern.search
                kept.update(i for i in indices if search(column[i]))
            else:
                kept.update(i for i in indices if word in column[i].casefold())
        return [i for i in indices if i in kept]

    return keep


def _equal(field: str, word: str) -> Callable[[Columns, Sequence[int]], list[int]]:
    def keep(rows: Columns, indices: Sequence[int]) -> list[int]:
        column = rows.texts(field)
        return [i for i in indices if column[i].casefold() == word]

    return keep


def _comparer(field: str, op: str, value: float) -> Callable[[Columns, Sequence[int]], list[int]]:
    compare = _COMPARE[op]

    def keep(rows: Columns, indices: Sequence[int]) -> list[int]:
        column = rows.numbers(field)
        return [i for i in indices if compare(column[i], value)]

    return keep
