"""The shop: an HTTP server of products, pictures and orders, some of them slow."""

from __future__ import annotations

import json
from typing import NamedTuple

from chaostui.demo.backend import Answer, Backend, number

PRODUCTS = (
    "anvil", "bellows", "chisel", "drill", "easel", "file",
    "gimlet", "hammer", "ink", "jigsaw", "kettle", "lathe",
)  # fmt: skip

SEARCH_TAKES = 0.040
ORDER_TAKES = 0.012
"""Seconds."""

REASONS = {200: "OK", 201: "Created", 404: "Not Found", 405: "Method Not Allowed"}


class Page(NamedTuple):
    """What a path answers."""

    status: int
    kind: str
    body: bytes
    takes: float = 0.0


class Shop(Backend):
    """One HTTP/1.1 client of the shop."""

    def take(self, received: bytearray) -> Answer | None:
        """Answer one request: a head, and a body where Content-Length says so."""
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return None
        request, *lines = received[:end].decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        size = end + 4 + (number(headers.get("content-length", "0")) or 0)
        if len(received) < size:
            return None
        del received[:size]
        method, _, rest = request.partition(" ")
        page = find(method, rest.partition(" ")[0])
        close = headers.get("connection", "").lower() == "close"
        return Answer(_written(page, head=method == "HEAD", close=close), page.takes, close)


def find(method: str, target: str) -> Page:
    """The page of a path."""
    path, _, query = target.partition("?")
    match [method, *path.strip("/").split("/")]:
        case ["GET" | "HEAD", "" | "products"]:
            return _json(200, [_product(each) for each in range(len(PRODUCTS))])
        case ["GET" | "HEAD", "products" | "pictures" as what, which]:
            return _one(what, number(which))
        case ["GET" | "HEAD", "search"]:
            words = query.rpartition("=")[2]
            found_here = [n for n, name in enumerate(PRODUCTS) if words in name]
            return _json(200, [_product(n) for n in found_here], SEARCH_TAKES)
        case ["POST", "orders"]:
            return _json(201, {"status": "taken"}, ORDER_TAKES)
        case ["GET" | "HEAD" | "POST", *_]:
            return _json(404, {"error": "there is no such page"})
    return _json(405, {"error": "only GET, HEAD and POST"})


def _one(what: str, which: int | None) -> Page:
    if which is None or which >= len(PRODUCTS):
        return _json(404, {"error": "there is no such product"})
    if what == "pictures":
        return Page(200, "image/x-portable-pixmap", _picture(which))
    return _json(200, _product(which))


def _product(which: int) -> dict[str, object]:
    return {"id": which, "name": PRODUCTS[which], "price": 5 + 7 * which, "stock": 90 - which}


def _picture(which: int) -> bytes:
    """A stripe of colours, 4 to 75 kB."""
    side = 36 + 11 * which
    return b"P6 %d %d 255\n" % (side, side) + bytes((which * 20, 90, 160)) * (side * side)


def _json(status: int, value: object, takes: float = 0.0) -> Page:
    return Page(status, "application/json", json.dumps(value).encode() + b"\n", takes)


def _written(page: Page, *, head: bool, close: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status} {REASONS[page.status]}",
        f"Content-Type: {page.kind}",
        f"Content-Length: {len(page.body)}",
        "Connection: close" if close else "Connection: keep-alive",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head else page.body)
