"""Short messages of RESP by regular expressions: a pipeline of them is one match.

Each length has an arm of its own, so that a match is exact: a string is as long as it says and
ends in CRLF. What does not match is no error, only not short or not usual.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

LONGEST = 64
"""Bytes of a string."""
MOST = 5
"""Strings of a command."""
WINDOW = 4096
"""Bytes that are searched at once, in the hope that they are nothing but short messages."""


class Short(NamedTuple):
    """Patterns of short messages."""

    run: re.Pattern[bytes]
    """As many as there are."""
    one: re.Pattern[bytes]

    def split(self, data: bytes, pos: int) -> tuple[list[bytes], int]:
        """The short messages that begin at ``pos``, up to one that is not, and where they end."""
        size = len(data)
        if size - pos <= WINDOW:
            found = self.one.findall(data, pos)
            if sum(map(len, found)) == size - pos:
                return found, size
        run = self.run.match(data, pos)
        end = run.end() if run else pos
        return self.one.findall(data, pos, end), end


def strings() -> bytes:
    """A string of up to 64 bytes: its length digit by digit, then so many bytes."""
    arms = [rb"%d(?:%s)" % (digit, b"|".join(_rest(digit))) for digit in range(10)]
    return rb"\$(?:%s)\r\n" % b"|".join(arms)


def _rest(digit: int) -> Iterable[bytes]:
    """What comes after the first digit of a length."""
    yield rb"\r\n(?s:.{%d})" % digit
    for length in range(max(digit * 10, 10), min(digit * 10 + 10, LONGEST + 1)):
        yield rb"%d\r\n(?s:.{%d})" % (length % 10, length)


def _short(message: bytes) -> Short:
    return Short(re.compile(rb"(?:%s)++" % message), re.compile(message))


@functools.cache
def commands(unusual: frozenset[str]) -> Short:
    """Commands as arrays of 1 to 5 strings, but for those whose names are ``unusual``."""
    string = strings()
    names = b"|".join(rb"%d\r\n%s\r\n" % (len(name), name.encode()) for name in sorted(unusual))
    arms = b"|".join(rb"%d\r\n(?:%s){%d}" % (n, string, n) for n in range(1, MOST + 1))
    return _short(rb"(?!\*.\r\n\$(?i:%s))\*(?:%s)" % (names, arms))


@functools.cache
def replies() -> Short:
    """Strings, the null string and what fits in a line."""
    return _short(rb"(?:[-+:_#,(][^\r\n]*\r\n|\$-1\r\n|%s)" % strings())
