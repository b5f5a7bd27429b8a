"""Which requests, and whose, a handler is for."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import shlex
from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from chaostui.protocol import Request
from chaostui.settings import Text

LONGEST = 500
"""Characters of a pattern."""
SEEN = 256
"""Characters of a text that a regular expression looks at."""
MOST_REPEATS = 3
"""Open repetitions of a regular expression: each one multiplies the time by the text's length."""

TOKEN = re.compile(
    r"(?P<other>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<repeat>(?:[*+?]|\{\d*,?\d*\})[?+]?)"
    r"|(?P<open>\(\??)|(?P<close>\))|(?P<either>\|)",
    re.DOTALL,
)


def too_slow(regex: str) -> str:
    """Say why a regular expression may try too many ways to match a text; empty: it does not.

    A repeated group is refused that holds a repetition or an alternative, as ``(a+)+`` and
    ``(a|a)*``: on those the ways grow exponentially with the text.
    """
    choices = [False]
    closed, end, repeats = False, 0, 0
    for token in TOKEN.finditer(regex):
        kind, text = token.lastgroup, token[0]
        if kind == "repeat":
            if closed and token.start() == end and text[0] != "?":
                return "a repeated group with a repetition or an alternative in it takes too long"
            repeats += text[0] in "*+" or "," in text
            choices[-1] = True
        elif kind == "open":
            choices.append(False)
        elif kind == "either":
            choices[-1] = True
        closed = False
        if kind == "close" and len(choices) > 1:
            closed = choices.pop()
            choices[-1] = choices[-1] or closed
        end = token.end()
    return f"more than {MOST_REPEATS} open repetitions take too long" * (repeats > MOST_REPEATS)


class Glob(Text):
    """A pattern with ``*``, ``?`` and ``[…]`` for the whole of a text; ``~`` makes it a regex.

    A regular expression looks at the first 256 characters.
    """

    __slots__ = ("_found", "_seen", "_text")
    flags: ClassVar[re.RegexFlag] = re.NOFLAG

    def __init__(self, text: str) -> None:
        self._text = text
        regex = self.regex(text)
        own = text.removeprefix("~")
        self._seen = SEEN if regex == own else None
        why = too_slow(own) if self._seen else ""
        if why:
            raise ValueError(f"{text!r}: {why}")
        try:
            self._found = re.compile(regex, self.flags).search
        except re.error as error:
            raise ValueError(f"{text!r} is not a regular expression: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern of 1 to 500 characters. Raises ValueError."""
        if not 1 <= len(text) <= LONGEST:
            raise ValueError(f"a pattern has 1 to {LONGEST} characters")
        return cls(text)

    def regex(self, text: str) -> str:
        """The pattern as a regular expression, to be found anywhere."""
        return text[1:] if text.startswith("~") else rf"\A{fnmatch.translate(text)}"

    def fits(self, text: str) -> bool:
        """Whether ``text`` matches."""
        return self._found(text[: self._seen]) is not None

    def __str__(self) -> str:
        return self._text


class Word(Glob):
    """The same, of a word in small letters or capitals."""

    __slots__ = ()
    flags = re.IGNORECASE


class Regex(Word):
    """A regular expression, found anywhere in a text, in small letters or capitals."""

    __slots__ = ()

    def regex(self, text: str) -> str:
        return text.removeprefix("~")


class Network(Text):
    """An IP address, or a network of them."""

    __slots__ = ("_network",)

    def __init__(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        self._network = network

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``10.0.0.0/8``, ``10.1.2.3`` or ``fd00::/8``. Raises ValueError."""
        try:
            return cls(ipaddress.ip_network(text, strict=False))
        except ValueError:
            what = f"{text!r} is not an IP address or a network, such as 10.0.0.0/8"
            raise ValueError(what) from None

    def fits(self, client: str) -> bool:
        """Whether a client's ``host:port`` is in it."""
        host = client.rpartition(":")[0].strip("[]").partition("%")[0]
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            return False
        mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
        return (mapped or ip) in self._network

    def __str__(self) -> str:
        return str(self._network)


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request, and its client, must be for a handler to act: all that is said here.

    The protocol says what the command and the key of a request are (``Request``); where it
    says nothing, as on plain tcp, no request matches.
    """

    command: Annotated[Word, Meta(description="its command, as SET* or COMMIT")] | None = None
    method: Annotated[Word, Meta(description="the same, of http")] | None = None
    key: Annotated[Glob, Meta(description="its key, as user:*")] | None = None
    path: Annotated[Glob, Meta(description="the same, of http, without the query")] | None = None
    query: Annotated[Regex, Meta(description="what its text holds, as ^COMMIT")] | None = None
    client: Annotated[Network, Meta(description="where it comes from, as 10.0.0.0/8")] | None = None

    @property
    def asks(self) -> bool:
        """Whether the request must be known to tell."""
        told = self.command or self.method or self.key or self.path or self.query
        return told is not None

    def fits(self, request: Request | None, client: str) -> bool:
        """Whether a request of the client ``host:port`` matches; None: it is not known."""
        if self.client is not None and not self.client.fits(client):
            return False
        if request is None:
            return not self.asks
        words = (
            (self.command, request.command),
            (self.method, request.command),
            (self.key, request.key),
            (self.path, request.key),
            (self.query, request.key),
        )
        return all(pattern is None or pattern.fits(text) for pattern, text in words)


def spelled(text: str) -> dict[str, str]:
    """Read ``command=SET* client=10.0.0.0/8``, quoted as in a shell. Raises ValueError."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError(f"{text!r}: a quote is not closed") from None
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r} is not NAME=PATTERN, as in command=SET*")
        found[name] = value
    return found
