"""Name a statement of SQL in a few words that hold no secrets."""

from __future__ import annotations

import functools
import re

HEAD = 256
"""How many bytes of a statement its name is made from."""
NAME = 60
"""How long a name gets, in characters."""
CUT = "…"

_TOKEN = re.compile(
    rb"'(?:[^'\\]|'')*'"  # a string
    rb'|"[^"\\]*"'  # a string in MySQL, an identifier elsewhere
    rb"|`[^`]*`"
    rb"|/\*!\d*|\*/"  # MySQL runs what is in between
    rb"|/\*.*?\*/|--\s[^\n]*\n|\s+"
    rb"|--|\#|/\*|\$[A-Za-z_]*\$|['\"`\\]",
    re.DOTALL,
)
_COMMAND = re.compile(r"[\s(]*(\w{1,20})")


@functools.lru_cache(maxsize=1024)
def summary(head: bytes, quotes: bytes = b"'") -> tuple[str, str, str]:
    """Shorten the first ``HEAD`` bytes of a statement.

    Returns its name, its command in capitals, and these bytes as text, strings and all.

    What stands between ``quotes`` becomes ``?``, a comment or white space one space. Where a
    string has no plain end (a backslash, a dollar quote, no end at all) the name ends: nothing
    of it may show.
    """
    parts: list[bytes] = []
    at = 0
    cut = len(head) >= HEAD
    for token in _TOKEN.finditer(head):
        parts.append(head[at : token.start()])
        at = token.end()
        shown = _shown(token[0], quotes)
        if shown is None:
            cut, at = True, len(head)
            break
        parts.append(shown)
    parts.append(head[at:])
    name = b"".join(parts).decode(errors="replace").strip()
    command = _COMMAND.match(name)
    if cut or len(name) > NAME:
        name = name[: NAME - 1].rstrip() + CUT
    return name, command[1].upper() if command else "", head.decode(errors="replace").lstrip()


def _shown(token: bytes, quotes: bytes) -> bytes | None:
    """What a name shows instead of ``token``; None where it must end."""
    opening = token[:1]
    if opening in b"'\"`":
        if len(token) == 1:
            return None
        return b"?" if opening in quotes else token
    blank = opening == b"*" or token.isspace() or (len(token) > 2 and opening in b"/-")
    return b" " if blank else None
