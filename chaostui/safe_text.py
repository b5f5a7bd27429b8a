"""Untrusted text made fit for a terminal, a log line or an error message."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_text(text: str | bytes, limit: int = 200) -> str:
    r"""Show ``text`` on one line: what controls a terminal or hides itself is written out.

    Characters of the Unicode categories Cc, Cf, Cs, Co, Cn, Zl and Zp become ``\x1b``,
    ``\u202e`` or ``\U000e0001``; bytes that are not UTF-8 become ``\xff``. The result has at
    most ``limit`` characters, the last of them ``…`` where something was cut off.
    """
    if isinstance(text, bytes):
        # A character takes up to four bytes, so this much always fills the limit.
        text = text[: 4 * limit + 4].decode(errors="backslashreplace")
    if len(text) <= limit and text.isprintable():
        return text
    return _fit([_escape(c) for c in text[: limit + 1]], limit)


def _escape(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _fit(pieces: list[str], limit: int) -> str:
    """Join whole pieces, an escape never cut in two, within ``limit`` characters."""
    whole = "".join(pieces)
    if len(whole) <= limit:
        return whole
    kept, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > limit - 1:
            break
        kept.append(piece)
    return "".join(kept) + ELLIPSIS
