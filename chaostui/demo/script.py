"""What each client asks: the same for the same seed, whatever the timing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from chaostui.demo.cache import bulk
from chaostui.demo.shop import PRODUCTS

QUICKEST, SLOWEST = 0.03, 0.15
"""Seconds that a client waits before it asks again."""

LONGEST_VISIT = 40
"""Requests on one connection."""


class Step(NamedTuple):
    """One request and the seconds of thought before it."""

    pause: float
    request: bytes


Visit = list[Step]
"""What is asked on one connection."""


def visits(kind: str, seed: int, client: int) -> Iterator[Visit]:
    """What a client asks, one connection after the other; ``kind`` is ``shop`` or ``cache``."""
    dice = random.Random(f"{seed}/{kind}/{client}")
    make = MAKERS[kind]
    while True:
        length = dice.randint(1, LONGEST_VISIT)
        yield [Step(dice.uniform(QUICKEST, SLOWEST), make(dice)) for _ in range(length)]


def _browse(dice: random.Random) -> bytes:
    number = dice.randrange(len(PRODUCTS))
    what = dice.choices(("product", "list", "picture", "search", "order"), (45, 20, 15, 10, 10))[0]
    if what == "order":
        body = b'{"product": %d, "count": %d}' % (number, dice.randint(1, 9))
        return _post(b"/orders", body)
    paths = {
        "product": f"/products/{number}",
        "list": "/products",
        "picture": f"/pictures/{number}",
        "search": f"/search?q={PRODUCTS[number][:2]}",
    }
    return b"GET %b HTTP/1.1\r\nHost: shop\r\n\r\n" % paths[what].encode()


def _post(path: bytes, body: bytes) -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n" % (path, len(body))
    return head + body


def _remember(dice: random.Random) -> bytes:
    keys = [b"product:%d" % number for number in range(len(PRODUCTS))]
    what = dice.choices(("GET", "SET", "INCR", "MGET"), (55, 20, 15, 10))[0]
    match what:
        case "SET":
            size = dice.randint(10, 2000)
            return command(b"SET", dice.choice(keys), b"x" * size)
        case "INCR":
            return command(b"INCR", b"visitors")
        case "MGET":
            return command(b"MGET", *dice.sample(keys, 4))
    return command(b"GET", dice.choice(keys))


def command(*words: bytes) -> bytes:
    """A command as clients of Redis send it."""
    return b"*%d\r\n%b" % (len(words), b"".join(map(bulk, words)))


MAKERS: dict[str, Callable[[random.Random], bytes]] = {"shop": _browse, "cache": _remember}
