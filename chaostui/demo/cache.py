"""The cache: a Redis of a few commands, that forgets everything when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chaostui.demo.backend import Answer, Backend, number

MOST_KEYS = 1000
OK = b"+OK\r\n"
NULL = b"$-1\r\n"


class Command(NamedTuple):
    """A command's words, and how many bytes it came in."""

    words: tuple[bytes, ...]
    size: int


class Cache(Backend):
    """One client of the cache; all clients share ``values``."""

    def __init__(self, values: dict[bytes, bytes]) -> None:
        super().__init__()
        self._values = values

    def take(self, received: bytearray) -> Answer | None:
        """Answer one command."""
        command = parse(bytes(received))
        if command is None:
            return None
        del received[: command.size]
        return Answer(self._answer(command.words))

    def _answer(self, words: Sequence[bytes]) -> bytes:
        values = self._values
        match [words[0].upper() if words else b"", *words[1:]]:
            case [b"GET", key]:
                return bulk(values.get(key))
            case [b"MGET", *keys] if keys:
                found = [bulk(values.get(key)) for key in keys]
                return b"*%d\r\n%b" % (len(found), b"".join(found))
            case [b"SET", key, value, *_]:
                return self._set(key, value)
            case [b"INCR", key]:
                return self._add(key, b"1")
            case [b"INCRBY", key, amount]:
                return self._add(key, amount)
            case [b"DEL", *keys] if keys:
                return b":%d\r\n" % sum(values.pop(key, None) is not None for key in keys)
            case other:
                return greeting(other)

    def _add(self, key: bytes, amount: bytes) -> bytes:
        count, more = number(self._values.get(key, b"0")), number(amount)
        if count is None or more is None:
            return b"-ERR value is not an integer or out of range\r\n"
        self._set(key, b"%d" % (count + more))
        return b":%d\r\n" % (count + more)

    def _set(self, key: bytes, value: bytes) -> bytes:
        if key not in self._values and len(self._values) >= MOST_KEYS:
            return b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
        self._values[key] = value
        return OK


def greeting(words: Sequence[bytes]) -> bytes:
    """What clients ask about the server rather than about its values."""
    match words:
        case [b"PING"]:
            return b"+PONG\r\n"
        case [b"CLIENT", *_]:
            return OK
        case [b"HELLO", *options]:
            return _hello(b"3" if options[:1] == [b"3"] else b"2")
    return b"-ERR unknown command, or a wrong number of arguments\r\n"


def _hello(version: bytes) -> bytes:
    """What a client is told first: pairs, as a map where it asked for RESP3."""
    told = (b"server", b"redis", b"version", b"7.0.0", b"proto")
    head = b"%3\r\n" if version == b"3" else b"*6\r\n"
    return head + b"".join(map(bulk, told)) + b":%b\r\n" % version


def bulk(value: bytes | None) -> bytes:
    """A value as a bulk string (RESP2); None is a null."""
    return NULL if value is None else b"$%d\r\n%b\r\n" % (len(value), value)


def parse(data: bytes) -> Command | None:
    """Read a command, an array of bulk strings or a line of words; None: it is not all here."""
    line, newline, rest = data.partition(b"\r\n")
    if not newline:
        return None
    if not line.startswith(b"*"):
        return Command(tuple(line.split()), len(data) - len(rest))
    words = []
    for _ in range(number(line[1:]) or 0):
        header, newline, rest = rest.partition(b"\r\n")
        size = number(header[1:]) or 0
        if not newline or len(rest) < size + 2:
            return None
        words.append(rest[:size])
        rest = rest[size + 2 :]
    return Command(tuple(words), len(data) - len(rest))
