"""Toxiproxy's HTTP API on a listener of its own, byte for byte as its clients rely on it.

This module knows requests and answers: routing as gorilla/mux does it, error texts, who may
ask. ``toxiproxy_proxies`` and ``toxiproxy_toxics`` hold the endpoints, ``toxiproxy_state``
says the engine's state in Toxiproxy's words.
"""

from __future__ import annotations

import base64
import itertools
import logging
import os
import posixpath
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from chaostui.api import failures, toxiproxy_metrics, toxiproxy_proxies, toxiproxy_toxics
from chaostui.api.guard import LOCAL_HOSTS, PRIVATE, host_of, is_private
from chaostui.api.toxiproxy_call import Answer, Call, Refused, failed
from chaostui.api.toxiproxy_state import State
from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import CannotListen, ChaosError, Problem, SettingsError
from chaostui.safe_text import safe_text
from chaostui.settings import ControlSettings, composed

logger = logging.getLogger(__name__)

Endpoint = Callable[[Call], Awaitable[Answer]]
ANY_METHOD = "*"

ROUTES: dict[tuple[str, ...], Mapping[str, Endpoint]] = {
    ("version",): {"GET": toxiproxy_proxies.version},
    ("reset",): {"POST": toxiproxy_proxies.reset},
    ("populate",): {"POST": toxiproxy_proxies.populate},
    ("proxies",): {"GET": toxiproxy_proxies.index, "POST": toxiproxy_proxies.create},
    ("proxies", "{proxy}"): {
        "GET": toxiproxy_proxies.show,
        "POST": toxiproxy_proxies.update,
        "PATCH": toxiproxy_proxies.update,
        "DELETE": toxiproxy_proxies.delete,
    },
    ("proxies", "{proxy}", "toxics"): {
        "GET": toxiproxy_toxics.index,
        "POST": toxiproxy_toxics.create,
    },
    ("proxies", "{proxy}", "toxics", "{toxic}"): {
        "GET": toxiproxy_toxics.show,
        "POST": toxiproxy_toxics.update,
        "PATCH": toxiproxy_toxics.update,
        "DELETE": toxiproxy_toxics.delete,
    },
    ("metrics",): {ANY_METHOD: toxiproxy_metrics.metrics},
}

NOT_FOUND = failed(404, "404 page not found")


class Match(NamedTuple):
    """The methods of a path, and the names in it."""

    methods: Mapping[str, Endpoint]
    names: dict[str, str]


def match(path: str) -> Match | None:
    """Find a path's route; percent signs are read afterwards, so that names may hold slashes."""
    parts = path.split("/")[1:]
    for pattern, methods in ROUTES.items():
        if len(pattern) == len(parts) and all(
            part if wanted.startswith("{") else part == wanted
            for wanted, part in zip(pattern, parts, strict=True)
        ):
            names = {
                wanted.strip("{}"): composed(unquote(part))
                for wanted, part in zip(pattern, parts, strict=True)
                if wanted.startswith("{")
            }
            return Match(methods, names)
    return None


def check_listen(settings: ControlSettings) -> None:
    """Refuse to answer other hosts where nobody said so: its clients know no tokens."""
    listen = settings.toxiproxy
    if listen is not None and not listen.loopback and not settings.no_auth:
        what = f"{listen} can be reached from other hosts, and clients of Toxiproxy send no token"
        raise SettingsError(Problem("control.toxiproxy", f"{what}: say --api-no-auth"))


class ToxiproxyApp:
    """The ASGI application."""

    def __init__(self, supervisor: Supervisor, settings: ControlSettings) -> None:
        self.supervisor = supervisor
        self.state = State(supervisor)
        self.hosts = frozenset(host.lower() for host in settings.allow_host)
        listen = settings.toxiproxy
        self.private = listen is not None and not listen.loopback
        """Other hosts shall reach it, containers for one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self._answer(scope, receive)
        headers = [(b"content-length", b"%d" % len(answer.body))] if answer.status != 204 else []
        for name, value in answer.headers.items():
            headers.append((name.encode(), value.encode("latin-1", "replace")))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path = scope["raw_path"].decode("ascii", "replace")
        clean = cleaned(path)
        if clean != path:
            query = scope["query_string"].decode("latin-1")
            location = f"{clean}?{query}" if query else clean
            return Answer(301, headers={"Location": location})
        found = match(path)
        if found is None:
            return NOT_FOUND
        endpoint = found.methods.get(scope["method"]) or found.methods.get(ANY_METHOD)
        if endpoint is None:
            return Answer(405)
        answer = self._refusal(scope)
        if answer is None:
            answer = await self._call(endpoint, found, Request(scope, receive))
        answer.headers["X-Toxiproxy-Request-Id"] = request_id()
        return answer

    async def _call(self, endpoint: Endpoint, found: Match, request: Request) -> Answer:
        try:
            body = await request.body()
        except ClientDisconnect:
            return Answer(400)
        peer = request.client.host if request.client else "unix"
        call = Call(self.supervisor, self.state, found.names, body, f"toxiproxy {peer}")
        try:
            return await endpoint(call)
        # Whatever it is, the caller gets an answer and the engine lives on.
        except Exception as error:  # noqa: BLE001
            return refused(error).answer()

    def _refusal(self, scope: Scope) -> Answer | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        for name, value in headers:
            if name == b"user-agent" and value.startswith(b"Mozilla/"):
                return failed(403, "User agent not allowed")
        why = self._foreign(headers)
        if not why:
            return None
        logger.warning("refused a call of Toxiproxy's API: %s", safe_text(why, 200))
        return Refused(403, why).answer()

    def _foreign(self, headers: list[tuple[bytes, bytes]]) -> str:
        """Say why a request may come from a web page, or ``""``.

        A page can make a browser send requests here, with a name of its own that means this
        machine (DNS rebinding). Such a name has a dot; addresses and plain names are no page's,
        nor are those of a private network, which count where other hosts shall call.
        """
        for name, value in headers:
            if name == b"host" and not self._ours(host_of(value)):
                return "host not allowed (use --api-allow-host)"
            if name == b"origin" and not self._ours(host_of(value.partition(b"://")[2])):
                return "origin not allowed"
            if name == b"sec-fetch-site" and value in (b"cross-site", b"same-site"):
                return "cross-site request not allowed"
        return ""

    def _ours(self, host: str) -> bool:
        if host in LOCAL_HOSTS or host in self.hosts:
            return True
        return is_private(host) and (self.private or not host.endswith(PRIVATE))


def cleaned(path: str) -> str:
    """A path without empty and dotted parts, as Go's mux wants it; a last slash stays."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def refused(error: Exception) -> Refused:
    """The answer to an error of the engine's, or to one of ours."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, CannotListen):
        return Refused(500, toxiproxy_proxies.go_listen_error(error))
    status, text = failures.describe(error)
    if not isinstance(error, ChaosError):
        status = 500
    return Refused(status, text)


_counter = itertools.count(int.from_bytes(os.urandom(2)))
_machine = os.urandom(3)


def request_id() -> str:
    """A new id of 20 characters, as rs/xid makes them: time, machine, process, counter."""
    count = struct.pack(">I", next(_counter) & 0xFFFFFF)[1:]
    process = struct.pack(">H", os.getpid() & 0xFFFF)
    raw = struct.pack(">I", int(time.time()) & 0xFFFFFFFF) + _machine + process + count
    return base64.b32hexencode(raw).decode().rstrip("=").lower()
